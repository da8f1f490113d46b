"""Markdown for the job summary and the comment at a pull request: verdict first, details folded.

Names of policies and routes are somebody else's text. Everything that is not ours is escaped so that it
stays text: no markup, no links, no mention of anybody, no end of a table's cell.
"""

from __future__ import annotations

import re

from harness.gate.model import GateResult, MetricResult, Verdict
from harness.metrics.catalogue import CATALOGUE
from harness.report import wording
from harness.report.model import PRIVILEGED_MARK, EpisodeReport, PolicyReport, Report

MARKER = "<!-- drivegate:report -->"
"""First line; a later run finds the comment by it and replaces it."""

MOST_EPISODES = 60
"""More would not fit into a comment (65,536 characters)."""

_SIGN = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCONCLUSIVE: "⚠️", Verdict.INVALID: "⛔"}
_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
"""An underscore between letters is one; all others are markup."""
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "#": "&#35;"})
_LINKS = re.compile(r"://|(?i:www)\.")
"""GitHub makes links of addresses in plain text."""


def escape(text: str) -> str:
    """Somebody's text as Markdown that shows exactly it, on one line."""
    line = " ".join(text.split())
    plain = _SPECIAL.sub(r"\\\g<0>", line.translate(_ENTITIES))
    return _LINKS.sub(lambda found: "&#58;//" if found[0] == "://" else f"{found[0][:-1]}&#46;", plain)


