"""Which commit a folder is at: where baselines and checkpoints say they come from."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PATIENCE_S = 20.0


def commit_of(folder: Path, *, says_changes: bool = False) -> str:
    """Commit of the repository that a folder is in, "" if there is none or no git.

    Args:
        folder: anywhere in it.
        says_changes: append "+changes" if tracked files differ from the commit.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit and says_changes and _git(folder, "status", "--porcelain", "--untracked-files=no"):
        return f"{commit}+changes"
    return commit


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
