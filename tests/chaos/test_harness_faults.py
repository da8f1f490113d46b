"""Real processes are killed, stopped and interrupted in mid-campaign; nothing is lost or counted twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import harness_runs as runs

pytestmark = [pytest.mark.server, pytest.mark.chaos]

_KILLS = 5


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two routes; the policy stands on each for three simulated minutes."""
    path = tmp_path_factory.mktemp("routes") / "two.xml"
    return runs.route_file(path, "a", "b", start=(338.68, 176.0), end=(338.65, 120.0))


def _arguments(routes: Path, out: Path, *more: str) -> list[str]:
    port = f"machine.first_port={runs.free_block(40)}"
    held = "tests.support.odd_policies:Held"
    return ["run", "--suite", str(routes), "--policy", held, "--out", str(out), "--set", port, *more]


@pytest.fixture(scope="module")
def undisturbed(routes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    done = runs.drivegate(*_arguments(routes, out))
    assert done.code == 0, done.err
    assert set(runs.outcomes(out).values()) == {"ended_by_rule"}
    return out


def test_servers_killed_again_and_again_lose_nothing(routes: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = _arguments(routes, out, "--workers", "2", "--infra-retries", str(_KILLS))
    killed: set[int] = set()
    with runs.started(*arguments) as process:
        while len(killed) < _KILLS and process.poll() is None:
            driving = runs.wait_for(
                "a server", lambda: set(runs.servers_of(process)) - killed or process.poll() == 0
            )
            if driving is True:
                break
            victim = driving.pop()
            runs.wait_for("an episode", lambda: runs.is_driving(out) or process.poll() is not None)
            runs.kill(victim)
            killed.add(victim)
        out_text, err_text = process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 0, err_text
    faults = runs.infra_log(out)
    assert faults, "no kill was in time"
    assert {fault["kind"] for fault in faults} <= {"server_died", "server_start"}
    signals = {fault["evidence"]["signal_name"] for fault in faults}  # type: ignore[index]
    assert signals == {"SIGKILL"}
    assert runs.scored_records(out) == runs.scored_records(undisturbed)
    assert "2/2 valid" in out_text


def test_a_hung_server_is_given_up_and_replaced(routes: Path, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = _arguments(routes, out, "--set", "machine.tick_deadline_s=3")
    hold = tmp_path / "hold"
    with runs.started(*arguments, hold=hold) as process:
        runs.wait_for("an episode", lambda: runs.is_driving(out))
        (server,) = runs.servers_of(process)
        os.kill(server, signal.SIGSTOP)
        hold.unlink()
        process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 0
    assert [fault["kind"] for fault in runs.infra_log(out)] == ["server_hung"]
    assert not runs.is_alive(server)
    assert runs.scored_records(out) == runs.scored_records(undisturbed)


def test_a_killed_worker_is_replaced_and_leaves_no_server(
    routes: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    hold = tmp_path / "hold"
    with runs.started(*_arguments(routes, out), hold=hold) as process:
        runs.wait_for("an episode", lambda: runs.is_driving(out))
        (server,) = runs.servers_of(process)
        runs.kill(runs.workers_of(process)[0])
        hold.unlink()
        runs.wait_for("the end of its server", lambda: not runs.is_alive(server))
        process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 0
    assert [fault["kind"] for fault in runs.infra_log(out)] == ["worker_died"]
    assert "SIGKILL" in str(runs.infra_log(out)[0]["message"])
    assert runs.scored_records(out) == runs.scored_records(undisturbed)


def test_interrupting_and_resuming_gives_the_same_run(
    routes: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """`brake` has driven both routes when the next policy is held in its first."""
    out = tmp_path / "run"
    arguments = ["run", "--policy", "brake", *_arguments(routes, out)[1:]]
    hold = tmp_path / "hold"
    with runs.started(*arguments, hold=hold) as process:
        runs.wait_for("two finished episodes", lambda: len(runs.outcomes(out)) == 2)
        runs.wait_for("an episode", lambda: runs.is_driving(out))
        servers = runs.servers_of(process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everybody in the group hears it
        hold.unlink()
        _, err_text = process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 130
    assert "--resume" in err_text
    assert "Traceback" not in err_text
    assert servers
    assert not any(runs.is_alive(server) for server in servers)
    done_before = runs.scored_records(out)
    assert len(runs.outcomes(out)) == 2
    assert runs.infra_log(out) == []

    again = runs.drivegate(*arguments)
    assert again.code == 2
    assert "--resume" in again.err
    resumed = runs.drivegate(*arguments, "--resume")
    assert resumed.code == 0, resumed.err
    assert "2 of them done before" in resumed.out
    assert runs.scored_records(out) == done_before | runs.scored_records(undisturbed)
    assert len(runs.outcomes(out)) == 4


def test_resuming_another_configuration_is_refused(routes: Path, undisturbed: Path) -> None:
    done = runs.drivegate(*_arguments(routes, undisturbed, "--seed", "7", "--resume"))
    assert done.code == 2
    assert "drive.seed: 0 in the run, 7 now" in done.err


def test_nothing_outlives_a_killed_campaign(routes: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    hold = tmp_path / "hold"
    with runs.started(*_arguments(routes, out, "--workers", "2"), hold=hold) as process:
        runs.wait_for("an episode", lambda: runs.is_driving(out))
        family = runs.wait_for(
            "two servers", lambda: found if len(found := runs.servers_of(process)) == 2 else None
        )
        family += runs.workers_of(process)
        runs.kill(process.pid)
        runs.wait_for("the end of all", lambda: not any(runs.is_alive(pid) for pid in family))


def test_an_episode_without_attempts_left_makes_the_run_invalid(routes: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    hold = tmp_path / "hold"
    with runs.started(*_arguments(routes, out, "--infra-retries", "0"), hold=hold) as process:
        runs.wait_for("an episode", lambda: runs.is_driving(out))
        (server,) = runs.servers_of(process)
        runs.kill(server)
        hold.unlink()
        out_text, err_text = process.communicate(timeout=runs.PATIENCE_S)
    assert process.returncode == 4
    assert "INVALID" in err_text
    assert "1/2 valid" in out_text
    assert [fault["will_retry"] for fault in runs.infra_log(out)] == [False]
    assert sorted(runs.outcomes(out).values()) == ["ended_by_rule", "infra_fault"]
