"""Dockerfiles and compose files: the properties that matter, read from the files themselves."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.servers.images import PORT_VARIABLE, ImageKind, server_command

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE = sorted(DOCKER.glob("compose.*.yaml"))
SERVICES = [
    pytest.param(path, name, id=f"{path.name}:{name}")
    for path in COMPOSE
    for name in yaml.safe_load(path.read_text())["services"]
]


def _instructions(path: Path) -> list[tuple[str, str]]:
    """(instruction, arguments) with continuation lines joined and comments dropped."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (words[0].upper(), words[2])
        for line in joined.splitlines()
        if (words := line.partition(" "))[0].strip()
    ]


def _last_stage(path: Path) -> list[tuple[str, str]]:
    found = _instructions(path)
    last = max(i for i, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def _service(path: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["services"][name]
    return found


def test_all_files_are_here() -> None:
    assert [path.name for path in DOCKERFILES] == [
        "carla.Dockerfile",
        "harness.Dockerfile",
        "headless.Dockerfile",
    ]
    assert [path.name for path in COMPOSE] == ["compose.carla.yaml", "compose.headless.yaml"]
    assert not list(DOCKER.rglob("__init__.py")), "a package of this name would shadow the docker SDK"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
class TestDockerfile:
    def test_the_base_can_be_chosen_and_is_pinned_by_default(self, path: Path) -> None:
        name, argument = _instructions(path)[0]
        assert name == "ARG"
        assert re.fullmatch(r"BASE=[a-z/]+:[0-9a-z.-]+", argument)
        assert not argument.endswith(":latest")
        assert _instructions(path)[1] == ("FROM", "${BASE} AS python") or _instructions(path)[1] == (
            "FROM",
            "${BASE}",
        )

    def test_no_frontend_is_pulled_from_a_registry(self, path: Path) -> None:
        assert not path.read_text().lower().startswith("# syntax=")

    def test_it_does_not_end_as_root(self, path: Path) -> None:
        users = [argument for name, argument in _last_stage(path) if name == "USER"]
        assert users
        assert users[-1].split(":")[0] not in ("root", "0")

    def test_it_can_be_stopped_and_started(self, path: Path) -> None:
        stage = dict(_last_stage(path))
        assert stage["STOPSIGNAL"] == "SIGTERM"
        assert stage["CMD"].startswith("["), "the exec form: a shell would swallow signals"
        assert stage.get("ENTRYPOINT", "[").startswith("[")

    def test_no_secret_and_no_registry_gets_into_a_layer(self, path: Path) -> None:
        text = path.read_text().lower()
        for word in ("password", "token", "secret", "pip.conf", "index-url", "pip_cert", "http_proxy"):
            assert word not in text
        assert not [argument for name, argument in _instructions(path) if name == "ADD"]

    def test_wheels_stay_in_their_stage(self, path: Path) -> None:
        assert not [a for name, a in _last_stage(path) if name == "COPY" and a.startswith("wheels")]
        for name, argument in _instructions(path):
            if name == "RUN" and "pip install" in argument:
                assert "--no-index" in argument
                assert "--no-cache-dir" in argument

    def test_package_lists_are_removed_in_the_layer_that_fetched_them(self, path: Path) -> None:
        for name, argument in _instructions(path):
            if name == "RUN" and "apt-get update" in argument:
                assert "--no-install-recommends" in argument
                assert "rm -rf /var/lib/apt/lists/*" in argument


@pytest.mark.parametrize("name", ["headless", "carla"])
def test_servers_have_our_label_and_a_health_check(name: str) -> None:
    stage = _last_stage(DOCKER / f"{name}.Dockerfile")
    health = [argument for what, argument in stage if what == "HEALTHCHECK"]
    assert len(health) == 1
    assert 'CMD ["ready.sh"]' in health[0]
    assert "--timeout=" in health[0]
    labels = " ".join(argument for what, argument in stage if what == "LABEL")
    assert f'drivegate.server="{ImageKind(name).value}"' in labels


def test_what_the_headless_image_installs_is_what_the_simulator_imports() -> None:
    imported: set[str] = set()
    for path in (ROOT / "simulator").rglob("*.py"):
        if path.name == "pytest_plugin.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    lines = (DOCKER / "headless.txt").read_text().splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}
    assert imported - set(sys.stdlib_module_names) - {"simulator"} == listed


@pytest.mark.parametrize(("path", "name"), SERVICES)
class TestService:
    def test_it_is_confined(self, path: Path, name: str) -> None:
        service = _service(path, name)
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
        assert "network_mode" not in service
        assert service["read_only"] is (path.name == "compose.headless.yaml")
        if service["read_only"]:
            assert any(entry.startswith("/tmp:") for entry in service["tmpfs"])  # noqa: S108
        assert "docker.sock" not in str(service)

    def test_its_share_of_the_machine_is_limited(self, path: Path, name: str) -> None:
        service = _service(path, name)
        for limit in ("mem_limit", "memswap_limit", "cpus", "pids_limit"):
            assert service[limit], limit
        assert service["memswap_limit"] == service["mem_limit"], (
            "no swap: a thrashing server is a hung server"
        )
        assert service["logging"]["options"]["max-size"]

    def test_a_server_publishes_identical_ports_on_the_loopback_alone(self, path: Path, name: str) -> None:
        service = _service(path, name)
        if name == "harness":
            assert "ports" not in service
            return
        assert len(service["ports"]) == 3
        numbers = []
        for entry in service["ports"]:
            plain = re.sub(r"\$\{[A-Z_]+:-(\d+)\}", r"\1", entry)
            host, outside, inside = plain.split(":")
            assert host == "127.0.0.1"
            assert outside == inside, "the server tells clients its streaming port: nothing may be remapped"
            numbers.append(int(inside))
        assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
        assert str(numbers[0]) in service["environment"][PORT_VARIABLE]
        assert service["healthcheck"]["test"] == ["CMD", "ready.sh"]


def test_the_compose_file_starts_carla_as_the_harness_does() -> None:
    for name, gpu, port in (("carla-0", "0", 2000), ("carla-1", "1", 2010)):
        service = _service(DOCKER / "compose.carla.yaml", name)
        assert set(service["command"]) == set(server_command(ImageKind.CARLA, port, with_gpu=True))
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "device_ids": [gpu], "capabilities": ["gpu"]}
        assert service["environment"]["NVIDIA_DRIVER_CAPABILITIES"] == "all"


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_itself_accepts_the_file(path: Path) -> None:
    docker = shutil.which("docker")
    plugin = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    if not plugin or plugin.returncode != 0:
        pytest.skip("the compose plugin is not installed")
    done = subprocess.run(
        [str(docker), "compose", "-f", str(path), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", sorted([*DOCKER.glob("*.sh"), ROOT / "ci" / "start-docker.sh"]), ids=lambda path: path.name
)
def test_scripts_are_executable_and_parse(path: Path) -> None:
    shell = path.read_text().splitlines()[0].removeprefix("#!")
    assert path.stat().st_mode & 0o111
    subprocess.run([shell, "-n", str(path)], check=True)
