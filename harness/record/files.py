"""Small files of a record: canonical JSON, written so that a crash leaves the old file or the new one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.record.errors import CorruptRecordError, FutureRecordError, RecordError

RECORD_VERSION = 1
"""Version of the layout of a record; goes up when an older reader would misread a newer file."""

Parsed = TypeVar("Parsed")


def canonical_json(value: object) -> str:
    """One line of JSON that is the same for the same value: sorted keys, shortest exact floats, no NaN.

    Raises:
        ValueError: NaN or infinity.
        TypeError: something that JSON does not know, such as a NumPy number.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def json_line(path: Path, value: object) -> bytes:
    """A value as one line of canonical JSON, with its end.

    Raises:
        RecordError: the value is not JSON; `path` is where it should have gone.
    """
    try:
        return canonical_json(value).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise RecordError(
            path, f"cannot be written as JSON ({error})", "give plain, finite values"
        ) from error


def write_atomically(path: Path, value: object) -> None:
    """Write one JSON value; after a crash the file is either whole or not there.

    Raises:
        RecordError: the value is not JSON.
    """
    write_whole(path, json_line(path, value))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file: after a crash it is the old one or the new one.

    `policies.durable` does the same for checkpoints. It is not used here: records are scored where no policy
    is installed.
    """
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_json(path: Path, adapter: TypeAdapter[Parsed]) -> Parsed:
    """Read one JSON value of a known, versioned shape.

    Raises:
        CorruptRecordError: missing, not JSON, or not of this shape.
        FutureRecordError: its schema_version is later than ours.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorruptRecordError(
            path, f"cannot be read ({error.strerror})", "run the episode again"
        ) from error
    try:
        value = json.loads(data)
    except ValueError as error:
        raise CorruptRecordError(path, f"is not JSON ({error})", "run the episode again") from error
    check_version(path, value.get("schema_version") if isinstance(value, dict) else None)
    try:
        return adapter.validate_json(data, strict=True)
    except ValidationError as error:
        raise _bad_shape(path, error) from error


def read_json_lines(path: Path, adapter: TypeAdapter[Parsed]) -> Iterator[Parsed]:
    """Read a file with one JSON value of a known shape per line.

    Raises:
        CorruptRecordError: missing, or a line is not of this shape.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CorruptRecordError(
            path, f"cannot be read ({error.strerror})", "run the episode again"
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            yield adapter.validate_json(line, strict=True)
        except ValidationError as error:
            raise _bad_shape(path, error, f"line {number} ") from error


def check_version(path: Path, version: object, ours: int = RECORD_VERSION) -> None:
    """Refuse versions that this program cannot read, which are those after `ours`.

    Raises:
        CorruptRecordError: no version, or not a version that ever was.
        FutureRecordError: a later version.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise CorruptRecordError(path, f"schema_version is {version!r}", "run the episode again")
    if version > ours:
        raise FutureRecordError(
            path,
            f"schema_version {version} is later than {ours}",
            "read it with the drivegate version named in its header",
        )


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, in hex.

    Raises:
        CorruptRecordError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CorruptRecordError(
            path, f"cannot be read ({error.strerror})", "run the episode again"
        ) from error


def _bad_shape(path: Path, error: ValidationError, where: str = "") -> CorruptRecordError:
    """The first thing that a file of the wrong shape has wrong."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "value"
    return CorruptRecordError(path, f"{where}{place}: {first['msg']}", "run the episode again")
