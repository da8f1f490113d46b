"""The Docker engine of this machine, the image under test, and a look at what is left behind."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import EngineError
from harness.servers.engine import Engine
from tests.support.harness_runs import REPOSITORY

BASE = os.environ.get("BASE", "debian:bookworm-slim")
_KEPT_IMAGES = 8
_SOURCES = (
    *("simulator", "constraints.txt", "pyproject.toml"),
    *(
        f"docker/{name}"
        for name in ("build.sh", "headless.Dockerfile", "headless.txt", "ready.sh", "serve.sh")
    ),
)


def why_not() -> str | None:
    """Why no containers can be started here, None if they can."""
    try:
        Engine().close()
    except EngineError as error:
        return str(error)
    return None


def headless_image(lock: Path) -> str:
    """Build our headless image unless this very source was built before; workers of a session wait for one.

    Args:
        lock: file that all workers of the session see.
    """
    name = f"drivegate/headless:test-{_source_hash()}"
    with lock.open("w") as file, Engine() as engine:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = engine.client.images.list("drivegate/headless")
        if name in [tag for image in found for tag in image.tags]:
            return name
        done = subprocess.run(
            [str(REPOSITORY / "docker" / "build.sh"), "headless"],
            env=os.environ
            | {
                "BASE": BASE,
                "TAG": name.partition(":")[2],
                "PYTHON": sys.executable,
                "CONTEXT": str(lock.parent / "context"),
                "DOCKER_BUILDKIT": "0",  # works with every client; the command-line tests try the default
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        # Images of old sources pile up on a developer's machine; other checkouts may be testing theirs.
        newest_first = sorted(found, key=lambda image: str(image.attrs["Created"]), reverse=True)
        for image in newest_first[_KEPT_IMAGES:]:
            for tag in image.tags:
                if tag.startswith("drivegate/headless:test-"):
                    engine.client.images.remove(tag)
    return name


def _source_hash() -> str:
    content = hashlib.sha256(BASE.encode())
    for source in _SOURCES:
        root = REPOSITORY / source
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file() and "__pycache__" not in path.parts:
                content.update(str(path.relative_to(REPOSITORY)).encode() + path.read_bytes())
    return content.hexdigest()[:12]


def containers_of(engine: Engine, run: Path) -> list[Any]:
    """Containers that a run has now, whatever their state."""
    return [
        container
        for container in engine.ours()
        if container.labels.get("drivegate.run") == str(run.absolute())
    ]


def inventory(engine: Engine) -> tuple[set[str], set[str]]:
    """Networks and volumes of the engine."""
    networks = {str(one.id) for one in engine.client.networks.list()}
    volumes = {str(one.id) for one in engine.client.volumes.list()}
    return networks, volumes


def left_behind(engine: Engine, before: tuple[set[str], set[str]]) -> set[str]:
    """Networks and volumes that came since and stayed; what others took away meanwhile is none of ours."""
    return set().union(*(now - then for now, then in zip(inventory(engine), before, strict=True)))


def host_pid(container: Any) -> int:
    """Pid of the container's first process, as the host sees it."""
    container.reload()
    return int(container.attrs["State"]["Pid"])


def running(engine: Engine, run: Path) -> Iterator[Any]:
    """Containers of a run that are running."""
    yield from (one for one in containers_of(engine, run) if one.status == "running")


def main() -> int:
    """Build the image under test ahead, so that no other test has to share the disk with that."""
    reason = why_not()
    if reason is not None:
        print(f"no image for tests: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        print(f"image for tests: {headless_image(Path(folder) / 'lock')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
