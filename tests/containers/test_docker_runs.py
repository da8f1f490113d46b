"""`drivegate run --server docker`: the embedded server's records, whatever is killed; nothing is left."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.servers.engine import Engine
from tests.support import engine as docker
from tests.support import harness_runs as runs

pytestmark = [
    pytest.mark.docker,
    pytest.mark.server,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("containers"),
]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two routes; the policy stands on each for three simulated minutes."""
    path = tmp_path_factory.mktemp("routes") / "two.xml"
    return runs.route_file(path, "a", "b", start=(338.68, 176.0), end=(338.65, 120.0))


@pytest.fixture(scope="module")
def undisturbed(routes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on the embedded server, and nobody disturbed it."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    done = runs.drivegate(*_arguments(routes, out, "--server", "embedded"))
    assert done.code == 0, done.err
    return out


@pytest.fixture(autouse=True)
def nothing_is_left(engine: Engine, tmp_path: Path) -> Iterator[None]:
    """Whatever happens in a test: no container, network or volume of its runs stays."""
    before = docker.inventory(engine)
    yield
    left = [one for one in engine.list() if one.run.startswith(str(tmp_path))]
    for container in engine.ours():
        if container.labels["drivegate.run"].startswith(str(tmp_path)):
            container.remove(force=True, v=True)
    assert left == []
    assert docker.left_behind(engine, before) == set()


def _arguments(routes: Path, out: Path, *more: str) -> list[str]:
    port = f"machine.first_port={runs.free_block(40)}"
    held = "tests.support.odd_policies:Held"
    return ["run", "--suite", str(routes), "--policy", held, "--out", str(out), "--set", port, *more]


def _hashes(run: Path) -> dict[str, list[str]]:
    return {
        episode: [hashlib.sha256(part).hexdigest() for part in parts]
        for episode, parts in runs.scored_records(run).items()
    }


def test_the_smoke_suite_gives_the_embedded_servers_records(image: str, tmp_path: Path) -> None:
    suite = ["run", "--suite", "smoke", "--policy", "expert", "--workers", "2", "--traffic", "5"]
    port = ["--set", f"machine.first_port={runs.free_block(40)}"]
    embedded = runs.drivegate(*suite, *port, "--out", str(tmp_path / "embedded"), timeout_s=600)
    assert embedded.code == 0, embedded.err
    contained = runs.drivegate(
        *suite,
        *port,
        "--server",
        "docker",
        "--image",
        image,
        "--out",
        str(tmp_path / "docker"),
        timeout_s=600,
    )
    assert contained.code == 0, contained.err
    assert "3/3 valid" in contained.out
    assert len(_hashes(tmp_path / "docker")) == 3
    assert _hashes(tmp_path / "docker") == _hashes(tmp_path / "embedded")
    assert list((tmp_path / "docker" / "logs").glob("server-*.log"))

    rules = runs.REPOSITORY / "ci" / "gate.yaml"
    gate = runs.drivegate(
        *("gate", "--baseline", str(tmp_path / "embedded"), "--candidate", str(tmp_path / "docker")),
        *("--rules", str(rules)),
    )
    assert gate.code != 4, gate.out + gate.err  # the two can be compared


@pytest.mark.chaos
def test_killed_and_stopped_containers_lose_nothing(
    engine: Engine, image: str, routes: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out, hold = tmp_path / "run", tmp_path / "hold"
    arguments = _arguments(routes, out, "--server", "docker", "--image", image, "--workers", "2")
    with runs.started(*arguments, "--set", "machine.tick_deadline_s=3", hold=hold) as process:
        runs.wait_for(
            "two episodes",
            lambda: len(list(out.glob("episodes/*/*/*/ticks.arrow"))) == 2 and runs.is_driving(out),
        )
        first, second = runs.wait_for(
            "two containers", lambda: found if len(found := list(docker.running(engine, out))) == 2 else None
        )
        os.kill(docker.host_pid(first), signal.SIGKILL)
        os.kill(docker.host_pid(second), signal.SIGSTOP)
        hold.unlink()
        out_text, err_text = process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 0, err_text
    assert "2/2 valid" in out_text
    faults = {str(fault["kind"]): fault for fault in runs.infra_log(out)}
    assert set(faults) == {"server_died", "server_hung"}
    assert faults["server_died"]["evidence"]["signal_name"] == "SIGKILL"  # type: ignore[index]
    assert faults["server_hung"]["evidence"]["alive"] is True  # type: ignore[index]
    assert _hashes(out) == _hashes(undisturbed)


@pytest.mark.chaos
def test_a_killed_worker_leaves_no_container(
    engine: Engine, image: str, routes: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out, hold = tmp_path / "run", tmp_path / "hold"
    with runs.started(*_arguments(routes, out, "--server", "docker", "--image", image), hold=hold) as process:
        runs.wait_for("an episode", lambda: runs.is_driving(out))
        (container,) = docker.running(engine, out)
        runs.kill(runs.workers_of(process)[0])
        hold.unlink()
        runs.wait_for(
            "the end of its container",
            lambda: container.id not in {one.id for one in docker.containers_of(engine, out)},
        )
        process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 0
    assert [fault["kind"] for fault in runs.infra_log(out)] == ["worker_died"]
    assert _hashes(out) == _hashes(undisturbed)


@pytest.mark.chaos
def test_the_next_start_cleans_up_after_a_killed_campaign_and_spares_a_living_one(
    engine: Engine, image: str, routes: Path, undisturbed: Path, tmp_path: Path
) -> None:
    killed, living, hold = tmp_path / "killed", tmp_path / "living", tmp_path / "hold"
    contained = ("--server", "docker", "--image", image)
    with runs.started(*_arguments(routes, living, *contained), hold=hold) as patient:
        runs.wait_for("an episode", lambda: runs.is_driving(living))
        with runs.started(*_arguments(routes, killed, *contained), hold=hold) as victim:
            runs.wait_for("an episode", lambda: runs.is_driving(killed))
            family = runs.workers_of(victim)
            runs.kill(victim.pid)
            runs.wait_for("the end of all", lambda: not any(runs.is_alive(pid) for pid in family))
        (orphan,) = docker.containers_of(engine, killed)
        listed = runs.drivegate("servers")
        assert listed.code == 0
        assert "dead" in listed.out
        assert "alive" in listed.out

        hold.unlink()
        resumed = runs.drivegate(*_arguments(routes, killed, *contained, "--resume"))
        assert resumed.code == 0, resumed.err
        assert "removed 1 container" in resumed.out
        assert orphan.id not in {one.id for one in engine.ours()}
        patient.communicate(timeout=runs.PATIENCE_S)
    assert patient.returncode == 0
    assert runs.infra_log(living) == []
    assert _hashes(living) == _hashes(killed) == _hashes(undisturbed)


@pytest.mark.chaos
def test_interrupting_removes_the_containers(
    engine: Engine, image: str, routes: Path, tmp_path: Path
) -> None:
    out, hold = tmp_path / "run", tmp_path / "hold"
    with runs.started(*_arguments(routes, out, "--server", "docker", "--image", image), hold=hold) as process:
        runs.wait_for("an episode", lambda: runs.is_driving(out))
        assert len(docker.containers_of(engine, out)) == 1
        os.killpg(process.pid, signal.SIGINT)
        hold.unlink()
        _, err_text = process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in err_text
    assert docker.containers_of(engine, out) == []
