"""The rules of a gate: what is weighed, and how much worse is tolerated. Read from YAML (`ci/gate.yaml`)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from harness.errors import ConfigError
from harness.metrics.catalogue import CATALOGUE
from harness.score.rules import ScoreVersion
from harness.typed_config import StrictModel, read_model


class Scope(StrEnum):
    """What an answer holds for."""

    ROUTES = "routes"
    """Routes like these: routes are resampled, then their repeats."""

    SUITE = "suite"
    """Exactly these routes: only their repeats are resampled, of which each needs two."""


class MetricRule(StrictModel):
    """What is asked of one metric.

    Attributes:
        gating: whether it takes part in the verdict; otherwise it is reported only.
        margin: how much worse is tolerated, in the metric's unit.
        margin_pct: likewise, in per cent of the baseline's value; exactly one of the two for a gating metric.
    """

    gating: bool = True
    margin: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    margin_pct: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_margin(self) -> Self:
        if self.margin is not None and self.margin_pct is not None:
            raise ValueError("give margin or margin_pct, not both")
        if self.gating and self.margin is None and self.margin_pct is None:
            raise ValueError("a gating metric needs margin (in its unit) or margin_pct")
        return self

    def margin_for(self, baseline: float) -> float | None:
        """The margin in the metric's unit."""
        if self.margin_pct is not None:
            return abs(baseline) * self.margin_pct / 100.0
        return self.margin


class GateRules(StrictModel):
    """The rules.

    Attributes:
        metrics: name of the catalogue -> what is asked of it; all others are reported only.
        alpha: error of every statement: false alarms over all gating metrics together, and wrong passes of
            each metric.
        scope: what the answer holds for.
        min_pairs: fewer pairs decide nothing.
        replicates: of the bootstrap.
        seed: of all resampling; the same inputs give the same answer.
        same_seed: whether the two sides of a pair must have been driven with the same seed.
        ignore_versions: software whose version may differ between the two sides.
        score_version: rules of the driving score.
    """

    metrics: dict[str, MetricRule] = Field(min_length=1)
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    scope: Scope = Scope.ROUTES
    min_pairs: int = Field(default=6, ge=2)
    replicates: int = Field(default=4000, ge=200, le=1_000_000)
    seed: int = Field(default=0, ge=0)
    same_seed: bool = True
    ignore_versions: tuple[str, ...] = ()
    score_version: ScoreVersion = ScoreVersion.LB2_1

    @model_validator(mode="after")
    def _known_metrics(self) -> Self:
        unknown = sorted(set(self.metrics) - set(CATALOGUE))
        if unknown:
            raise ValueError(f"there is no metric {', '.join(unknown)}; there are {', '.join(CATALOGUE)}")
        if not any(rule.gating for rule in self.metrics.values()):
            raise ValueError("no metric is gating, so that nothing could ever fail")
        return self

    @property
    def gating(self) -> tuple[str, ...]:
        """Names of the gating metrics, in the order of the catalogue."""
        return tuple(name for name in CATALOGUE if name in self.metrics and self.metrics[name].gating)


def load_rules(path: Path, overrides: Sequence[str] = ()) -> GateRules:
    """Read rules.

    Args:
        path: YAML file.
        overrides: "alpha=0.1", "metrics.collisions.margin=0.2".

    Raises:
        ConfigError: naming file and key.
    """
    if not path.is_file():
        raise ConfigError(f"There are no gate rules in {path}. The project's own are in ci/gate.yaml.")
    return read_model(GateRules, path, {}, overrides)
