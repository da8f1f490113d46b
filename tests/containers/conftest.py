"""Tests with real containers: skipped, with the reason, where no Docker engine runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.servers.engine import Engine
from tests.support import engine as docker


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine of this machine."""
    reason = docker.why_not()
    if reason is not None:
        pytest.skip(f"no Docker engine: {reason}")
    with Engine() as found:
        yield found


@pytest.fixture(scope="session")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """Our headless image, built from the sources as they are, once for all workers of the session."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder if worker_id == "master" else folder.parent
    return docker.headless_image(shared / "headless-image.lock")
