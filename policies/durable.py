"""Files that are whole or not there, also after a crash, and their hashes: checkpoints and training data."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def put_in_place(temporary: Path, path: Path) -> None:
    """Move a finished file to its name, durably."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file: after a crash it is the old one or the new one."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(data)
    put_in_place(temporary, path)


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
