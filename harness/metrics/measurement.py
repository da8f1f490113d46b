"""Measurement: a number that says what it is, on how much it rests, or why it is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured value or the reason for its absence; a missing value never becomes 0.

    Attributes:
        value: finite, or None.
        unit: "km", "%", "1/km", "" for a pure number.
        n: how many observations it rests on.
        why_missing: set exactly if there is no value.

    Raises:
        ValueError: NaN, infinity, or both or neither of value and why_missing.
    """

    value: float | None
    unit: str
    n: int
    why_missing: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.why_missing is None):
            raise ValueError(
                f"a measurement has a value or a reason, got {self.value!r} and {self.why_missing!r}"
            )
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.value!r} {self.unit} is no measurement: say why it is missing")

    @classmethod
    def missing(cls, unit: str, why: str) -> Measurement:
        """A value that is not there."""
        return cls(None, unit, 0, why)

    @classmethod
    def mean(cls, values: Sequence[float], unit: str, why_missing: str) -> Measurement:
        """Mean of the values; missing if there are none."""
        if not values:
            return cls.missing(unit, why_missing)
        return cls(math.fsum(values) / len(values), unit, len(values))
