"""`drivegate report` on stored runs: what it writes and prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from harness.campaign.plan import Plan
from harness.cli import app
from harness.config import load_config
from harness.errors import ConfigError
from tests.support.report_runs import RULES, run_folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    run_folder(root / "main")
    run_folder(root / "bad", hits=3)
    run_folder(root / "both", policies=("expert", "net"), routes=("1", "2", "3", "4"))
    run_folder(root / "other", policies=("net2",))
    (root / "gate.yaml").write_text(RULES)
    return root


def report(runs: Path, run: str, *more: object) -> Result:
    arguments = ["report", runs / run, "--rules", runs / "gate.yaml", *more]
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_it_writes_and_prints_the_files(runs: Path, tmp_path: Path) -> None:
    done = report(runs, "bad", "--baseline", runs / "main", "--out", tmp_path / "new/out")
    assert done.exit_code == 0, done.output  # although the verdict is FAIL
    printed = [Path(line) for line in done.output.split()]
    names = ["report.html", "summary.md", "junit.xml", "leaderboard.json"]
    assert [path.name for path in printed][:4] == names
    assert all(path.is_file() for path in printed)
    assert {path.name for path in (tmp_path / "new/out").iterdir()} == {path.name for path in printed}
    assert "FAIL" in (tmp_path / "new/out/summary.md").read_text()


def test_by_default_it_writes_into_the_run(runs: Path) -> None:
    done = report(runs, "main", "--format", "markdown")
    assert done.exit_code == 0, done.output
    assert (runs / "main/report/summary.md").is_file()


def test_a_stored_baseline_will_do(runs: Path, tmp_path: Path) -> None:
    stored = tmp_path / "net.json"
    update = ["baseline", "update", runs / "main", "--out", stored, "--rules", runs / "gate.yaml"]
    assert CliRunner().invoke(app, [str(one) for one in update]).exit_code == 0
    done = report(runs, "both", "--baseline", stored, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "summary.md").read_text()
    assert "PASS" in text
    assert "### expert \\*" not in text.split("PASS")[0]


def test_policies_with_other_names_are_paired_if_it_is_clear(runs: Path, tmp_path: Path) -> None:
    assert report(runs, "other", "--baseline", runs / "main", "--out", tmp_path).exit_code == 0
    unclear = report(runs, "both", "--baseline", runs / "other", "--out", tmp_path)
    assert unclear.exit_code == 2
    assert "--policy and --baseline-policy" in unclear.stderr
    clear = ("--policy", "net", "--baseline-policy", "net2")
    assert report(runs, "both", "--baseline", runs / "other", "--out", tmp_path, *clear).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "pdf"), "there are html, markdown"),
        (("--format", ","), "there are html, markdown"),
        (("--sequential",), "go with --baseline"),
        (("--baseline", "nowhere"), "neither a run folder nor a stored baseline"),
        (("--baseline", "{runs}/main", "--policy", "nobody"), "there is no policy 'nobody'"),
        (("--baseline", "{runs}/main", "--set", "alpha=7"), "alpha"),
    ],
)
def test_wrong_use_is_a_paragraph(runs: Path, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    words = [word.replace("{runs}", str(runs)) for word in arguments]
    done = report(runs, "bad", "--out", tmp_path, *words)
    assert done.exit_code == 2, done.output
    assert says in " ".join(done.stderr.split())


def test_what_is_no_run_has_an_exit_code_of_its_own(runs: Path, tmp_path: Path) -> None:
    assert report(runs, "nowhere", "--out", tmp_path).exit_code == 4
    (tmp_path / "run.json").write_text(json.dumps({"schema_version": 1}))
    assert report(tmp_path, ".").exit_code == 4


def test_the_verdict_is_the_gates_in_every_mode(runs: Path, tmp_path: Path) -> None:
    for more in ((), ("--sequential",), ("--set", "min_pairs=50")):
        words = [
            "gate",
            "--baseline",
            runs / "main",
            "--candidate",
            runs / "bad",
            "--rules",
            runs / "gate.yaml",
        ]
        gate = CliRunner().invoke(app, [str(one) for one in (*words, *more)])
        report(runs, "bad", "--baseline", runs / "main", "--out", tmp_path, *more)
        word = {0: "PASS", 1: "FAIL", 3: "INCONCLUSIVE"}[gate.exit_code]
        assert f"drivegate: {word}" in (tmp_path / "summary.md").read_text()


def test_help_teaches_by_examples() -> None:
    text = " ".join(CliRunner().invoke(app, ["report", "--help"]).output.split())
    assert "Example" in text
    assert "drivegate report runs/pr --baseline ci/baselines/expert.json" in text


# -- --only


def planned(*only: str, repeats: int = 2) -> list[str]:
    drive = {"suites": ["smoke"], "policies": [{"name": "brake"}], "repeats": repeats, "only": list(only)}
    return [f"{one.route_id}-r{one.repeat}" for one in Plan.of(load_config(None, {"drive": drive})).planned]


def test_only_picks_routes_and_episodes() -> None:
    assert len(planned()) == 6
    assert planned("smoke-2") == ["smoke-2-r0", "smoke-2-r1"]
    assert planned("smoke-2-r1") == ["smoke-2-r1"]
    assert planned("smoke-2-r5", "smoke-1") == ["smoke-1-r0", "smoke-1-r1", "smoke-2-r5"]
    with pytest.raises(ConfigError, match="--only smoke-9: the suites have no such route"):
        planned("smoke-1", "smoke-9")
