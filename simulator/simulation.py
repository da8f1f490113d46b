"""Simulation: a world in the hands of clients. Settings, frames, episodes, sensors and what they send.

Still no socket and no request here: messages go to a `Publisher`, calls come from `simulator.rpc_methods`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import carla

from simulator.actor_records import ActorRecords
from simulator.appearance import Appearance
from simulator.drawings import Drawings
from simulator.publisher import Publisher
from simulator.rehearsal import rehearse
from simulator.scene.objects import MapLayer
from simulator.sensors.interface import BadAttributeError, Mounting, Observation, Sensor, number_of, pose_of
from simulator.sensors.registry import SEEING_SENSORS, SENSORS, check_supported
from simulator.sensors.schedule import Schedule
from simulator.sensors.sight import Sight
from simulator.wire.arguments import Pose
from simulator.wire.layouts import SimulationState, pack_sensor_header, pack_snapshot
from simulator.wire.settings import EpisodeSettings
from simulator.wire.streams import Token, frame_message
from simulator.world.ackermann import AckermannDrivers
from simulator.world.actors import Actor, AttributeValue, Collision
from simulator.world.blueprints import Attribute, Blueprint, BlueprintLibrary, default_library
from simulator.world.errors import UnknownTownError
from simulator.world.town import Town, available_towns
from simulator.world.walls import WallSpec
from simulator.world.world import World

WORLD_STREAM = 1
"""Stream of the world snapshots of the first episode; see `Simulation.world_stream`."""

GENERATED_TOWN = "OpenDriveMap"
"""Name under which clients load the OpenDRIVE text that they sent."""


LIFE_SPAN_AFTER_DEATH_S = 10.0
"""How long a dead walker stays, in simulated time: CARLA's `AfterLifeSpan`."""


class NoGeneratedTownError(ValueError):
    """`OpenDriveMap` was to be loaded, but no client sent an OpenDRIVE text."""

    def __init__(self) -> None:
        super().__init__(f"no {GENERATED_TOWN} yet: call client.generate_opendrive_world(text) instead")


@dataclass(slots=True)
class _Mounted:
    """A sensor, its stream, and when it measures."""

    actor: Actor
    sensor: Sensor
    stream_id: int
    schedule: Schedule


