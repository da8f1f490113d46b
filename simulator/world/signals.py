"""Signals of a world: its traffic lights, as clients address them."""

from __future__ import annotations

from simulator.world.actors import ActorKind, Box
from simulator.world.errors import WrongActorKindError
from simulator.world.level import Level, light_heads
from simulator.world.limits import check_finite
from simulator.world.roster import Roster


class Signals:
    """The traffic lights by the ids of their actors.

    Every method that takes an id raises UnknownActorError or WrongActorKindError if it is no traffic light's.
    """

    def __init__(self, level: Level, roster: Roster) -> None:
        self._level = level
        self._roster = roster

    def set_state(self, actor_id: int, state: int) -> None:
        """Show a state until the cycle changes it."""
        self._level.lights.set_state(self._light(actor_id), state)
        self._level.write_settings()

    def set_times(
        self,
        actor_id: int,
        *,
        green_s: float | None = None,
        yellow_s: float | None = None,
        red_s: float | None = None,
    ) -> None:
        """Change the times of a light and of those that are green with it."""
        times = [value for value in (green_s, yellow_s, red_s) if value is not None]
        check_finite(actor_id, "light times", times)
        self._level.lights.set_times(self._light(actor_id), green_s=green_s, yellow_s=yellow_s, red_s=red_s)
        self._level.write_settings()

    def freeze(self, actor_id: int, frozen: bool) -> None:
        """Stop or continue the cycle of a light's junction."""
        self._level.lights.freeze(self._light(actor_id), frozen)
        self._level.write_settings()

    def freeze_all(self, frozen: bool) -> None:
        """Stop or continue every cycle."""
        self._level.lights.freeze_all(frozen)
        self._level.write_settings()

    def reset_group(self, actor_id: int) -> None:
        """Begin the cycle of a light's junction anew."""
        self._level.lights.reset_group(self._light(actor_id))
        self._level.write_settings()

    def reset_all(self) -> None:
        """Begin every cycle anew."""
        self._level.lights.reset_all()
        self._level.write_settings()

    def group_of(self, actor_id: int) -> tuple[int, ...]:
        """Ids of the lights of the same junction."""
        return self._level.lights.members(self._light(actor_id))

    def boxes(self, actor_id: int) -> tuple[Box, ...]:
        """Boxes of a light's lamps, in the world."""
        return light_heads(self._roster.transform(self._light(actor_id)))

    def _light(self, actor_id: int) -> int:
        actor = self._roster.get(actor_id)
        if actor.kind is not ActorKind.TRAFFIC_LIGHT:
            raise WrongActorKindError(actor_id, actor.blueprint_id, "traffic light")
        return actor_id
