"""World: actors that move, collide and obey the clock of `tick`. Pure: the same calls give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import MapLayer
from simulator.world.actors import Actor, ActorKind, AttributeValue, Box, Collision, Transform, Vector
from simulator.world.blueprints import Blueprint, BlueprintLibrary, default_library
from simulator.world.bodies import center_of_mass, new_body, place_body
from simulator.world.collisions import PAIR, blocker_of, near_pairs, reports, resolve
from simulator.world.errors import (
    NoBodyError,
    SpawnCollisionError,
    TooManyActorsError,
    UnknownParentError,
    WrongActorKindError,
)
from simulator.world.level import Level
from simulator.world.limits import MAX_ACTORS, check_finite, check_inside, contain
from simulator.world.loose_bodies import advance_props, prop_mass_kg
from simulator.world.roads import find_ground
from simulator.world.roster import Roster
from simulator.world.signals import Signals
from simulator.world.snapshot import write_attached, write_bodies
from simulator.world.spring_arms import place_of_child
from simulator.world.street_lights import StreetLights
from simulator.world.sweeps import Hit, Sweep, first_hit
from simulator.world.town import Town
from simulator.world.vehicle_dynamics import advance_bodies
from simulator.world.vehicles import Vehicles

_PERMANENT = (ActorKind.TRAFFIC_LIGHT, ActorKind.TRAFFIC_SIGN, ActorKind.SPECTATOR)
_CLEAR_NOON = [-1.0] * 14
_SUN_ALTITUDE = 5  # among the weather's parameters


class World:
    """One episode in one town.

    Ids count from 1 unless told otherwise. All lengths in metres, angles in degrees, in CARLA's frame.

    Attributes:
        town: the map.
        seed: of the episode, for those who draw random numbers on the world's behalf.
        library: blueprints that can be spawned.
        sim_time_s: simulated time since the world began.
        spectator_id: id of the spectator actor, which always exists.
        level: the scene and what else comes with the town.
        vehicles: their controls, parameters and lamps.
        signals: the traffic lights, by actor.
        street_lights: of the scene.
        weather: CARLA's 14 weather parameters, wire order.
    """

    def __init__(
        self,
        town: Town,
        seed: int,
        library: BlueprintLibrary | None = None,
        layers: MapLayer = MapLayer.ALL,
        last_id: int = 0,
    ) -> None:
        self.town = town
        self.seed = seed
        self.library = library or default_library()
        self.sim_time_s = 0.0
        self.weather: list[float] = list(_CLEAR_NOON)
        self._roster = Roster(last_id)
        self.level = Level(town, self._roster, layers)
        self.spectator_id = self.level.spectator_id
        self._pairs = np.zeros(64, PAIR)
        self.vehicles = Vehicles(self._roster, self.library)
        self.signals = Signals(self.level, self._roster)
        self.street_lights = StreetLights(town.scene)
        self._props = 0

    @property
    def last_id(self) -> int:
        """The highest id that an actor of this world has had."""
        return self._roster.last_id

    @property
    def states(self) -> NDArray[np.void]:
        """(len(actors),) ACTOR_STATE in the order of `actors`; its bytes are the body of the world snapshot.

        The array is replaced when actors come and go: never keep it.
        """
        return self._roster.states

    @property
    def bodies(self) -> NDArray[np.void]:
        """(M,) BODY of the actors that have one. For reading only; replaced when actors come and go."""
        return self._roster.bodies

    @property
    def actors(self) -> dict[int, Actor]:
        """Live actors by id, in the order of their coming. For reading only."""
        return self._roster.actors

    def tick(
        self, dt_s: float, *, substep_s_max: float = 0.01, substeps_max: int = 10
    ) -> tuple[Collision, ...]:
        """Advance the world.

        Args:
            dt_s: simulated time, above 0.
            substep_s_max: longest physics step.
            substeps_max: most physics steps; with more to do they get longer.

        Returns:
            Every contact of this tick, told to both sides.
        """
        roster, level = self._roster, self.level
        substeps = min(max(math.ceil(dt_s / substep_s_max - 1e-9), 1), max(substeps_max, 1))
        find_ground(self.town.roads.grid, roster.bodies, dt_s)
        count = near_pairs(roster.bodies, level.solids, dt_s, self._pairs)
        if count > len(self._pairs):
            self._pairs = np.zeros(2 * count, PAIR)
            count = near_pairs(roster.bodies, level.solids, dt_s, self._pairs)
        collisions: tuple[Collision, ...] = ()
        if count == 0:
            self._advance(dt_s / substeps, substeps)
        else:
            pairs = self._pairs[:count]
            for _ in range(substeps):
                self._advance(dt_s / substeps, 1)
                resolve(roster.bodies, level.solids, pairs)
            collisions = reports(roster.bodies, level.solids, pairs)
        contain(roster.bodies)
        level.lights.advance(dt_s)
        level.lights.mark_vehicles(roster.bodies)
        level.signs.mark_vehicles(roster.bodies, dt_s)
        level.write_states()
        write_bodies(roster.bodies, roster.states, roster.vehicles, roster.walkers, dt_s)
        if len(roster.attached):
            write_attached(roster.attached, roster.bodies, roster.states, dt_s)
        self.sim_time_s += dt_s
        return collisions

    def _advance(self, substep_s: float, substeps: int) -> None:
        advance_bodies(self._roster.bodies, substep_s, substeps)
        if self._props:
            advance_props(self._roster.bodies, substep_s, substeps)

    # ------------------------------------------------------------------ coming and going

    def spawn(
        self,
        blueprint: Blueprint,
        attributes: tuple[AttributeValue, ...],
        transform: Transform,
        parent_id: int = 0,
        attachment: int = 0,
    ) -> Actor:
        """Let an actor come to life.

        Args:
            blueprint: from `library`.
            attributes: as the client chose them.
            transform: in the world, or in the parent's frame.
            parent_id: actor to attach to, 0 for none.
            attachment: CARLA's kind of attachment.

        Raises:
            UnknownParentError: the parent does not live.
            SpawnCollisionError: the place is taken.
            NotFiniteError, OutsideWorldError: the transform holds NaN, infinity or a place beyond the edge.
            TooManyActorsError: see `limits.MAX_ACTORS`.
        """
        if len(self.actors) >= MAX_ACTORS:
            raise TooManyActorsError(MAX_ACTORS)
        if parent_id and parent_id not in self.actors:
            raise UnknownParentError(parent_id)
        check_finite(0, "spawn transform", transform)
        check_inside(0, transform)
        kind = _kind_of(blueprint)
        box = Box(*blueprint.box) if blueprint.box else Box((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        place = place_of_child(self.transform(parent_id), transform, attachment) if parent_id else transform
        body = None
        if kind in (ActorKind.VEHICLE, ActorKind.WALKER, ActorKind.PROP):
            body = _body_of(blueprint, kind, box, place)
            if parent_id:
                body["attached"], body["collides"] = 1, 0
            else:
                self._check_place(blueprint.id, body)
        actor = Actor(
            id=self._roster.next_id(),
            parent_id=parent_id,
            blueprint_id=blueprint.id,
            uid=blueprint.uid,
            attributes=attributes,
            box=box,
            semantic_tags=bytes([blueprint.semantic_tag]),
            kind=kind,
            attachment=attachment,
            relative=transform if parent_id else None,
        )
        if blueprint.vehicle is not None and body is not None:
            self.vehicles.add(actor.id, blueprint.vehicle, body[0], place)
        self._roster.add(actor, place, body)
        self._props += kind is ActorKind.PROP
        return actor

    def _check_place(self, blueprint_id: str, body: NDArray[np.void]) -> None:
        bodies = self._roster.bodies
        blocker = blocker_of(bodies, self.level.solids, body)
        if blocker < len(bodies):
            table, number = (bodies, blocker) if blocker >= 0 else (self.level.solids.solids, -1 - blocker)
            raise SpawnCollisionError(blueprint_id, int(table["actor_id"][number]))

    def destroy(self, actor_id: int) -> bool:
        """Let an actor and all attached to it go; False if there is none, or it belongs to the town."""
        actor = self.actors.get(actor_id)
        if actor is None or actor.kind in _PERMANENT:
            return False
        family = self._roster.family(actor_id)
        self._props -= sum(self.actors[member].kind is ActorKind.PROP for member in family)
        self._roster.remove(family)
        for gone in family:
            self.vehicles.forget(gone)
        return True

    def actor(self, actor_id: int) -> Actor:
        """A live actor.

        Raises:
            UnknownActorError: there is none with this id.
        """
        return self._roster.get(actor_id)

    def transform(self, actor_id: int) -> Transform:
        """Where an actor is now."""
        return self._roster.transform(actor_id)

    def center_of_mass(self, actor_id: int) -> Vector:
        """Where an actor turns about, in the world; the origin of one without a body."""
        actor = self.actor(actor_id)
        if actor.body >= 0:
            return center_of_mass(self._roster.bodies[actor.body])
        return self.transform(actor_id)[:3]

    def first_hit(self, sweep: Sweep) -> Hit | None:
        """What a sphere meets first among the boxes of actors and what stands beside the roads."""
        return first_hit(self._roster.bodies, self.level.solids.solids, sweep)

    # ------------------------------------------------------------------ surroundings

    def set_weather(self, parameters: list[float]) -> None:
        """Change the weather: 14 parameters, wire order. Street lights follow the sun."""
        self.weather = parameters
        self.street_lights.on_weather(parameters[_SUN_ALTITUDE])

    def load_layers(self, layers: MapLayer, *, on: bool) -> None:
        """Load or unload map layers."""
        self.level.load_layers(layers, on)
        self.street_lights.changed |= bool(layers & MapLayer.STREET_LIGHTS)

    # ------------------------------------------------------------------ moving

    def set_transform(self, actor_id: int, transform: Transform) -> None:
        """Teleport; the velocity stays. For an attached actor this is its place in the parent's frame."""
        actor = self.actor(actor_id)
        check_finite(actor_id, "transform", transform)
        check_inside(actor_id, transform)
        if actor.relative is not None:
            actor.relative = transform
            self._roster.relink()
        elif actor.body >= 0:
            place_body(self._roster.bodies[actor.body], transform)
        elif actor.kind not in (ActorKind.TRAFFIC_LIGHT, ActorKind.TRAFFIC_SIGN):
            state = self._roster.states[actor.row]
            state["location"], state["rotation"] = transform[:3], transform[3:]

    def set_location(self, actor_id: int, location: Vector) -> None:
        """Teleport without turning."""
        actor = self.actor(actor_id)
        now = actor.relative or self.transform(actor_id)
        self.set_transform(actor_id, (*location, *now[3:]))

    def set_target_velocity(self, actor_id: int, velocity_mps: Vector) -> None:
        """Give an actor a velocity, world axes. Physics goes on from there; without physics it is kept."""
        body = self._body(actor_id, velocity_mps, "target velocity")
        if body["kind"] == ActorKind.WALKER and body["simulates"]:
            body["push_x"], body["push_y"] = velocity_mps[:2]
        else:
            body["vx"], body["vy"], body["vz"] = velocity_mps

    def set_target_angular_velocity(self, actor_id: int, velocity_degps: Vector) -> None:
        """Give an actor a turning velocity; only that about the vertical counts."""
        body = self._body(actor_id, velocity_degps, "target angular velocity")
        body["yaw_rate"] = math.radians(velocity_degps[2])

    def set_simulate_physics(self, actor_id: int, enabled: bool) -> None:
        """Without physics an actor moves by transforms and target velocities only, and nothing pushes it."""
        body = self._body(actor_id)
        if not enabled and body["simulates"]:
            body["vx"] = body["vy"] = body["vz"] = body["yaw_rate"] = 0.0
        body["simulates"] = int(enabled)

    def set_enable_gravity(self, actor_id: int, enabled: bool) -> None:
        """Without gravity an actor above the ground stays there."""
        self._body(actor_id)["gravity"] = int(enabled)

    def set_collisions(self, actor_id: int, enabled: bool) -> None:
        """Without collisions an actor passes through all others. What has no body does so anyway."""
        if self.actor(actor_id).body >= 0:
            self._body(actor_id)["collides"] = int(enabled)

    def enable_constant_velocity(self, actor_id: int, velocity_in_actor_mps: Vector) -> None:
        """Hold a velocity along the actor's own axes; steering still turns it."""
        body = self._body(actor_id, velocity_in_actor_mps, "constant velocity")
        body["holds_velocity"] = 1
        body["held_x"], body["held_y"] = velocity_in_actor_mps[:2]

    def disable_constant_velocity(self, actor_id: int) -> None:
        """Give the actor back to its controls."""
        self._body(actor_id)["holds_velocity"] = 0

    def add_impulse(self, actor_id: int, impulse_ns: Vector, at: Vector | None = None) -> None:
        """Push at once.

        Args:
            actor_id: whom.
            impulse_ns: N·s, world axes.
            at: point of attack in the world; the centre of mass if None.
        """
        body = self._body(actor_id, impulse_ns, "impulse")
        if not body["simulates"]:
            return
        for axis, value in zip("xyz", impulse_ns, strict=True):
            body[f"v{axis}"] += value / body["mass_kg"]
        if body["kind"] == ActorKind.WALKER:
            body["push_x"] += impulse_ns[0] / body["mass_kg"]
            body["push_y"] += impulse_ns[1] / body["mass_kg"]
        elif at is not None:
            body["yaw_rate"] += _moment(body, impulse_ns, at) / body["inertia"]

    def add_force(self, actor_id: int, force_n: Vector, at: Vector | None = None) -> None:
        """Push during the coming tick; as `add_impulse`, in N."""
        body = self._body(actor_id, force_n, "force")
        for axis, value in zip("xyz", force_n, strict=True):
            body[f"force_{axis}"] += value
        if at is not None:
            body["torque_z"] += _moment(body, force_n, at)

    def add_angular_impulse(self, actor_id: int, impulse: Vector) -> None:
        """Turn at once; only the part about the vertical counts. kg·m²·deg/s, as CARLA takes it."""
        body = self._body(actor_id, impulse, "angular impulse")
        if body["kind"] != ActorKind.WALKER and body["simulates"]:
            body["yaw_rate"] += math.radians(impulse[2]) / body["inertia"]

    def add_torque(self, actor_id: int, torque: Vector) -> None:
        """Turn during the coming tick; as `add_angular_impulse`, per second."""
        self._body(actor_id, torque, "torque")["torque_z"] += math.radians(torque[2])

    def apply_walker_control(self, actor_id: int, direction: Vector, speed_mps: float, jump: bool) -> None:
        """Let a walker go in a direction, world axes; of any length but zero."""
        body = self._body(actor_id, (*direction, speed_mps), "walker control")
        if body["kind"] != ActorKind.WALKER:
            raise WrongActorKindError(actor_id, self.actor(actor_id).blueprint_id, "walker")
        length = math.hypot(*direction)
        scale = 1.0 / length if length > 0.0 else 0.0
        body["walk_x"], body["walk_y"], body["walk_z"] = (scale * value for value in direction)
        body["walk_mps"], body["jump"] = speed_mps, int(jump)

    def set_walker_state(self, actor_id: int, transform: Transform, speed_mps: float) -> None:
        """Put a walker somewhere, walking straight on."""
        self.set_transform(actor_id, transform)
        yaw = math.radians(transform[4])
        self.apply_walker_control(actor_id, (math.cos(yaw), math.sin(yaw), 0.0), speed_mps, False)

    # ------------------------------------------------------------------ looking things up

    def _body(self, actor_id: int, values: Iterable[float] = (), what: str = "") -> np.void:
        """The body of an actor, after a look at the numbers that are to go into it."""
        actor = self.actor(actor_id)
        check_finite(actor_id, what, values)
        if actor.body < 0:
            raise NoBodyError(actor_id, actor.blueprint_id)
        body: np.void = self._roster.bodies[actor.body]
        return body


def _body_of(blueprint: Blueprint, kind: ActorKind, box: Box, place: Transform) -> NDArray[np.void]:
    """The body of a new actor; heavy props stay where they are until their physics are switched on."""
    if kind is not ActorKind.PROP:
        return new_body(kind, box, place)
    mass_kg, is_loose = prop_mass_kg(blueprint.id, box.extent)
    body = new_body(kind, box, place, mass_kg)
    body["simulates"] = int(is_loose)
    return body


def _kind_of(blueprint: Blueprint) -> ActorKind:
    if blueprint.vehicle is not None:
        return ActorKind.VEHICLE
    if blueprint.id.startswith("walker."):
        return ActorKind.WALKER
    if blueprint.id.startswith("sensor."):
        return ActorKind.SENSOR
    return ActorKind.PROP if blueprint.box is not None else ActorKind.OTHER


def _moment(body: np.void, push: Vector, at: Vector) -> float:
    """Moment of a push about the vertical through the centre of mass."""
    x = at[0] - body["x"] - body["com_x"] * math.cos(body["yaw"])
    y = at[1] - body["y"] - body["com_x"] * math.sin(body["yaw"])
    return float(x * push[1] - y * push[0])
