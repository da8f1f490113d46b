"""A copy of this repository to run workflows on, and what stands in for its installation."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
VENV = Path(sys.executable).parents[1]


def copy_repository(folder: Path) -> Path:
    """Copy the working tree as it is, without what git ignores; nothing is committed yet."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")[:-1]
    for name in tracked:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def commit(folder: Path, message: str) -> Path:
    """Make a copied folder a repository whose only commit holds all of it."""
    for command in (
        ["init", "--quiet", "--initial-branch", "change"],
        ["add", "--all"],
        ["-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", message],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def stand_in_venv(workspace: Path) -> None:
    """Stand in for what `make core` would download and compile: the environment of this test.

    The simulator is left to that environment too, so that its compiled kernels need not be compiled again.
    """
    (workspace / ".venv").mkdir()
    for entry in VENV.iterdir():
        (workspace / ".venv" / entry.name).symlink_to(entry)
    for stamp in ("core.stamp", "dev.stamp", "docker.stamp"):
        (workspace / ".venv" / stamp).unlink(missing_ok=True)
        (workspace / ".venv" / stamp).touch()
    shutil.rmtree(workspace / "simulator")
