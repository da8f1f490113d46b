"""The HTML report: one file that needs no network, and says so to the browser by its content policy."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.gate.model import MetricResult, Verdict
from harness.metrics.catalogue import CATALOGUE
from harness.report import wording
from harness.report.effect_plot import HEIGHT, WIDTH, effect_plot
from harness.report.model import PRIVILEGED_MARK, EpisodeReport, PolicyReport, Report
from harness.report.payload import Payload, build_payload

BUDGET_MB = 15.0
SCRIPTS = ("page.js", "unpack.js", "replay_scene.js", "replay_view.js", "charts.js", "player.js")
STYLES = ("report.css", "replay.css")
_TIMELINE_WIDTH = 150.0
_VISIBLE = 0.005


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """An event on the small timeline of a table's row."""

    x: float
    label: str


def render(report: Report, budget_mb: float = BUDGET_MB) -> str:
    """The whole file.

    Args:
        report: to render.
        budget_mb: its size; replays are thinned, then left out, good drives first.
    """
    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": wording.number,
        "fixed": wording.fixed,
        "interval": wording.interval,
        "p_value": wording.p_value,
    }
    style = "\n".join(_asset(name) for name in STYLES)
    script = "\n".join(_asset(name) for name in SCRIPTS)
    payload = build_payload(report, int(budget_mb * 1e6 * 0.97) - len(style) - len(script) - 200_000)
    return environment.get_template("report.html.j2").render(
        report=report,
        verdict=report.verdict,
        meaning="" if report.verdict is None else wording.VERDICT_MEANING[report.verdict],
        mark=PRIVILEGED_MARK,
        policy_content=_content_policy(style, script),
        # Ours, and checked by its hash; all other text is escaped.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        index=Markup(_json(_index(report, payload))),  # noqa: S704
        payload=payload,
        catalogue=CATALOGUE,
        plot=effect_plot,
        plot_size=(WIDTH, HEIGHT),
        metric_groups=_metric_groups,
        wording=wording,
        timeline=_timeline,
        timeline_width=_TIMELINE_WIDTH,
        rows=_rows(report),
        counts=_counts(report),
        changed=_has_changed,
        has_baseline=any(episode.baseline is not None for episode in report.episodes),
    )


def _asset(name: str) -> str:
    return resources.files("harness.report").joinpath("assets", name).read_text("utf-8").strip()


def _content_policy(style: str, script: str) -> str:
    """Nothing may be loaded, and only our own style and script may run."""

    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _json(value: Any) -> str:
    """JSON that may stand in a script element, whatever text is in it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _rows(report: Report) -> list[tuple[int, EpisodeReport]]:
    """Episodes with their number, as the table lists them: those that went wrong first."""
    rank = {"missing": 0, "failed": 1, "infractions": 2, "success": 3}
    numbered = list(enumerate(report.episodes))
    return sorted(numbered, key=lambda pair: rank[wording.outcome_class(pair[1])])


def _counts(report: Report) -> dict[str, int]:
    """How many episodes each filter shows."""
    counts = Counter(wording.outcome_class(episode) for episode in report.episodes)
    words = ("failed", "infractions", "success", "missing")
    return {**{word: counts[word] for word in words}, "changed": sum(map(_has_changed, report.episodes))}


def _has_changed(episode: EpisodeReport) -> bool:
    """Whether the driving score differs from the baseline's by more than a reader can see."""
    before = None if episode.baseline is None else episode.baseline.values.get("driving_score")
    if before is None:
        return False
    return episode.score is None or abs(episode.score.driving_score - before) > _VISIBLE


def _metric_groups(policy: PolicyReport) -> list[tuple[str, list[MetricResult]]]:
    """Gating metrics, what decided first, and advisory ones that were measured."""
    if policy.gate is None:
        return []
    order = {Verdict.INVALID: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 2}
    gating = sorted(
        (metric for metric in policy.gate.metrics if metric.gating),
        key=lambda metric: order.get(metric.verdict, 3) if metric.verdict else 3,
    )
    advisory = [metric for metric in policy.gate.metrics if not metric.gating and metric.n_pairs]
    return [("gating", gating), ("advisory", advisory)]


def _timeline(episode: EpisodeReport) -> list[TimelineMark]:
    """Where on the small timeline things went wrong."""
    record = episode.record
    if record is None or episode.score is None or record.tick_count == 0:
        return []
    return [
        TimelineMark(
            round(_TIMELINE_WIDTH * event.tick / record.tick_count, 1),
            f"{event.tick * record.facts.dt_s:.1f} s: {wording.EVENT_LABEL[event.type]}",
        )
        for event in wording.findings(record.events)
        if event.type in wording.SHORT_LABEL
    ]


def _index(report: Report, payload: Payload) -> dict[str, Any]:
    """What the page's script knows about each episode before it unpacks anything."""
    return {
        "order": [number for number, _ in _rows(report)],
        "episodes": [
            _episode_index(number, episode, payload) for number, episode in enumerate(report.episodes)
        ],
    }


def _episode_index(number: int, episode: EpisodeReport, payload: Payload) -> dict[str, Any]:
    record = episode.record
    events: Sequence[dict[str, Any]] = []
    if record is not None:
        events = [
            {
                "t": round(event.tick * record.facts.dt_s, 3),
                "type": event.type.value,
                "label": wording.EVENT_LABEL[event.type],
                "details": wording.describe(event),
                "bad": event.type in wording.SHORT_LABEL,
                **({"x": event.values["x_m"], "y": event.values["y_m"]} if "x_m" in event.values else {}),
            }
            for event in wording.findings(record.events)
        ]
    return {
        "policy": f"{episode.policy} {PRIVILEGED_MARK}" if episode.privileged else episode.policy,
        "name": episode.name,
        "ending": wording.ending(episode),
        "outcome": wording.outcome_class(episode),
        "reason": "" if record is None else record.reason,
        "town": "" if record is None else record.facts.town,
        "score": None if episode.score is None else episode.score.driving_score,
        "infractions": wording.infractions(episode.score),
        "events": list(events),
        "reproduce": episode.reproduce,
        "blob": number in payload.episodes,
        "map": payload.map_of.get(number),
        "camera": number in payload.cameras,
    }
