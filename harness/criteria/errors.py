"""What a criterion raises when it cannot judge."""

from __future__ import annotations

from harness.errors import DrivegateError


class CriterionError(DrivegateError):
    """The facts cannot be judged: a tick is missing, a number is not finite, or they contradict themselves.

    Never a pass and never an infraction: whoever drives the criteria books it as an infrastructure fault.

    Attributes:
        tick: tick of the facts that could not be judged, -1 for the facts of the episode.
    """

    def __init__(self, tick: int, problem: str, remedy: str) -> None:
        where = "episode facts" if tick < 0 else f"tick {tick}"
        super().__init__(f"{where}: {problem}; {remedy}")
        self.tick = tick
