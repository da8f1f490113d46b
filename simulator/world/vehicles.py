"""Vehicles of a world: the controls, parameters and lamps that clients gave them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.world.actors import Actor, ActorKind, Transform
from simulator.world.blueprints import BlueprintLibrary, VehicleSpec
from simulator.world.bodies import pose_of
from simulator.world.errors import WrongActorKindError
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

_NO_CONTROL: VehicleControl = (0.0, 0.0, 0.0, False, False, False, 0)
_CONTROL_FIELDS = ("throttle", "steer", "brake", "hand_brake", "reverse", "manual", "manual_gear")


class Vehicles:
    """What is known of the vehicles in a roster beside their bodies.

    Every method that takes an id raises UnknownActorError or WrongActorKindError if it is no live vehicle's.
    """

    def __init__(self, roster: Roster, library: BlueprintLibrary) -> None:
        self._roster = roster
        self._library = library
        self._controls: dict[int, VehicleControl] = {}
        self._physics: dict[int, PhysicsControl] = {}
        self._touched_physics: set[int] = set()
        self._lamps: dict[int, int] = {}

    def add(self, actor_id: int, spec: VehicleSpec, body: np.void, place: Transform) -> None:
        """Give a new vehicle the parameters of its blueprint, which are written into its body."""
        self._physics[actor_id] = default_physics(spec, place)
        set_parameters(body, spec, self._physics[actor_id])
        self._controls[actor_id] = _NO_CONTROL
        self._lamps[actor_id] = 0

    def forget(self, actor_id: int) -> None:
        """Drop what is known of an actor that goes; nothing is known of those that are no vehicles."""
        for table in (self._controls, self._physics, self._lamps):
            table.pop(actor_id, None)
        self._touched_physics.discard(actor_id)

    def apply_control(self, actor_id: int, control: VehicleControl) -> None:
        """Set a vehicle's controls; they stay until others come. Values are cut to their ranges."""
        actor = self._vehicle(actor_id)
        throttle, steer, brake, hand_brake, reverse, manual, gear = control
        check_finite(actor_id, "vehicle control", (throttle, steer, brake))
        held, before = (gear if manual else 0), self._controls[actor_id]
        if max(held, 0) != (max(before[6], 0) if before[5] else 0):
            set_gear(self._roster.bodies[actor.body], self._spec(actor), self._physics[actor_id], held)
        self._controls[actor_id] = control
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
            self._roster.bodies[name][actor.body] = value

    def apply_controls(
        self, actor_ids: Sequence[int], columns: Sequence[Sequence[float | bool | int]]
    ) -> None:
        """`apply_control` for many vehicles at once; of two controls for one vehicle the last counts.

        Args:
            actor_ids: N live vehicles.
            columns: the 7 fields of `VehicleControl`, N finite values each.

        Raises:
            UnknownActorError, WrongActorKindError: one is no vehicle; then nothing was applied.
        """
        actors, bodies = self._roster.actors, self._roster.bodies
        rows = []
        for actor_id in actor_ids:
            actor = actors.get(actor_id)
            if actor is None or actor.kind is not ActorKind.VEHICLE:
                actor = self._vehicle(actor_id)  # says what is wrong
            rows.append(actor.body)
        table = zip(actor_ids, zip(*columns, strict=True), strict=True)
        if any(columns[5]) or any(self._controls[actor_id][5] for actor_id in actor_ids):
            for actor_id, control in table:  # gears that drivers hold are looked at one by one
                self.apply_control(actor_id, control)
            return
        self._controls.update(table)
        pedals = np.array(columns[:3])
        switches = np.array(columns[3:])
        bodies["throttle"][rows] = np.clip(pedals[0], 0.0, 1.0)
        bodies["steer"][rows] = np.clip(pedals[1], -1.0, 1.0)
        bodies["brake"][rows] = np.clip(pedals[2], 0.0, 1.0)
        bodies["hand_brake"][rows] = switches[0]
        bodies["reverse"][rows] = switches[1]
        bodies["manual"][rows] = 0
        bodies["manual_gear"][rows] = switches[3]

    def control(self, actor_id: int) -> VehicleControl:
        """The control that was applied last."""
        return self._controls[self._vehicle(actor_id).id]

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
