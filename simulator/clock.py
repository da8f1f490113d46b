"""Clock of the asynchronous mode: when the world advances by itself, and by how much.

CARLA's modes without a client that ticks:

* variable time step (`fixed_delta_seconds` is not set): a tick lasts as long as the last one took in the real
  world, so that simulated time keeps up with it. CARLA's frame rate is that of its renderer; here it is
  `FRAME_S`. A tick is never longer than the physics steps can fill: after a pause, time was lost.
* fixed time step: the world runs as fast as it can, with no regard to the real time; here, while anybody
  watches. Without a client it keeps to the real time, so that an idle server does not eat a processor.
"""

from __future__ import annotations

from simulator.wire.settings import MIN_STEP_S, EpisodeSettings

FRAME_S = 0.05
"""Time between two ticks of a variable time step."""


class AsynchronousClock:
    """Says when to tick. It reads no clock: all times are passed in, in seconds on any steady one."""

    def __init__(self, now_s: float) -> None:
        self._last_s = now_s
        self._due_s = now_s

    def pause(self, now_s: float) -> None:
        """A client ticks: when it stops doing so, the next tick is due at once and starts from then."""
        self._last_s = self._due_s = now_s

    def due(self, now_s: float, settings: EpisodeSettings, *, is_watched: bool) -> float | None:
        """Simulated time of the tick that is due now, or None if there is none yet.

        Args:
            now_s: time.
            settings: of the episode, not synchronous.
            is_watched: whether a client follows the world.
        """
        if now_s < self._due_s:
            return None
        elapsed_s, self._last_s = now_s - self._last_s, now_s
        fixed_s = settings.fixed_delta_s
        if fixed_s is None:
            self._plan(FRAME_S, now_s)
            return max(MIN_STEP_S, min(elapsed_s, settings.longest_physics_s))
        self._plan(0.0 if is_watched else fixed_s, now_s)
        return fixed_s

    def remaining_s(self, now_s: float) -> float:
        """Time until the next tick is due."""
        return max(0.0, self._due_s - now_s)

    def _plan(self, period_s: float, now_s: float) -> None:
        # A clock that fell behind does not hurry: it goes on from now.
        self._due_s = max(self._due_s + period_s, now_s)
