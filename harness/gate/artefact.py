"""Small JSON artefacts that live in a repository: baselines and the flake ledger, with readable diffs."""

from __future__ import annotations

import json
from pathlib import Path

from harness.record.errors import RecordError
from harness.record.files import write_whole

VERSION = 1
"""Of the artefacts' layout; goes up when an older reader would misread a newer file."""


def write_artefact(path: Path, content: dict[str, object]) -> None:
    """Write one artefact: sorted keys, one value per line, the old file or the new one after a crash.

    Raises:
        RecordError: the folder cannot be written.
    """
    text = json.dumps({"schema_version": VERSION, **content}, indent=1, sort_keys=True, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{text}\n".encode())
    except OSError as error:
        raise RecordError(path, f"cannot be written ({error.strerror})", "choose another path") from error
