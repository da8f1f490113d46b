"""Logs of servers: one file per start, and the last lines of one."""

from __future__ import annotations

from pathlib import Path

LOG_LINES = 20
_LOG_BYTES = 8192


def unused(folder: Path, stem: str) -> Path:
    """Return the path of a log that does not exist yet: stem-0.log, stem-1.log, ..."""
    number = 0
    while (path := folder / f"{stem}-{number}.log").exists():
        number += 1
    return path


def tail(path: Path | None) -> tuple[str, ...]:
    """Return the last lines of a log."""
    if path is None or not path.exists():
        return ()
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _LOG_BYTES))
        text = log.read().decode(errors="replace")
    return tuple(text.splitlines()[-LOG_LINES:])
