"""Where a checkpoint comes from: commit and versions."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

from harness.source_commit import commit_of

_PACKAGES = ("drivegate", "torch", "lightning", "numpy")


def git_commit() -> str:
    """The commit of this source, with "+changes" if it differs; "unknown" outside a repository."""
    return commit_of(Path(__file__).parent, says_changes=True) or "unknown"


def versions() -> dict[str, str]:
    """Python and packages."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "source"
    return found
