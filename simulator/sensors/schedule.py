"""When a sensor measures: `sensor_tick` in ticks of the world."""

from __future__ import annotations


class Schedule:
    """Due in the first tick that asks, then whenever a period has passed since the last due time.

    A thousandth of a tick is forgiven: both times are sums of many small steps, and no tick may be missed
    because one of them was rounded up.
    """

    def __init__(self, period_s: float) -> None:
        """Take the period.

        Args:
            period_s: simulated time between measurements; 0 is every tick.
        """
        self._period_s = period_s
        self._due_s: float | None = None

    def is_due(self, now_s: float, delta_s: float) -> bool:
        """Whether to measure in this tick; to be asked once in every tick.

        Args:
            now_s: simulated time at the end of the tick.
            delta_s: length of the tick.
        """
        due_s = now_s if self._due_s is None else self._due_s
        if now_s + 1e-3 * delta_s < due_s:
            return False
        self._due_s = max(due_s + self._period_s, now_s)
        return True
