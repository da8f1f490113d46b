"""Vehicles of a world: the controls, parameters and lamps that clients gave them."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.world.actors import Actor, ActorKind, Transform
from simulator.world.blueprints import BlueprintLibrary, VehicleSpec
from simulator.world.bodies import pose_of
from simulator.world.errors import UnknownActorError, WrongActorKindError
from simulator.world.limits import check_finite
from simulator.world.physics_control import PhysicsControl
from simulator.world.roster import Roster
from simulator.world.vehicle_parameters import (
    at_pose,
    default_physics,
    set_gear,
    set_parameters,
    wheel_steer_deg,
)

VehicleControl = tuple[float, float, float, bool, bool, bool, int]
"""throttle, steer, brake, hand brake, reverse, manual gear shift, gear: wire order."""

_CONTROL_FIELDS = ("throttle", "steer", "brake", "hand_brake", "reverse", "manual", "manual_gear")


class Vehicles:
    """What is known of the vehicles in a roster beside their bodies.

    Every method that takes an id raises UnknownActorError or WrongActorKindError if it is no live vehicle's.
    """

    def __init__(self, roster: Roster, library: BlueprintLibrary) -> None:
        self._roster = roster
        self._library = library
        self._physics: dict[int, PhysicsControl] = {}
        self._touched_physics: set[int] = set()
        self._lamps: dict[int, int] = {}

    def add(self, actor_id: int, spec: VehicleSpec, body: np.void, place: Transform) -> None:
        """Give a new vehicle the parameters of its blueprint, which are written into its body."""
        self._physics[actor_id] = default_physics(spec, place)
        set_parameters(body, spec, self._physics[actor_id])
        self._lamps[actor_id] = 0

    def forget(self, actor_id: int) -> None:
        """Drop what is known of an actor that goes; nothing is known of those that are no vehicles."""
        for table in (self._physics, self._lamps):
            table.pop(actor_id, None)
        self._touched_physics.discard(actor_id)

    def apply_control(self, actor_id: int, control: VehicleControl) -> None:
        """Set a vehicle's controls; they stay until others come. Values are cut to their ranges."""
        actor = self._vehicle(actor_id)
        throttle, steer, brake, hand_brake, reverse, manual, gear = control
        check_finite(actor_id, "vehicle control", (throttle, steer, brake))
        body = self._roster.bodies[actor.body]
        held = max(gear, 0) if manual else 0
        if held != (max(int(body["manual_gear"]), 0) if body["manual"] else 0):
            set_gear(body, self._spec(actor), self._physics[actor_id], held)
        values = (
            min(max(throttle, 0.0), 1.0),
            min(max(steer, -1.0), 1.0),
            min(max(brake, 0.0), 1.0),
            int(hand_brake),
            int(reverse or (manual and gear < 0)),
            int(manual),
            gear,
        )
        for name, value in zip(_CONTROL_FIELDS, values, strict=True):
            body[name] = value

    def apply_controls(
        self,
        actor_ids: NDArray[np.int64],
        pedals: NDArray[np.float32],
        switches: NDArray[np.int64],
    ) -> None:
        """`apply_control` for many vehicles at once; of two controls for one vehicle the last counts.

        Args:
            actor_ids: (N,) live vehicles.
            pedals: (N, 3) throttle, steer, brake; finite.
            switches: (N, 4) hand brake, reverse, manual gear shift, gear.

        Raises:
            UnknownActorError, WrongActorKindError: one is no vehicle; then nothing was applied.
        """
        actors, bodies = self._roster.actors, self._roster.bodies
        ids = actor_ids.tolist()
        try:
            rows = np.array([actors[actor_id].body for actor_id in ids], np.int64)
        except KeyError as error:
            raise UnknownActorError(error.args[0]) from None
        if len(rows) and (rows.min() < 0 or (bodies["kind"][rows] != int(ActorKind.VEHICLE)).any()):
            for actor_id in ids:
                self._vehicle(actor_id)  # says which one is none
        if not _apply_controls(bodies, rows, pedals, switches):
            for actor_id, feet, hands in zip(ids, pedals.tolist(), switches.tolist(), strict=True):
                throttle, steer, brake = feet
                hand_brake, reverse, manual, gear = hands
                self.apply_control(
                    actor_id, (throttle, steer, brake, bool(hand_brake), bool(reverse), bool(manual), gear)
                )

    def control(self, actor_id: int) -> VehicleControl:
        """The control in force: what was applied last, cut to its ranges."""
        body = self._roster.bodies[self._vehicle(actor_id).body]
        throttle, steer, brake = (float(body[name]) for name in _CONTROL_FIELDS[:3])
        hand_brake, reverse, manual = (bool(body[name]) for name in _CONTROL_FIELDS[3:6])
        return (throttle, steer, brake, hand_brake, reverse, manual, int(body["manual_gear"]))

    def physics(self, actor_id: int) -> PhysicsControl:
        """A vehicle's parameters: exactly what was set last, else the defaults, wheels where they are."""
        actor = self._vehicle(actor_id)
        if actor_id in self._touched_physics:
            return self._physics[actor_id]
        return at_pose(self._physics[actor_id], self._spec(actor), pose_of(self._roster.bodies[actor.body]))

    def set_physics(self, actor_id: int, physics: PhysicsControl) -> None:
        """Change a vehicle's parameters; see `vehicle_parameters.set_parameters` for those that count."""
        actor = self._vehicle(actor_id)
        set_parameters(self._roster.bodies[actor.body], self._spec(actor), physics)
        self._physics[actor_id] = physics
        self._touched_physics.add(actor_id)

    def simulates_physics(self, actor_id: int) -> bool:
        """Whether forces move a vehicle."""
        return bool(self._roster.bodies["simulates"][self._vehicle(actor_id).body])

    def wheel_steer_angle(self, actor_id: int, wheel: int) -> float:
        """Angle of a wheel in degrees, positive to the right; wheels as in `WheelControl`."""
        actor = self._vehicle(actor_id)
        return wheel_steer_deg(self._roster.bodies[actor.body], self._spec(actor), wheel)

    def lamps(self, actor_id: int) -> int:
        """Flags of the lamps that a vehicle has switched on."""
        return self._lamps[self._vehicle(actor_id).id]

    def set_lamps(self, actor_id: int, flags: int) -> None:
        """Switch a vehicle's lamps."""
        self._lamps[self._vehicle(actor_id).id] = int(flags)

    def all_lamps(self) -> tuple[tuple[int, int], ...]:
        """Id and lamp flags of every vehicle."""
        return tuple(self._lamps.items())

    def _vehicle(self, actor_id: int) -> Actor:
        actor = self._roster.get(actor_id)
        if actor.kind is not ActorKind.VEHICLE:
            raise WrongActorKindError(actor_id, actor.blueprint_id, "vehicle")
        return actor

    def _spec(self, actor: Actor) -> VehicleSpec:
        spec = self._library[actor.blueprint_id].vehicle
        if spec is None:
            raise WrongActorKindError(actor.id, actor.blueprint_id, "vehicle")
        return spec


@numba.njit(cache=True, fastmath=False)
def _apply_controls(bodies, rows, pedals, switches):  # type: ignore[no-untyped-def]
    """Write controls into bodies. False, and nothing written, where a driver holds or held a gear."""
    for i in range(rows.shape[0]):
        if switches[i, 2] == 1 or bodies[rows[i]].manual == 1:
            return False
    for i in range(rows.shape[0]):
        body = bodies[rows[i]]
        body.throttle = min(max(np.float64(pedals[i, 0]), 0.0), 1.0)
        body.steer = min(max(np.float64(pedals[i, 1]), -1.0), 1.0)
        body.brake = min(max(np.float64(pedals[i, 2]), 0.0), 1.0)
        body.hand_brake = switches[i, 0]
        body.reverse = switches[i, 1]
        body.manual_gear = switches[i, 3]
    return True
