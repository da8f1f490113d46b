"""What goes wrong with engines, images and containers: the cause, the remedy, and no container left."""

from __future__ import annotations

import base64
import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.config import DockerConfig
from harness.errors import GpuMissingError, ImageMissingError, PortTakenError, ServerStartError
from harness.servers.docker import Berth, DockerServer
from harness.servers.engine import Engine
from harness.servers.images import ImageKind
from harness.servers.owners import Owner
from tests.support import engine as docker
from tests.support import harness_runs as runs
from tests.support.registry import Registry

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900), pytest.mark.xdist_group("containers")]


def _server(
    engine: Engine, name: str, run: Path, config: DockerConfig, deadline_s: float = 120.0
) -> DockerServer:
    return DockerServer(
        engine.image(name, config.kind),
        Berth(Owner.this_process(), 0, run),
        config,
        first_port=runs.free_block(30),
        dt_s=0.05,
        start_deadline_s=deadline_s,
    )


@pytest.fixture(autouse=True)
def nothing_is_left(engine: Engine, tmp_path: Path) -> Iterator[None]:
    """No container stays, not even one in the state Created."""
    yield
    assert docker.containers_of(engine, tmp_path) == []


def test_a_container_over_its_memory_limit_says_so(engine: Engine, image: str, tmp_path: Path) -> None:
    server = _server(engine, image, tmp_path, DockerConfig(memory="20m"))
    with pytest.raises(ServerStartError, match="--docker-memory"), server:
        pass


def test_without_the_nvidia_runtime_a_gpu_is_refused_with_the_remedy(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    if "nvidia" in engine.client.info()["Runtimes"]:
        pytest.skip("this engine has GPUs")
    server = _server(engine, image, tmp_path, DockerConfig(gpus=("0",)))
    with pytest.raises(GpuMissingError, match="Container Toolkit"), server:
        pass


def test_ports_of_somebody_else_are_found_out_by_the_engine(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = {
            "labels": {"drivegate.owner": str(Owner.this_process()), "drivegate.run": str(tmp_path)},
            "ports": {f"{port}/tcp": ("127.0.0.1", port)},
        }
        with pytest.raises(PortTakenError):
            engine.start(engine.image(image, None), ["--port", str(port)], options)


@pytest.mark.parametrize(
    ("last_words", "end", "remedy"),
    [
        ("Signal 11 caught.", "kill -SEGV $$", "a fresh server is all that helps"),
        (
            "GameThread timed out waiting for RenderThread after 60.00 secs",
            "exit 1",
            "fewer workers for each GPU",
        ),
        (
            "VulkanRHI::vkCreateDevice failed, VkResult=-3 VK_ERROR_INITIALIZATION_FAILED",
            "exit 1",
            "nvidia-smi",
        ),
    ],
)
def test_the_last_words_of_a_carla_become_a_diagnosis(
    engine: Engine, tmp_path: Path, last_words: str, end: str, remedy: str
) -> None:
    """A base image whose CarlaUE4.sh ends as CARLA's log files of users show it."""
    script = f"#!/bin/bash\necho '{last_words}'\n{end}\n"
    encoded = base64.b64encode(script.encode()).decode()
    dockerfile = f"FROM {docker.BASE}\nRUN echo {encoded} | base64 -d >/CarlaUE4.sh\nUSER 10001\n"
    built, _ = engine.client.images.build(fileobj=io.BytesIO(dockerfile.encode()), rm=True)
    try:
        server = _server(engine, built.id, tmp_path, DockerConfig(gpus=()))
        with pytest.raises(ServerStartError, match=remedy) as caught, server:
            pass
        assert last_words[:20] in str(caught.value)
    finally:
        engine.client.images.remove(built.id, force=True)


def _drive_on(image: str, out: Path) -> runs.Finished:
    """Drive the smoke suite on containers of an image; it ends before the first episode."""
    words = ("run", "--suite", "smoke", "--policy", "brake", "--server", "docker")
    return runs.drivegate(*words, "--image", image, "--out", str(out))


def test_a_missing_image_is_no_traceback(tmp_path: Path) -> None:
    done = _drive_on("127.0.0.1:9/drivegate-has-no-such-image:1", tmp_path / "run")
    assert done.code == 2
    assert "cannot be pulled" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run").exists()


def test_an_image_is_pulled_and_tells_how_far(engine: Engine) -> None:
    news: list[tuple[str, int, int]] = []
    with Registry() as registry:
        name = f"127.0.0.1:{registry.port}/tiny:1"
        with pytest.raises(ImageMissingError, match="cannot be pulled"):
            engine.image(f"127.0.0.1:{registry.port}/other:1", None)
        found = engine.image(name, None, lambda *one: news.append(one))
        try:
            assert found.kind is ImageKind.CARLA  # it has no label of ours
            assert news
            assert max(here for _, here, _ in news) > 0
            assert all(here <= total for _, here, total in news)
        finally:
            engine.client.images.remove(name, force=True)


def test_a_carla_needs_a_word_about_gpus(engine: Engine, tmp_path: Path) -> None:
    done = _drive_on(docker.BASE, tmp_path / "run")
    assert done.code == 2
    assert "--gpus 0" in done.err


def test_who_may_not_use_the_socket_is_told_how(tmp_path: Path) -> None:
    """A socket that its user may not open; root could, so that the test becomes somebody else."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        for folder in (tmp_path, *tmp_path.parents):
            if folder != Path("/") and folder.stat().st_uid == os.getuid():
                folder.chmod(folder.stat().st_mode | 0o011)
        code = (
            "import os, docker, requests; from harness.servers.engine import Engine;"
            " os.setuid(os.getuid() or 65534); Engine()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=runs.REPOSITORY,
            env={"DOCKER_HOST": f"unix://{path}", "PATH": os.environ["PATH"], "USER": "nobody"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "EngineDeniedError" in done.stderr
    assert "usermod -aG docker" in done.stderr
