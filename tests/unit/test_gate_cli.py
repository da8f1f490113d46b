"""The gate's commands over stored runs: exit codes, files, and what they print. No server is needed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import ConfigError
from harness.gate.sample import load_sample, policies_of, sample_of_run
from harness.outcome import Outcome
from harness.record import CorruptRecordError, EpisodeTiming
from harness.record.run_folder import PlannedEpisode, attempt_folder
from harness.score import ScoreVersion
from tests.support.facts_builder import episode_facts, hit, tick_facts
from tests.support.records import drive_and_record, header, write_plan

VERSION = ScoreVersion.LB2_1
ROUTES, REPEATS = ("1", "2", "3", "4"), 2
RULES = """
metrics: {driving_score: {margin: 5}, collisions: {margin: 40}, mean_speed: {margin: 0.5}}
replicates: 300
"""


def run_folder(
    folder: Path, *, policy: str = "net", speed_mps: float = 5.0, hits: int = 0, skip: int = 0, sad: str = ""
) -> Path:
    """A run of short drives: `hits` contacts in each, the first `skip` left out, one drive of `sad` bad."""
    planned = [PlannedEpisode(policy, route, repeat) for route in ROUTES for repeat in range(REPEATS)]
    write_plan(folder, planned)
    for one in planned[skip:]:
        count = hits + (3 if one.route_id == sad and one.repeat == 0 else 0)
        ticks = [
            tick_facts(
                k,
                0.5 * k + 0.25 + 0.01 * one.repeat,
                speed_mps=speed_mps,
                collisions=(hit(-1, "static.road"),) if 1 <= k / 20 <= count and k % 20 == 0 else (),
            )
            for k in range(204)
        ]
        drive_and_record(
            attempt_folder(folder, one, 0),
            episode_facts(),
            ticks,
            head=header(policy, one.route_id, one.repeat),
            timing=EpisodeTiming(1.0, {}, (1000, 2000, 9000)),
        )
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    run_folder(root / "main")
    run_folder(root / "same")
    run_folder(root / "bad", hits=3)
    run_folder(root / "torn", skip=1)
    run_folder(root / "flaky", sad="3")
    (root / "gate.yaml").write_text(RULES)
    return root


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def gate(runs: Path, candidate: str, *more: object, baseline: object = None) -> Result:
    base = runs / "main" if baseline is None else baseline
    return call(
        "gate", "--baseline", base, "--candidate", runs / candidate, "--rules", runs / "gate.yaml", *more
    )


@pytest.mark.parametrize(
    ("candidate", "code", "says"),
    [
        ("same", 0, "PASS"),
        ("bad", 1, "driving_score: worse by"),
        ("torn", 4, "1-r0 have no valid record"),
    ],
)
def test_the_exit_code_is_the_verdict(runs: Path, candidate: str, code: int, says: str) -> None:
    done = gate(runs, candidate)
    assert done.exit_code == code, done.output
    assert says in done.output


def test_too_small_a_campaign_has_an_exit_code_of_its_own(runs: Path) -> None:
    done = gate(runs, "flaky", "--set", "metrics.collisions.margin=0.1")
    assert done.exit_code == 3, done.output
    assert "INCONCLUSIVE" in done.output


def test_identical_runs_are_told(runs: Path) -> None:
    assert "8 of them identical" in gate(runs, "same").output
    assert "every" not in gate(runs, "bad").output.lower()


def test_sequential_gates_look_after_each_repeat(runs: Path) -> None:
    done = gate(runs, "bad", "--sequential")
    assert "decided at look 2" in done.output, done.output
    assert done.exit_code in (1, 3)
    assert "decided at look 1" in gate(runs, "same", "--sequential").output


def test_wrong_use_is_a_paragraph(runs: Path) -> None:
    for arguments, says in (
        ((*("--set", "alpha=7"),), "alpha"),
        ((*("--budget", "3"),), "--sequential"),
        ((*("--policy", "nobody"),), "no policy 'nobody'"),
    ):
        done = gate(runs, "same", *arguments)
        assert done.exit_code == 2, done.output
        assert says in done.stderr
    missing = gate(runs, "same", baseline=runs / "nowhere")
    assert missing.exit_code == 2
    assert "neither a run folder nor a stored baseline" in missing.stderr


def test_a_baseline_is_stored_defended_and_accepted(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.json"
    common = ("--out", out, "--rules", runs / "gate.yaml", "--today", "2026-11-20", "--commit", "abc")
    assert call("baseline", "update", runs / "main", *common).exit_code == 0
    first = out.read_text()
    content = json.loads(first)
    assert content["provenance"] == {"accepted": "", "commit": "abc", "date": "2026-11-20", "run": "main"}
    assert content["conditions"]["server_kind"] == "embedded"
    assert gate(runs, "same", baseline=out).exit_code == 0
    assert gate(runs, "bad", baseline=out).exit_code == 1
    refused = call("baseline", "update", runs / "bad", *common)
    assert refused.exit_code == 1
    assert "left as it is" in refused.stderr
    assert out.read_text() == first
    torn = call("baseline", "update", runs / "torn", *common)
    assert torn.exit_code == 4
    accepted = call("baseline", "update", runs / "bad", *common, "--accept")
    assert accepted.exit_code == 0
    assert "FAIL: driving_score" in json.loads(out.read_text())["provenance"]["accepted"]
    assert gate(runs, "bad", baseline=out).exit_code == 0
    assert gate(runs, "bad", "--policy", "net", baseline=out).exit_code == 0
    with pytest.raises(ConfigError, match="baseline of net"):
        load_sample(out, "other", VERSION)
    # Not even --accept stores half a campaign.
    assert call("baseline", "update", runs / "torn", *common, "--accept").exit_code == 4


def test_a_stored_baseline_cannot_be_driven_on(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.json"
    call("baseline", "update", runs / "main", "--out", out, "--rules", runs / "gate.yaml")
    done = gate(
        runs, "flaky", "--sequential", "--budget", "3", "--set", "metrics.collisions.margin=0.1", baseline=out
    )
    assert done.exit_code == 2, done.output
    assert "cannot be driven on" in done.stderr


def test_power_and_calibration_print_tables(runs: Path) -> None:
    power = call("power", runs / "flaky", "--rules", runs / "gate.yaml")
    assert power.exit_code == 0, power.output
    assert "driving_score" in power.output
    simulated = call(
        "calibrate",
        runs / "flaky",
        "--rules",
        runs / "gate.yaml",
        "--campaigns",
        3,
        "--inject",
        "driving_score",
    )
    assert simulated.exit_code == 0, simulated.output
    assert "driving_score +2 x margin" in simulated.output
    again = call("calibrate", runs / "main", "--rules", runs / "gate.yaml", "--campaigns", 2)
    assert "nothing (A/A)" in again.output
    wrong = call("calibrate", runs / "main", "--rules", runs / "gate.yaml", "--inject", "comfort")
    assert wrong.exit_code == 2
    assert "driving_score, collisions, mean_speed" in wrong.stderr


def test_flaky_routes_go_to_quarantine_and_come_back(runs: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "flakes.json"
    plain = call("flakes", runs / "flaky", runs / "main", "--ledger", ledger)
    assert plain.exit_code == 0, plain.output
    assert not ledger.exists()
    book = ("--ledger", ledger, "--today", "2026-11-20")
    assert "until 2026-12-04" in call("flakes", runs / "flaky", *book, "--quarantine-above", 0.3).output
    with_ledger = ("--flakes", ledger, "--set", "metrics.collisions.margin=60")
    during = gate(runs, "flaky", *with_ledger, "--today", "2026-11-21")
    assert "In quarantine, not weighed: route 3." in during.output
    assert "6 pairs on 3 routes" in during.output
    after = gate(runs, "flaky", *with_ledger, "--today", "2026-12-04")
    assert "8 pairs on 4 routes" in after.output
    late = ("--ledger", ledger, "--today", "2027-01-01")
    assert "expired 2026-12-04" in call("flakes", runs / "flaky", *late).output
    call("flakes", runs / "flaky", *late, "--forget-expired")
    assert json.loads(ledger.read_text())["quarantines"] == []
    assert call("flakes", runs / "flaky", "--today", "soon").exit_code == 2


def test_help_teaches_by_examples() -> None:
    for command in (("gate",), ("power",), ("calibrate",), ("flakes",), ("baseline", "update")):
        text = " ".join(call(*command, "--help").output.split())
        assert "Example" in text
        assert f"drivegate {' '.join(command)} " in text


# -- samples


def test_a_sample_holds_what_the_records_say(runs: Path) -> None:
    found = sample_of_run(runs / "bad", "net", VERSION)
    assert policies_of(runs / "bad") == ("net",)
    assert (found.n_planned, len(found.episodes), found.n_retries, found.problems) == (8, 8, 0, ())
    first = found.episodes[0]
    assert str(first.key) == "1-r0"
    assert first.seed == 7
    assert first.values["collisions"] == 3.0
    assert first.values["success"] == 0.0
    assert first.values["route_completion"] == 100.0
    assert first.values["mean_speed"] == pytest.approx(5.0)
    assert first.values["policy_p50"] == 2.0
    assert first.values["min_ttc"] is None
    assert first.why_missing["min_ttc"] == "there was no other road user"
    assert first.driven_km == pytest.approx(0.1)
    assert len(first.facts_sha256) == 64
    assert found.conditions.suite_sha256 == "0" * 64
    assert (found.conditions.dt_s, found.conditions.score_version) == (0.05, "lb2_1")


def test_a_sample_of_several_policies_needs_a_name(tmp_path: Path) -> None:
    both = run_folder(tmp_path / "both", policy="one")
    other = run_folder(tmp_path / "two", policy="two")
    shutil.copytree(other / "episodes" / "two", both / "episodes" / "two")
    write_plan(
        both, [PlannedEpisode(p, r, n) for p in ("one", "two") for r in ROUTES for n in range(REPEATS)]
    )
    with pytest.raises(ConfigError, match="which policy is meant"):
        load_sample(both, None, VERSION)
    assert load_sample(both, "two", VERSION).policy == "two"
    (tmp_path / "gate.yaml").write_text(RULES)
    done = call(
        *("gate", "--baseline", both, "--candidate", both, "--rules", tmp_path / "gate.yaml"),
        *("--baseline-policy", "one", "--policy", "two"),
    )
    assert done.exit_code == 0, done.output
    same = call(
        *("gate", "--baseline", both, "--candidate", both, "--rules", tmp_path / "gate.yaml"),
        *("--policy", "two"),
    )
    assert "8 of them identical" in same.output


def test_episodes_under_other_conditions_are_a_problem(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "mixed", skip=1)
    one = PlannedEpisode("net", "1", 0)
    drive_and_record(
        attempt_folder(folder, one, 0),
        episode_facts(),
        [tick_facts(k, 0.5 * k) for k in range(204)],
        head=replace(header("net", "1", 0), traffic="idm-99"),
    )
    found = sample_of_run(folder, "net", VERSION)
    assert len(found.problems) == 7
    assert "other conditions" in found.problems[0]


def test_a_run_without_a_valid_record_is_no_sample(tmp_path: Path) -> None:
    folder = tmp_path / "lost"
    one = PlannedEpisode("net", "1", 0)
    write_plan(folder, [one])
    drive_and_record(
        attempt_folder(folder, one, 0),
        episode_facts(),
        [],
        head=header("net", "1", 0),
        fault=Outcome.INFRA_FAULT,
    )
    with pytest.raises(CorruptRecordError, match="no valid record of net"):
        sample_of_run(folder, "net", VERSION)