class Simulation:
    """One server's simulation.

    Attributes:
        world: the running episode's world.
        ackermann: vehicles of the episode under Ackermann control.
        records: the actors as clients are told of them.
        drawings: what clients have drawn into the episode's world.
        appearance: doors, wheels and the like that clients set in this episode.
        settings: of the episode.
        frame: CARLA's frame counter; grows over episodes.
        episode_id: changes with every load.
        library: blueprints that can be spawned.
        imui_gravity: what clients set as the gravity of IMUs, m/s²; only kept.
        traffic_managers: port -> (host, port) of traffic managers that clients announced.
    """

    def __init__(
        self,
        town: Town,
        *,
        seed: int,
        publisher: Publisher,
        stream_port: int,
        clock: Callable[[], float] = time.monotonic,
        camera_noise: float = 0.0,
        shelf: Path | None = None,
    ) -> None:
        """Load the first town.

        Args:
            town: map of the first episode.
            seed: of all random numbers.
            publisher: where messages go.
            stream_port: where clients subscribe.
            clock: wall time, for the platform's time stamps only.
            camera_noise: standard deviation of the noise of colour pictures, in grey levels.
            shelf: folder that the triangles of towns are kept in, or None.
        """
        self._seed = seed
        self._camera_noise = camera_noise
        self._shelf = shelf
        self._publisher = publisher
        self._stream_port = stream_port
        self._clock = clock
        self._started_s = clock()
        self._world_streams: list[int] = []
        self._next_stream = WORLD_STREAM
        self._generated_town: Town | None = None
        self._mounted: dict[int, _Mounted] = {}
        self._map: carla.Map | None = None
        self._sight: Sight | None = None
        self.library: BlueprintLibrary = default_library()
        self.settings = EpisodeSettings()
        self.frame = 0
        self.episode_id = 0
        self._shown_episode_id = 1
        self.imui_gravity = 9.81
        self.traffic_managers: dict[int, tuple[str, int]] = {}
        self.world: World
        self.load(town)

    # ---- episodes

    def load(self, town: Town, *, reset_settings: bool = True, layers: MapLayer = MapLayer.ALL) -> None:
        """Start a new episode.

        Actor ids begin anew, so that nothing of the last episode shows in it. In CARLA they go on, and so
        they do here while a client has a traffic manager: it remembers actors by their ids across episodes,
        and aborts when the id of a destroyed one comes back.

        Args:
            town: map of the episode.
            reset_settings: go back to asynchronous mode, as CARLA does unless told otherwise.
            layers: of the map, to begin with.
        """
        last_id = self.world.last_id if self.traffic_managers else 0
        self.world = World(town, self._seed, self.library, layers, last_id)
        self.ackermann = AckermannDrivers(self.world)
        self.appearance = Appearance()
        self.drawings = Drawings()
        self._dying: dict[int, float] = {}
        for mounted in self._mounted.values():
            self._publisher.close_stream(mounted.stream_id)
        self.episode_id += 1
        watched = [stream for stream in self._world_streams if self._publisher.has_subscribers(stream)]
        self._world_streams = [*watched, self._new_stream()]
        self._mounted = {}
        self.records = ActorRecords(self.world, self._token_of)
        self._map = None
        self._sight = None
        self._state = SimulationState.MAP_CHANGE
        if reset_settings:
            self.settings = EpisodeSettings()

    def keep_generated_town(self, opendrive: str, walls: WallSpec) -> None:
        """Keep an OpenDRIVE text for the next `load_new_episode("OpenDriveMap")`; the present town stays.

        Args:
            opendrive: the text.
            walls: how walls along its roads are to be.

        Raises:
            OpenDriveError: the text is no usable map.
        """
        rehearse(GENERATED_TOWN, opendrive, walls)
        self._generated_town = Town.from_opendrive(GENERATED_TOWN, opendrive, walls)

    def find_town(self, name: str) -> Town:
        """The town of that name, with or without a path such as "/Game/Carla/Maps/"; "" is the present one.

        Raises:
            UnknownTownError: this server has no such town.
            NoGeneratedTownError: see there.
        """
        short_name = name.rsplit("/", 1)[-1]
        if not short_name:  # what the client sends to reload the map
            return self.world.town
        if short_name != GENERATED_TOWN:
            if short_name not in available_towns():
                raise UnknownTownError(name, available_towns())
            return Town.load(short_name)
        if self._generated_town is None:
            raise NoGeneratedTownError
        return self._generated_town

    # ---- time

    @property
    def is_watched(self) -> bool:
        """Whether any client follows the world."""
        return any(self._publisher.has_subscribers(stream) for stream in self._world_streams)

    @property
    def shown_episode_id(self) -> int:
        """Episode of the last tick: what a client is told that asks which episode runs.

        A new episode begins to show with its first tick, as in CARLA, where a map is opened at the end of a
        frame. The client compares the episode of each snapshot with the one before, and at a change sets its
        traffic managers up anew; one told of the new episode ahead of its snapshots would never see a change,
        and its traffic managers would drive on by the old map.
        """
        return self._shown_episode_id

    @property
    def world_stream(self) -> int:
        """Stream of the world snapshots that new subscribers are sent to.

        Each episode has its own: a client may leave its last episode only after it has subscribed to the next
        one, and it leaves by number. With one number for both it would close the new connection, or, while
        that is being made, use it after it was freed (`carla::streaming::detail::tcp::Client`) and abort. The
        old streams go on as long as anybody listens, so that a second client survives a map change.
        """
        return self._world_streams[-1]

    def tick(self, delta_s: float | None = None) -> int:
        """Advance the world by one tick, send what the sensors saw, then the snapshot.

        Args:
            delta_s: simulated time of the tick; that of the settings if None.

        Returns:
            The frame that this tick made.
        """
        settings = self.settings
        if delta_s is None:
            delta_s = settings.delta_s
        if self._dying:
            self._bury()
        self.ackermann.drive(delta_s)
        if settings.substepping:
            collisions = self.world.tick(
                delta_s, substep_s_max=settings.max_substep_s, substeps_max=settings.max_substeps
            )
        else:
            collisions = self.world.tick(delta_s, substep_s_max=delta_s, substeps_max=1)
        self.frame += 1
        self._shown_episode_id = self.episode_id
        # Sensors first: who gets the snapshot of this frame has been sent everything else of it.
        self._publish_sensors(collisions, delta_s)
        self._publish_snapshot(delta_s)
        return self.frame

    def _publish_snapshot(self, delta_s: float) -> None:
        if not self.is_watched:
            return
        lights = self.world.street_lights
        if lights.changed:
            self._state |= SimulationState.PENDING_LIGHT_UPDATE
            lights.changed = False
        snapshot = pack_snapshot(
            self.frame,
            self.world.sim_time_s,
            self.episode_id,
            self._clock() - self._started_s,
            delta_s,
            self._state,
            self.world.states,
        )
        self._state = SimulationState.NONE
        message = frame_message(snapshot)
        for stream in self._world_streams:
            self._publisher.publish(stream, message)

    def _publish_sensors(self, collisions: tuple[Collision, ...], delta_s: float) -> None:
        if not self._mounted:
            return
        now_s = self.world.sim_time_s
        states = self.world.states
        actors = self.world.actors
        ignored = self.appearance.ignored_vehicles
        if self._sight is not None:
            self._sight.begin()
        for mounted in self._mounted.values():
            if not mounted.schedule.is_due(now_s, delta_s):
                continue
            if not self._publisher.has_subscribers(mounted.stream_id):
                continue
            own_state = states[mounted.actor.row]
            parent = actors.get(mounted.actor.parent_id)
            observation = Observation(
                own_state=own_state,
                parent_state=None if parent is None else states[parent.row],
                collisions=collisions,
                actor_record=self.records.of_actor,
                now_s=now_s,
                parent_center=self.world.center_of_mass(mounted.actor.id if parent is None else parent.id),
                first_hit=self.world.first_hit,
                thing_record=self.records.of_thing,
                delta_s=delta_s,
                sight=self.sight,
                ignored_ids=ignored.get(mounted.actor.id, frozenset()),
                annotations=lambda: self.drawings.visible(self.frame, now_s),
            )
            payloads = mounted.sensor.measure(observation)
            if payloads:
                header = pack_sensor_header(mounted.sensor.type, self.frame, now_s, pose_of(own_state))
                for payload in payloads:
                    self._publisher.publish(mounted.stream_id, frame_message(header, payload))

    # ---- actors

    def spawn(
        self,
        blueprint_id: str,
        attributes: tuple[AttributeValue, ...],
        pose: Pose,
        parent_id: int = 0,
        attachment: int = 0,
    ) -> Actor:
        """Spawn an actor; a sensor gets its stream.

        Raises:
            UnknownBlueprintError, UnsupportedSensorError, BadAttributeError, WorldError: it cannot be.
        """
        blueprint = self.library[blueprint_id]
        check_supported(blueprint_id)
        actor = self.world.spawn(blueprint, _complete(attributes, blueprint), pose, parent_id, attachment)
        if blueprint_id in SEEING_SENSORS:
            self.sight()
        make = SENSORS.get(blueprint_id)
        if make is not None:
            try:
                self._mount(actor, make)
            except BadAttributeError:
                self.world.destroy(actor.id)
                raise
        return actor

    def sight(self) -> Sight:
        """What cameras and LiDARs of this episode share; made when the first of them is spawned."""
        if self._sight is None:
            self._sight = Sight(self.world, self._shelf)
        return self._sight

    def _mount(self, actor: Actor, make: Callable[[Mounting], Sensor]) -> None:
        """Give a sensor its stream."""
        values = {name: value for name, _, value in actor.attributes}
        sensor = make(Mounting(actor, values, self._geolocate, self._camera_noise, self._seed))
        period_s = max(0.0, number_of(values, "sensor_tick")) if "sensor_tick" in values else 0.0
        self._mounted[actor.id] = _Mounted(actor, sensor, self._new_stream(), Schedule(period_s))

    def destroy(self, actor_id: int) -> bool:
        """Remove an actor with everything attached to it; False if there is none."""
        if not self.world.destroy(actor_id):
            return False
        alive = self.world.actors
        self.appearance.keep(alive)
        self._dying = {key: due_s for key, due_s in self._dying.items() if key in alive}
        self.records.keep(alive)
        for gone in [key for key in self._mounted if key not in alive]:
            self._publisher.close_stream(self._mounted.pop(gone).stream_id)
        return True

    def let_die(self, walker_id: int) -> None:
        """Let a walker disappear after `LIFE_SPAN_AFTER_DEATH_S`; counted from the last time it was told."""
        self._dying[walker_id] = self.world.sim_time_s + LIFE_SPAN_AFTER_DEATH_S

    def _bury(self) -> None:
        now_s = self.world.sim_time_s
        for walker_id in [key for key, due_s in self._dying.items() if due_s <= now_s]:
            self.destroy(walker_id)

    def expect_subscriber(self, stream_id: int) -> None:
        """A client is about to subscribe to the world or to a sensor.

        It connects in the background while its next calls, a tick perhaps, are on their way already. Nothing
        that happens in between is lost: the first tick that a client sees must not depend on threads.
        """
        if stream_id in self._world_streams or any(
            mounted.stream_id == stream_id for mounted in self._mounted.values()
        ):
            self._publisher.expect_subscriber(stream_id)

    def _new_stream(self) -> int:
        self._next_stream += 1
        return self._next_stream - 1

    def stream_token(self, stream_id: int) -> bytes:
        """The 24 bytes that tell a client where a stream is."""
        return Token(stream_id, self._stream_port).encode()

    def _token_of(self, actor_id: int) -> bytes:
        mounted = self._mounted.get(actor_id)
        return b"" if mounted is None else self.stream_token(mounted.stream_id)

    def _geolocate(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """Ask the client's own map reader, so that both sides agree on the projection."""
        if self._map is None:
            self._map = carla.Map(self.world.town.name, self.world.town.opendrive)
        place = self._map.transform_to_geolocation(carla.Location(x, y, z))
        return place.latitude, place.longitude, place.altitude


def _complete(attributes: tuple[AttributeValue, ...], blueprint: Blueprint) -> tuple[AttributeValue, ...]:
    """The attributes of a spawn request with the blueprint's defaults for those that it leaves out."""
    given = {name for name, _, _ in attributes}
    missing: list[Attribute] = [a for a in blueprint.attributes if a.id not in given]
    return attributes + tuple((a.id, int(a.type), a.value) for a in missing)