def code(text: str) -> str:
    """Somebody's text as code; a fence longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"


def render(report: Report) -> str:
    """The whole page."""
    alone = len(report.policies) == 1
    parts = [MARKER, _headline(report)]
    parts += [_policy(report, policy, alone=alone) for policy in report.policies]
    parts += [*_infrastructure(report), _foot(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(report: Report) -> str:
    verdict = report.verdict
    if verdict is None:
        valid = f"{report.card.n_valid} of {report.card.n_planned} episodes valid"
        return f"## drivegate: {escape(report.name)}\n\n{valid}; nothing to compare with."
    return (
        f"## {_SIGN[verdict]} drivegate: {verdict.value.upper()}\n\n{wording.VERDICT_MEANING[verdict]}"
        f" Run {escape(report.name)}."
    )


def _policy(report: Report, policy: PolicyReport, *, alone: bool) -> str:
    parts = []
    score = policy.score
    if not alone or policy.gate is not None:
        name = escape(policy.marked_name)
        against = f" against {escape(policy.baseline_label)}" if policy.gate is not None else ""
        word = f": {policy.gate.verdict.value.upper()}" if policy.gate is not None and not alone else ""
        parts.append(f"### {name}{against}{word}")
    mark = f" {PRIVILEGED_MARK}" if score.privileged else ""
    mark = escape(mark) if mark else ""
    parts.append(
        f"**{wording.fixed(score.driving_score.value, 2)}**{mark} {escape(report.card.version.score_name)}"
        f" · {wording.fixed(score.route_completion_pct.value, 1)} % route completion"
        f" · {wording.fixed(score.success_pct.value, 1)} % success"
        f" · {score.n_valid}/{score.n_planned} episodes valid"
    )
    if policy.gate is not None:
        parts += _gate(policy.gate)
    parts.append(_episodes(policy))
    return "\n\n".join(part for part in parts if part)


def _gate(gate: GateResult) -> list[str]:
    parts = []
    if gate.reasons:
        parts.append("\n".join(f"- {escape(reason)}" for reason in gate.reasons))
    gating = [metric for metric in gate.metrics if metric.gating]
    advisory = [metric for metric in gate.metrics if not metric.gating and metric.n_pairs]
    # What decided comes first, so that nobody has to look for it.
    order = {Verdict.INVALID: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}
    gating.sort(key=lambda metric: order.get(metric.verdict, 3) if metric.verdict else 3)
    if gating:
        parts.append(_metrics(gating))
    if advisory:
        parts.append(_fold(f"{len(advisory)} advisory metrics", _metrics(advisory)))
    notes = [f"{gate.n_pairs} pairs on {gate.n_routes} routes, {gate.n_identical} of them identical."]
    if gate.looks is not None:
        notes.append(f"Decided at look {gate.looks}.")
    notes += gate.notes
    if gate.set_aside:
        notes.append(f"In quarantine, not weighed: {', '.join(gate.set_aside)}.")
    parts.append(" ".join(escape(note) for note in notes))
    return parts


def _metrics(metrics: list[MetricResult]) -> str:
    rows = [
        "| | metric | baseline | candidate | worse by | interval | margin | p |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for metric in metrics:
        spec = CATALOGUE[metric.name]
        unit = f" \\[{escape(spec.unit)}\\]" if spec.unit else ""
        sign = _SIGN[metric.verdict] if metric.verdict is not None else ""
        cells = [
            sign,
            f"{escape(metric.name)}{unit} {wording.ARROW[spec.direction]}",
            wording.number(metric.baseline),
            wording.number(metric.candidate),
            wording.number(metric.worse_by, signed=True),
            wording.interval(metric),
            wording.number(metric.margin),
            wording.p_value(metric),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _episodes(policy: PolicyReport) -> str:
    """Episodes that went wrong or changed first; the rest folded away with them."""
    ranked = sorted(policy.episodes, key=_importance)
    shown = ranked[:MOST_EPISODES]
    has_baseline = any(episode.baseline is not None for episode in policy.episodes)
    head = ["episode", "how it ended", "score", *(["baseline"] if has_baseline else []), "infractions"]
    rows = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for episode in shown:
        mark = f" \\{PRIVILEGED_MARK}" if episode.privileged else ""
        score = wording.MISSING if episode.score is None else f"{episode.score.driving_score:.2f}{mark}"
        cells = [escape(episode.name), wording.ending(episode), score]
        if has_baseline:
            value = None if episode.baseline is None else episode.baseline.values.get("driving_score")
            cells.append(wording.fixed(value, 2))
        cells.append(wording.infractions(episode.score))
        rows.append(f"| {' | '.join(cells)} |")
    if len(shown) < len(ranked):
        rows.append(f"\n{len(ranked) - len(shown)} more are in the HTML report.")
    failed = [episode for episode in ranked if not episode.is_success]
    parts = ["\n".join(rows)]
    if failed and failed[0].reproduce:
        parts.append(f"Drive the first one again:\n\n{code(failed[0].reproduce)}")
    good = len(ranked) - len(failed)
    return _fold(f"{len(ranked)} episodes, {good} without an infraction", "\n\n".join(parts))


def _importance(episode: EpisodeReport) -> tuple[int, str, int]:
    rank = {"missing": 0, "failed": 1, "infractions": 2, "success": 3}[wording.outcome_class(episode)]
    return rank, episode.key.route_id, episode.key.repeat


def _infrastructure(report: Report) -> list[str]:
    if not report.faults:
        return []
    lines = []
    for policy in report.policies:
        if policy.score.n_retries or policy.score.n_valid < policy.score.n_planned:
            zero = wording.fixed(policy.score.driving_score_crash_as_zero.value, 2)
            lines.append(
                f"{escape(policy.marked_name)}: {policy.score.n_retries} attempts repeated; counting those"
                f" episodes as zero the score would be {zero}."
            )
    rows = ["| episode | attempt | fault | what happened |", "|---|--:|---|---|"]
    rows += [
        f"| {escape(f'{fault.policy} {fault.key}')} | {fault.attempt} | {escape(fault.kind)}"
        f" | {escape(fault.message[:300])} |"
        for fault in report.faults[:MOST_EPISODES]
    ]
    body = "\n\n".join([*lines, "\n".join(rows)])
    return [_fold(f"{len(report.faults)} infrastructure faults", body)]


def _foot(report: Report) -> str:
    notes = []
    if report.has_privileged:
        notes.append(
            rf"\{PRIVILEGED_MARK} sees the ground truth (privileged); never ranked with those that do not."
        )
    if report.card.not_judged:
        notes.append(escape(f"Not judged in this version: {', '.join(report.card.not_judged)}."))
    return f"<sub>{' '.join(notes)}</sub>" if notes else ""


def _fold(title: str, body: str) -> str:
    """A part that opens at a click; GitHub wants the blank lines."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
