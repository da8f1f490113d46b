"""The report for machines: Markdown, JUnit, Leaderboard JSON and tables, from records by the product."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from defusedxml import ElementTree

from harness.gate.decide import gate
from harness.gate.model import Verdict
from harness.gate.rules import load_rules
from harness.report import Format, Report, gather, junit, leaderboard, markdown, write_report
from harness.report.gather import Comparison
from tests.support.report_runs import HOSTILE, RULES, run_folder


def compared(root: Path, candidate: str, baseline: str = "main") -> Report:
    rules = load_rules(root / "gate.yaml")
    return gather(root / candidate, Comparison(root / baseline, rules, gate))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    run_folder(root / "main")
    run_folder(root / "bad", hits=3)
    run_folder(root / "torn", skip=1)
    run_folder(root / "lost", skip=8)
    run_folder(root / "two", policies=("expert", "net"), routes=("1",))
    run_folder(root / "hostile", policies=(HOSTILE,), routes=(HOSTILE,), hits=1)
    (root / "gate.yaml").write_text(RULES)
    return root


# -- what is told


@pytest.mark.parametrize(
    ("candidate", "verdict"), [("main", "pass"), ("bad", "fail"), ("torn", "invalid"), ("lost", "invalid")]
)
def test_the_verdict_is_the_gates(runs: Path, candidate: str, verdict: str) -> None:
    report = compared(runs, candidate)
    assert report.verdict is Verdict(verdict)
    assert markdown.render(report).splitlines()[2].endswith(verdict.upper())


def test_without_a_baseline_there_is_no_verdict(runs: Path) -> None:
    report = gather(runs / "two")
    assert report.verdict is None
    assert [policy.marked_name for policy in report.policies] == ["expert *", "net"]
    assert "nothing to compare with" in markdown.render(report)


def test_a_command_drives_the_episode_again(runs: Path) -> None:
    first = gather(runs / "main").episodes[1]
    assert first.reproduce == (
        "drivegate run --suite smoke --policy net --policy-arg net.gain=2.5 --traffic 20 --seed 3"
        " --only 1-r1 --out runs/again-1-r1"
    )


# -- Markdown


def test_markdown_begins_with_the_marker_and_the_verdict(runs: Path) -> None:
    text = markdown.render(compared(runs, "bad"))
    lines = text.splitlines()
    assert lines[0] == markdown.MARKER
    assert lines[2] == "## ❌ drivegate: FAIL"
    assert "driving_score: worse by" in text
    signs = [line[2] for line in lines if re.match(r"\| [❌✅⚠]", line)]
    assert signs[0] == "❌"
    assert signs[:3] == sorted(signs[:3], reverse=True)  # what failed comes first
    assert len(text) < 65_536


def test_tables_have_as_many_cells_as_heads(runs: Path) -> None:
    for name in ("bad", "hostile", "torn", "two"):
        text = markdown.render(compared(runs, name) if name in ("bad", "torn") else gather(runs / name))
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(counts) == 1, table


def test_somebodys_names_stay_text_in_markdown(runs: Path) -> None:
    text = markdown.render(gather(runs / "hostile"))
    body = re.sub(r"```+sh\n.*?\n```+", "", text, flags=re.DOTALL)
    assert "<script" not in body
    assert "@all" not in body
    assert "http://" not in body
    assert not re.search(r"(?<!\\)\]\(", body)
    assert "\u0007" not in markdown.escape("a\u0007b".replace("\u0007", ""))
    for line in body.splitlines():
        assert "`b`" not in line.replace("\\`", "")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("driving_score", "driving_score"),
        ("_x_", "\\_x\\_"),
        ("a|b", "a\\|b"),
        ("<b>", "&lt;b&gt;"),
        ("a\n- b", "a - b"),
        ("@team #7", "&#64;team &#35;7"),
        ("www.x.y", "www&#46;x.y"),
        ("runs/main", "runs/main"),
        ("$x$", "\\$x\\$"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_escapes(name: str, shown: str) -> None:
    assert markdown.escape(name) == shown


def test_a_fence_is_longer_than_any_in_its_text() -> None:
    assert markdown.code("a ```` b").startswith("`````sh\n")


# -- JUnit


def cases(report: Report) -> dict[tuple[str, str], Any]:
    root = ElementTree.fromstring(junit.render(report))
    found = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert int(suite.get("tests")) == len(list(suite.iter("testcase")))
        for counter, tag in (("failures", "failure"), ("errors", "error")):
            assert int(suite.get(counter)) == len(list(suite.iter(tag)))
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    for case in found.values():
        assert {child.tag for child in case} <= {"failure", "error", "system-out"}
        assert len([child for child in case if child.tag in ("failure", "error")]) <= 1
    return found


def test_a_case_per_gated_metric_and_per_episode(runs: Path) -> None:
    found = cases(compared(runs, "bad"))
    gated = {name for classname, name in found if classname == "gate.net"}
    assert gated == {"driving_score", "collisions", "mean_speed"}
    assert len(found) == 3 + 8
    assert found["gate.net", "driving_score"].find("failure").get("type") == "regression"
    assert found["gate.net", "mean_speed"].find("failure") is None
    episode = found["net", "1-r0"]
    assert episode.get("time") == "1.500"
    assert "3 × thing hit" in episode.find("failure").get("message")
    assert "--only 1-r0" in episode.find("failure").text


def test_what_is_not_decided_is_an_error_and_never_skipped(runs: Path) -> None:
    invalid = cases(compared(runs, "torn"))
    assert invalid["gate.net", "verdict"].find("error").get("type") == "invalid"
    assert invalid["net", "1-r0"].find("error").get("type") == "infrastructure"
    few = load_rules(runs / "gate.yaml", ["min_pairs=50"])
    report = gather(runs / "bad", Comparison(runs / "main", few, gate))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert cases(report)["gate.net", "driving_score"].find("error").get("type") == "inconclusive"
    assert b"<skipped" not in junit.render(report)


def test_junit_holds_any_name(runs: Path) -> None:
    names = {name for name, _ in cases(gather(runs / "hostile"))}
    assert names == {HOSTILE.replace("\u0007", "\ufffd")}


# -- Leaderboard

ADDENDS = {  # of Leaderboard 2.1, by its own keys
    "collisions_pedestrian": 1.0,
    "collisions_vehicle": 0.7,
    "collisions_layout": 0.6,
    "red_light": 0.4,
    "stop_infraction": 0.25,
}


def rescored(record: Mapping[str, Any]) -> float:
    """Driving score of a route's record by the Leaderboard 2.1's formula, from its messages alone."""
    infractions = record["infractions"]
    inside = 1.0
    for message in infractions["outside_route_lanes"]:
        found = re.search(r"\(([\d.]+)% of the completed route\)", message)
        assert found is not None
        inside *= 1.0 - float(found[1]) / 100
    total = sum(addend * len(infractions[key]) for key, addend in ADDENDS.items())
    return round(record["scores"]["score_route"] * inside / (1.0 + total), 6)


@pytest.mark.parametrize("name", ["main", "bad", "hostile"])
def test_the_leaderboards_file_scores_to_our_numbers(runs: Path, name: str) -> None:
    report = gather(runs / name)
    (policy,) = report.policies
    document = json.loads(leaderboard.render(report, policy))
    checkpoint = document["_checkpoint"]
    assert document["entry_status"] == "Finished"
    assert document["eligible"] is True
    assert checkpoint["progress"] == [len(policy.episodes)] * 2
    for record, episode in zip(checkpoint["records"], policy.episodes, strict=True):
        assert episode.score is not None
        assert rescored(record) == pytest.approx(episode.score.driving_score, abs=1e-6)
        assert record["scores"]["score_composed"] == episode.score.driving_score
        assert record["num_infractions"] == episode.score.infraction_count
        assert record["route_id"] == f"RouteScenario_{episode.key.route_id}_rep{episode.key.repeat}"
        assert record["status"] in ("Perfect", "Completed") or record["status"].startswith("Failed - Agent ")
    means = checkpoint["global_record"]["scores_mean"]
    assert means["score_composed"] == pytest.approx(policy.score.driving_score.value, abs=1e-6)
    labelled = dict(zip(document["labels"], document["values"], strict=True))
    assert float(labelled["Avg. driving score"]) == means["score_composed"]
    per_km = labelled["Collisions with layout"]
    count = sum(len(record["infractions"]["collisions_layout"]) for record in checkpoint["records"])
    assert float(per_km) == pytest.approx(count / (0.1 * len(policy.episodes)), abs=1e-3)


def test_distances_outside_the_lanes_stand_where_the_leaderboard_looks() -> None:
    from harness.events import Event, EventType

    event = Event(3, EventType.OUTSIDE_ROUTE_LANES, {"distance_m": 12.5, "percentage": 3.25})
    message = leaderboard._message(event)
    assert float(message.split(" ")[8]) == 12.5
    assert "(3.25% of the completed route)" in message


def test_a_run_with_holes_is_a_crashed_entry_without_a_total(runs: Path) -> None:
    report = gather(runs / "torn")
    document = json.loads(leaderboard.render(report, report.policies[0]))
    assert document["entry_status"] == "Crashed"
    assert document["eligible"] is False
    assert document["_checkpoint"]["global_record"] == {}
    assert (document["values"], document["labels"]) == ([], [])
    assert document["_checkpoint"]["records"][0]["status"] == "Failed - Simulation crashed"


# -- tables


def test_tables_for_pandas(runs: Path, tmp_path: Path) -> None:
    report = compared(runs, "torn")
    written = write_report(report, tmp_path, [Format.PARQUET, Format.CSV], ticks=True)
    assert sorted(path.name for path in written) == sorted(
        f"{name}.{kind}" for name in ("episodes", "events", "metrics", "ticks") for kind in ("csv", "parquet")
    )
    episodes = pq.read_table(tmp_path / "episodes.parquet")
    assert episodes.num_rows == 8
    assert episodes["driving_score"].to_pylist()[0] is None  # missing is not zero
    assert episodes["driving_score"].to_pylist()[1] == 100.0
    assert episodes["attempts"].to_pylist()[0] == 1
    metrics = pq.read_table(tmp_path / "metrics.parquet").to_pylist()
    missing = [row for row in metrics if row["value"] is None]
    assert all(row["why_missing"] for row in missing)
    scores = [row for row in metrics if row["metric"] == "driving_score"]
    assert [row["baseline"] for row in scores] == [100.0] * 7
    ticks = pq.read_table(tmp_path / "ticks.parquet")
    assert ticks.num_rows == sum(e.record.tick_count for e in report.episodes if e.record is not None)
    assert pyarrow.csv.read_csv(tmp_path / "episodes.csv").num_rows == 8


def test_files_of_one_policy_and_of_several(runs: Path, tmp_path: Path) -> None:
    everything = [one for one in Format if one is not Format.CSV]
    one = write_report(compared(runs, "main"), tmp_path / "one", everything)
    assert [path.name for path in one] == [
        *("report.html", "summary.md", "junit.xml", "leaderboard.json"),
        *("episodes.parquet", "events.parquet", "metrics.parquet"),
    ]
    two = write_report(gather(runs / "two"), tmp_path / "two", [Format.LEADERBOARD])
    assert [path.name for path in two] == ["leaderboard-expert.json", "leaderboard-net.json"]
    privileged = [json.loads(path.read_text())["drivegate"]["privileged"] for path in two]
    assert privileged == [True, False]
    nasty = write_report(gather(runs / "hostile"), tmp_path / "three", [Format.LEADERBOARD])
    assert nasty[0].parent == tmp_path / "three"
