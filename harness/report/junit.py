"""JUnit XML, as CI systems show it: a test case per gated metric and per episode.

A metric that FAILs is a failure. INCONCLUSIVE and INVALID are errors and not "skipped": a skipped test case
looks like a success, and neither of the two is one.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from harness.gate.model import MetricResult, Verdict
from harness.report import wording
from harness.report.model import EpisodeReport, PolicyReport, Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def render(report: Report) -> bytes:
    """The whole file."""
    root = Xml.Element("testsuites", name=_clean(f"drivegate {report.name}"))
    for policy in report.policies:
        if policy.gate is not None:
            _gate_suite(root, policy)
        _episode_suite(root, policy)
    totals = {
        name: sum(int(suite.get(name, "0")) for suite in root) for name in ("tests", "failures", "errors")
    }
    for name, count in totals.items():
        root.set(name, str(count))
    Xml.indent(root)
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _gate_suite(root: Xml.Element, policy: PolicyReport) -> None:
    gate = policy.gate
    if gate is None:
        return
    suite = Xml.SubElement(root, "testsuite", name=_clean(f"gate {policy.name}"))
    if not any(metric.gating for metric in gate.metrics):
        case = _case(suite, f"gate.{policy.name}", "verdict")
        if gate.verdict is not Verdict.PASS:
            _problem(case, "error", gate.verdict.value, "; ".join(gate.reasons))
    for metric in gate.metrics:
        if metric.gating:
            _metric(_case(suite, f"gate.{policy.name}", metric.name), metric)
    _count(suite)


def _metric(case: Xml.Element, metric: MetricResult) -> None:
    if metric.verdict is Verdict.FAIL:
        _problem(case, "failure", "regression", metric.reason)
    elif metric.verdict is not Verdict.PASS:
        word = "undecided" if metric.verdict is None else metric.verdict.value
        _problem(case, "error", word, metric.reason)
    Xml.SubElement(case, "system-out").text = _clean(
        f"baseline {wording.number(metric.baseline)}, candidate {wording.number(metric.candidate)}, worse by"
        f" {wording.number(metric.worse_by, signed=True)} ({wording.interval(metric)}), margin"
        f" {wording.number(metric.margin)} {wording.metric_unit(metric.name)}".strip()
    )


def _episode_suite(root: Xml.Element, policy: PolicyReport) -> None:
    suite = Xml.SubElement(root, "testsuite", name=_clean(policy.name))
    for episode in policy.episodes:
        case = _case(suite, policy.name, episode.name, _wall_s(episode))
        score = episode.score
        if score is None:
            _problem(case, "error", "infrastructure", "no valid record; see infra.jsonl", episode.reproduce)
        elif not score.is_success:
            words = f"{wording.ending(episode)}; infractions: {wording.infractions(score)}"
            reason = "" if episode.record is None else episode.record.reason
            _problem(case, "failure", wording.ending(episode), words, f"{reason}\n{episode.reproduce}")
        if score is not None:
            Xml.SubElement(case, "system-out").text = _clean(
                f"{score.version.score_name} {score.driving_score:.2f}, route completion"
                f" {score.route_completion_pct:.1f} %, penalty {score.penalty:.3f}"
            )
    _count(suite)


def _wall_s(episode: EpisodeReport) -> float | None:
    timing = None if episode.record is None else episode.record.timing
    return None if timing is None else timing.wall_s


def _case(suite: Xml.Element, classname: str, name: str, time_s: float | None = None) -> Xml.Element:
    case = Xml.SubElement(suite, "testcase", classname=_clean(classname), name=_clean(name))
    if time_s is not None:
        case.set("time", f"{time_s:.3f}")
    return case


def _problem(case: Xml.Element, tag: str, kind: str, message: str, details: str = "") -> None:
    problem = Xml.SubElement(case, tag, type=_clean(kind), message=_clean(message))
    problem.text = _clean(details or message)


def _count(suite: Xml.Element) -> None:
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", "0")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
