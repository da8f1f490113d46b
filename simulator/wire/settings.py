"""Episode settings as they travel: an array of eleven fields."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.wire.arguments import BadArgumentError, array, flag, integer, number, optional
from simulator.wire.rpc import Value

MIN_STEP_S = 1e-6
"""Shortest tick and shortest physics step."""

MAX_STEP_S = 60.0
"""Longest tick."""

MAX_SUBSTEPS = 1000
"""Most physics steps in a tick: one tick of one client must not hold up the others for good."""

DEFAULT_DELTA_S = 0.05
"""Simulated time of a tick of a client that fixed none. CARLA takes the time that the frame took to render,
which is as good as random where a client ticks; see `simulator.clock` for where none does."""


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """What clients set with `world.apply_settings`; the defaults are CARLA's.

    Attributes:
        synchronous_mode: the world advances only when a client ticks it.
        no_rendering_mode: kept; nothing renders here.
        fixed_delta_s: simulated time of a tick, or None for the default.
        substepping: whether a tick is cut into physics steps.
        max_substep_s: longest physics step.
        max_substeps: most physics steps in a tick.
        max_culling_distance_m, deterministic_ragdolls, tile_stream_distance_m, actor_active_distance_m,
            spectator_as_ego: kept, without effect.
    """

    synchronous_mode: bool = False
    no_rendering_mode: bool = False
    fixed_delta_s: float | None = None
    substepping: bool = True
    max_substep_s: float = 0.01
    max_substeps: int = 10
    max_culling_distance_m: float = 0.0
    deterministic_ragdolls: bool = False
    tile_stream_distance_m: float = 3000.0
    actor_active_distance_m: float = 2000.0
    spectator_as_ego: bool = True

    @property
    def delta_s(self) -> float:
        """Simulated time of a tick."""
        return DEFAULT_DELTA_S if self.fixed_delta_s is None else self.fixed_delta_s

    @property
    def longest_physics_s(self) -> float:
        """The longest tick that physics steps of the wanted length can fill."""
        return self.max_substep_s * self.max_substeps

    def to_wire(self) -> list[object]:
        """The eleven fields."""
        fixed: list[object] = [False] if self.fixed_delta_s is None else [True, self.fixed_delta_s]
        return [
            self.synchronous_mode,
            self.no_rendering_mode,
            fixed,
            self.substepping,
            self.max_substep_s,
            self.max_substeps,
            self.max_culling_distance_m,
            self.deterministic_ragdolls,
            self.tile_stream_distance_m,
            self.actor_active_distance_m,
            self.spectator_as_ego,
        ]

    @classmethod
    def from_wire(cls, value: Value) -> EpisodeSettings:
        """The settings in eleven fields.

        Raises:
            BadArgumentError: wrong types, a time step that is not positive, no physics step at all, or so
                many that a tick would not end.
        """
        fields = array(value, 11)
        fixed_delta_s = optional(number, fields[2])
        if fixed_delta_s == 0.0:  # what clients send to go back to a variable time step
            fixed_delta_s = None
        settings = cls(
            synchronous_mode=flag(fields[0]),
            no_rendering_mode=flag(fields[1]),
            fixed_delta_s=fixed_delta_s,
            substepping=flag(fields[3]),
            max_substep_s=number(fields[4]),
            max_substeps=integer(fields[5]),
            max_culling_distance_m=number(fields[6]),
            deterministic_ragdolls=flag(fields[7]),
            tile_stream_distance_m=number(fields[8]),
            actor_active_distance_m=number(fields[9]),
            spectator_as_ego=flag(fields[10]),
        )
        if settings.delta_s <= 0.0 or settings.max_substep_s <= 0.0 or settings.max_substeps < 1:
            raise BadArgumentError(
                "fixed_delta_seconds, max_substep_delta_time and max_substeps must be positive, got"
                f" {settings.delta_s}, {settings.max_substep_s} and {settings.max_substeps}"
            )
        if not MIN_STEP_S <= settings.delta_s <= MAX_STEP_S:
            raise BadArgumentError(
                f"fixed_delta_seconds {settings.delta_s} is not between {MIN_STEP_S} and {MAX_STEP_S}"
            )
        if settings.max_substep_s < MIN_STEP_S or settings.max_substeps > MAX_SUBSTEPS:
            raise BadArgumentError(
                f"max_substep_delta_time must be at least {MIN_STEP_S}, max_substeps at most {MAX_SUBSTEPS},"
                f" got {settings.max_substep_s} and {settings.max_substeps}"
            )
        return settings
