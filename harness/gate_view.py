"""A gate's answer on a terminal. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.gate.calibration import Calibration
from harness.gate.flakes import Ledger, RouteFlips
from harness.gate.model import GateResult, Interval, MetricResult, Verdict
from harness.gate.power import MetricPower
from harness.gate.rules import GateRules
from harness.metrics.catalogue import CATALOGUE, Direction

_STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.INVALID: "magenta",
}
_ARROW = {Direction.HIGHER: "↑", Direction.LOWER: "↓", Direction.UNCHANGED: "="}
_MISSING = "-"


def print_gate(console: Console, result: GateResult) -> None:
    """Print the verdict, why, and a line per metric: gating ones first."""
    if result.metrics:
        console.print(_metrics_table(result))
    repeats = f", decided at look {result.looks}" if result.looks is not None else ""
    console.print(
        f"{result.n_pairs} pairs on {result.n_routes} routes, {result.n_identical} of them identical"
        f"{repeats}.",
        style="dim",
        highlight=False,
    )
    for note in result.notes:
        console.print(Text(note, style="dim"))
    if result.set_aside:
        console.print(Text(f"In quarantine, not weighed: route {', '.join(result.set_aside)}.", style="dim"))
    style = _STYLE[result.verdict]
    console.print(Text(result.verdict.value.upper(), style=f"bold {style}"))
    for reason in result.reasons:
        console.print(Text(f"  {reason}", style=style))


def _metrics_table(result: GateResult) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("metric", "better"):
        table.add_column(name, no_wrap=True)
    for name in ("baseline", "candidate", "worse by", "between and", "fixed routes", "margin", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for gating in (True, False):
        for metric in result.metrics:
            if metric.gating is gating and (gating or metric.n_pairs):
                table.add_row(*_cells(metric), style=None if gating else "dim")
        table.add_section()
    return table


def _cells(metric: MetricResult) -> list[str | Text]:
    spec = CATALOGUE[metric.name]
    p_value = metric.p_adjusted if metric.p_adjusted is not None else metric.p_value
    verdict: Text | str = "not weighed" if metric.gating else "advisory"
    if metric.verdict is not None:
        word = metric.verdict.value.upper() if metric.gating else f"advisory ({metric.verdict.value})"
        verdict = Text(word, style=_STYLE[metric.verdict] if metric.gating else "")
    return [
        f"{metric.name} {f'[{spec.unit}]' if spec.unit else ''}".strip().replace("[", "\\["),
        _ARROW[spec.direction],
        _number(metric.baseline),
        _number(metric.candidate),
        _number(metric.worse_by, signed=True),
        _interval(metric.interval),
        _interval(metric.interval_fixed_routes),
        _number(metric.margin),
        _MISSING if p_value is None else f"{p_value:.2g}",
        verdict,
    ]


def _number(value: float | None, *, signed: bool = False) -> str:
    """A missing value is a dash, never a zero."""
    if value is None:
        return _MISSING
    value += 0.0  # -0.0 is 0
    return f"{value:+.3g}" if signed and value else f"{value:.4g}"


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return _MISSING
    return f"{_number(interval.low, signed=True)} {_number(interval.high, signed=True)}"


def print_power(
    console: Console, rows: Sequence[MetricPower], rules: GateRules, repeats: int, power: float
) -> None:
    """Print what a suite can show."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("metric", no_wrap=True)
    names = (
        "policy's\nvalue",
        "noise of\na repeat",
        "margin",
        f"detectable with\n{repeats} repeats",
        "repeats to PASS\nunchanged",
        "repeats to FAIL\n2 x margin",
    )
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        unit = CATALOGUE[row.name].unit
        table.add_row(
            f"{row.name} {f'[{unit}]' if unit else ''}".strip().replace("[", "\\["),
            _number(row.mean),
            _number(row.noise),
            _number(row.margin),
            _number(row.detectable),
            _count(row.repeats_to_pass),
            _count(row.repeats_to_fail),
        )
    console.print(table)
    console.print(
        f"With a chance of {power:.0%}, at a false-alarm rate of {rules.alpha:.0%} over {len(rules.gating)}"
        " gating metrics; both sides driven with seeds of their own (equal seeds need fewer).",
        style="dim",
        highlight=False,
    )


def _count(value: int | None) -> str:
    return "more routes" if value is None else str(value)


def print_calibrations(console: Console, rows: Sequence[Calibration]) -> None:
    """Print what simulated campaigns ended in."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("injected", no_wrap=True)
    for name in ("campaigns", "PASS", "FAIL", "INCONCLUSIVE", "failed", "95 % interval", "names it"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        what = (
            "nothing (A/A)" if row.defect is None else f"{row.defect.metric} +{row.defect.times:g} x margin"
        )
        table.add_row(
            what,
            str(row.campaigns),
            str(row.verdicts[Verdict.PASS]),
            str(row.verdicts[Verdict.FAIL]),
            str(row.verdicts[Verdict.INCONCLUSIVE]),
            f"{row.fail_share:.1%}",
            f"{row.share_failed.low:.1%} to {row.share_failed.high:.1%}",
            _MISSING if row.defect is None else str(row.named),
        )
    console.print(table)


def print_flakes(console: Console, found: Sequence[RouteFlips], ledger: Ledger, today: str) -> None:
    """Print flip rates and quarantines."""
    table = Table(
        "route", "episodes", "succeeded", "flip rate", "quarantine", box=SIMPLE_HEAD, pad_edge=False
    )
    until = {(q.suite_sha256, q.route_id): q.expires for q in ledger.quarantines}
    for one in sorted(found, key=lambda f: (-f.flip_rate, f.route_id)):
        expires = until.get((one.suite_sha256, one.route_id))
        state = "" if expires is None else f"until {expires}" if expires > today else f"expired {expires}"
        table.add_row(one.route_id, str(one.episodes), str(one.successes), f"{one.flip_rate:.2f}", state)
    console.print(table)
