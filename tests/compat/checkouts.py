"""The clients under check: where they lie, and whether they are what the table of results was made with.

Nothing of them is in this repository. A checkout is recognised by its text, not by its git history, so that
an edited one is noticed and an unpacked archive is accepted.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_TEXTS = {".py", ".xml", ".xosc", ".osc", ".json"}


class CheckoutError(Exception):
    """A path that is not what it should be; the message says what was expected and where to get it."""


@dataclass(frozen=True)
class Pin:
    """A version of a client.

    Attributes:
        name: of the client.
        version: as people call it.
        commit: in its repository.
        folders: that make it, relative to its root.
        landmark: a file that tells its root.
        sha256: of its text, see `fingerprint`.
    """

    name: str
    version: str
    commit: str
    folders: tuple[str, ...]
    landmark: str
    sha256: str


SCENARIO_RUNNER = Pin(
    name="ScenarioRunner",
    version="v0.9.16",
    commit="94ff3b8af752bad2b9d464ad5105868906aa34c0",
    folders=("scenario_runner.py", "srunner"),
    landmark="scenario_runner.py",
    sha256="24299408113e9efdb03071e7af560da74460fe3e2df5978240d8d1ebae179f8b",
)
LEADERBOARD = Pin(
    name="Leaderboard",
    version="2.1 (master)",
    commit="aec81319de6bec57372f25aa94083c9ab0bd4223",
    folders=("leaderboard",),
    landmark="leaderboard/leaderboard_evaluator.py",
    sha256="c2854929354db7c256226dac1b1f9a36a113da1825b3f6c9307b7eed008663cf",
)
AGENTS = Pin(
    name="CARLA's Python agents",
    version="0.9.16",
    commit="the release's PythonAPI/carla/agents",
    folders=("agents",),
    landmark="agents/navigation/basic_agent.py",
    sha256="16afac6a4365bce81e59cdf35010e901155b156cbee52885ed9594838b806591",
)


def find(pin: Pin, root: Path) -> tuple[Path, str | None]:
    """Look whether a client is where it should be.

    Args:
        pin: what is expected.
        root: its checkout.

    Returns:
        The absolute root, and what differs from the pin (None if nothing does).

    Raises:
        CheckoutError: it is not there.
    """
    root = root.expanduser().resolve()
    if not (root / pin.landmark).is_file():
        raise CheckoutError(
            f"{root} is no {pin.name}: {pin.landmark} is missing. Expected: {pin.version} ({pin.commit})."
        )
    found = fingerprint(pin, root)
    if found == pin.sha256:
        return root, None
    return root, (
        f"{root} is not the {pin.name} {pin.version} ({pin.commit}) that the results are known for:"
        f" its text has the hash {found[:12]}, not {pin.sha256[:12]}."
    )


def fingerprint(pin: Pin, root: Path) -> str:
    """Hash of the names and texts of a client's files, whatever their line ends."""
    digest = hashlib.sha256()
    for path in sorted(_files(pin, root), key=lambda each: each.relative_to(root).as_posix()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(re.sub(rb"\r\n?", b"\n", path.read_bytes()) + b"\0")
    return digest.hexdigest()


def _files(pin: Pin, root: Path) -> list[Path]:
    found = []
    for folder in pin.folders:
        start = root / folder
        candidates = [start] if start.is_file() else start.rglob("*")
        found += [
            path
            for path in candidates
            if path.suffix in _TEXTS and path.is_file() and "__pycache__" not in path.parts
        ]
    return found
