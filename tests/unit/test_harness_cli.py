"""The command line: what is wrong is said in one paragraph, with the exit code that scripts rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import harness_runs as runs
from tests.support.strange_servers import HOST, answering, version_reply

_POLICY = ("--policy", "constant")


def _refused(*arguments: str) -> str:
    """Run something wrong; returns the complaint."""
    done = runs.drivegate(*arguments)
    assert done.code == 2, (done.out, done.err)
    assert "Traceback" not in done.err
    return " ".join(done.err.split())


def test_help_teaches_by_examples() -> None:
    done = runs.drivegate("run", "--help")
    assert done.code == 0
    assert "drivegate run --suite longest6-town01 --policy expert --policy constant" in " ".join(
        done.out.split()
    )


def test_suites_and_policies_are_listed() -> None:
    assert "longest6-town01" in runs.drivegate("suites").out
    listed = runs.drivegate("policies").out
    assert "expert *" in listed
    assert "speed_mps=6" in listed


def test_an_unknown_suite_is_refused_with_the_names(tmp_path: Path) -> None:
    text = _refused("run", "--suite", "longest6-town99", *_POLICY, "--out", str(tmp_path / "run"))
    assert "longest6-town99" in text
    assert "longest6-town02" in text
    assert not (tmp_path / "run").exists()


def test_a_malformed_route_file_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "torn.xml"
    path.write_text("<routes><route id='1' town='Town01'>")
    assert "torn.xml" in _refused("run", "--suite", str(path), *_POLICY, "--out", str(tmp_path / "run"))


def test_a_route_file_with_a_bad_element_is_refused_with_its_place(tmp_path: Path) -> None:
    """The name stands there as the user gave it, so that it can be copied."""
    point = '<position x="1" y="abc" z="0"/>'
    route = f'<routes><route id="7" town="Town01"><waypoints>{point * 2}</waypoints></route></routes>'
    (tmp_path / "lower.xml").write_text(route)
    done = runs.drivegate("run", "--suite", "lower.xml", *_POLICY, folder=tmp_path)
    assert done.code == 2
    assert done.err.startswith("drivegate: lower.xml:1, route 7, <position y>")
    assert '"abc"' in done.err
    assert not (tmp_path / "runs").exists()


def test_what_to_drive_and_who_must_be_said(tmp_path: Path) -> None:
    assert "--suite" in _refused("run", *_POLICY, "--out", str(tmp_path / "run"))
    assert "--policy" in _refused("run", "--suite", "longest6-town01", "--out", str(tmp_path / "run"))


def test_a_route_twice_is_refused(tmp_path: Path) -> None:
    suites = ("--suite", "longest6-town01", "--suite", "longest6-available")
    assert "route id" in _refused("run", *suites, *_POLICY, "--out", str(tmp_path / "run"))


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    text = _refused("run", "--suite", "longest6-town01", *_POLICY, "--out", str(tmp_path))
    assert "--out" in text


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (("--policy", "expart"), "expert"),
        (("--policy", "nowhere.at_all:Policy"), "nowhere"),
        (("--policy", "constant", "--policy-arg", "constant.speed=3"), "speed_mps"),
        (("--policy", "constant", "--policy-arg", "constant.speed_mps=300"), "speed_mps"),
    ],
)
def test_an_unknown_policy_or_argument_is_refused_before_a_server_starts(
    tmp_path: Path, policy: tuple[str, ...], says: str
) -> None:
    out = tmp_path / "run"
    assert says in _refused("run", "--suite", "longest6-town01", *policy, "--out", str(out))
    assert not out.exists()


def test_a_remote_that_is_no_carla_is_refused(tmp_path: Path) -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        server = ("--server", f"remote:{HOST}:{port}")
        text = _refused(
            "run", "--suite", "longest6-town01", *_POLICY, *server, "--out", str(tmp_path / "run")
        )
    assert "not a CARLA server" in text
    assert str(port) in text


def test_a_remote_of_another_version_is_refused(tmp_path: Path) -> None:
    with answering(version_reply("0.9.15")) as port:
        server = ("--server", f"remote:{HOST}:{port}")
        text = _refused(
            "run", "--suite", "longest6-town01", *_POLICY, *server, "--out", str(tmp_path / "run")
        )
    assert "0.9.15" in text
    assert "0.9.16" in text


def test_a_remote_that_is_not_there_is_an_infrastructure_fault(tmp_path: Path) -> None:
    server = ("--server", f"remote:{HOST}:1", "--infra-retries", "1")
    out = tmp_path / "run"
    done = runs.drivegate("run", "--suite", "longest6-town01", *_POLICY, *server, "--out", str(out))
    assert done.code == 4
    assert "Nobody answers" in done.err
    assert [fault["kind"] for fault in runs.infra_log(out)] == ["server_start", "server_start"]


def test_scoring_and_showing_need_no_carla_and_no_simulator(tmp_path: Path) -> None:
    """A meta-path finder makes both unimportable; the empty folder is then the only complaint."""
    program = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("carla", "simulator"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
sys.argv = ["drivegate", *sys.argv[1:]]
from harness.cli import main
main()
"""
    for arguments in (
        ["score", str(tmp_path)],
        ["show", str(tmp_path)],
        ["suites"],
        ["policies"],
        ["--help"],
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=runs.REPOSITORY,
            capture_output=True,
            text=True,
            timeout=runs.PATIENCE_S,
            check=False,
        )
        assert "ModuleNotFoundError" not in done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode == (4 if arguments[0] in ("score", "show") else 0)
