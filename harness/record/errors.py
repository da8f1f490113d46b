"""What reading and writing records can raise; every error names the file, what is wrong and the remedy."""

from __future__ import annotations

from pathlib import Path

from harness.errors import DrivegateError


class RecordError(DrivegateError):
    """A record cannot be written or read.

    Attributes:
        path: the file or folder.
        problem: what is wrong with it.
        remedy: what to do about it.
    """

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class IncompleteRecordError(RecordError):
    """The record has no end marker: its episode was interrupted. Never scored."""


class CorruptRecordError(RecordError):
    """A file is missing, torn, changed after the end marker was written, or not what its schema says."""


class FutureRecordError(RecordError):
    """The record was written by a later version of this program."""
