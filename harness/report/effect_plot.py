"""Geometry of the small plots that show an effect and its interval against the margin."""

from __future__ import annotations

from dataclasses import dataclass

from harness.gate.model import MetricResult
from harness.metrics.catalogue import CATALOGUE, Direction

WIDTH, HEIGHT, PAD = 240.0, 30.0, 8.0
_SHOWN_MARGINS = 2.2
"""Half width of a plot in margins, if the interval needs no more."""
_MOST_MARGINS = 40.0
"""More is cut off with an arrow, or the margin would be too thin to see."""


@dataclass(frozen=True, slots=True)
class EffectPlot:
    """Places along x, in px; the right-hand side is worse.

    Attributes:
        zero: no difference.
        margins: tolerated up to here (two places for a metric that must stay), empty without a margin.
        tolerated: (from, to) of the zone that passes.
        low, high: ends of the interval, cut at the plot's edges; None without an interval.
        cut_low, cut_high: whether they were cut.
        effect: the dot, None if not measured.
        text: the same in words.
    """

    zero: float
    margins: tuple[float, ...]
    tolerated: tuple[float, float] | None
    low: float | None
    high: float | None
    cut_low: bool
    cut_high: bool
    effect: float | None
    text: str


def effect_plot(metric: MetricResult) -> EffectPlot | None:
    """Lay out a metric's plot; None if nothing was measured."""
    if metric.worse_by is None:
        return None
    ends = [metric.worse_by]
    if metric.interval is not None:
        ends += [metric.interval.low, metric.interval.high]
    reach = max(abs(value) for value in ends)
    if metric.margin:
        half = min(max(_SHOWN_MARGINS * metric.margin, 1.08 * reach), _MOST_MARGINS * metric.margin)
    else:
        half = 1.2 * reach or 1.0

    def place(value: float) -> float:
        share = min(max(value / half, -1.0), 1.0)
        return round(WIDTH / 2 + share * (WIDTH / 2 - PAD), 1)

    both = CATALOGUE[metric.name].direction is Direction.UNCHANGED
    margins = () if not metric.margin else ((-metric.margin, metric.margin) if both else (metric.margin,))
    tolerated = None
    if metric.margin:
        tolerated = (place(-metric.margin) if both else PAD, place(metric.margin))
    low = high = None
    if metric.interval is not None:
        low, high = place(metric.interval.low), place(metric.interval.high)
    unit = CATALOGUE[metric.name].unit
    words = f"worse by {metric.worse_by:.3g} {unit}".strip()
    if metric.interval is not None:
        words += f", interval {metric.interval.low:.3g} to {metric.interval.high:.3g}"
    if metric.margin:
        words += f", tolerated up to {metric.margin:.3g}"
    return EffectPlot(
        zero=place(0.0),
        margins=tuple(place(value) for value in margins),
        tolerated=tolerated,
        low=low,
        high=high,
        cut_low=metric.interval is not None and metric.interval.low < -half,
        cut_high=metric.interval is not None and metric.interval.high > half,
        effect=place(metric.worse_by),
        text=words,
    )
