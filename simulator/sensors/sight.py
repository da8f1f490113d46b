"""Sight: what cameras and LiDARs of a world share in a tick: moving objects, light, shadows, pictures.

Nothing is posed or drawn unless a sensor asks for it, and everything at most once per tick: cameras of the
same place, size and angle get the same picture.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import Camera, Frame, Shade
from simulator.render.cast import Cast, Motion, Player, linear
from simulator.render.lamps import headlights, nearest, street_lights
from simulator.render.lidar import Scan, scan
from simulator.render.light import Light, Weather, make_light
from simulator.render.motion import aligned, flow_of, normals_of
from simulator.render.radar import Radar
from simulator.render.shadow import STEP_M, SunView
from simulator.render.store import Objects
from simulator.sensors.stage import stage_of
from simulator.wire.layouts import Pose
from simulator.world.actors import Actor, ActorKind
from simulator.world.street_lights import COLOUR, INTENSITY
from simulator.world.world import World

CAMERAS_KEPT = 8
"""Buffers of cameras, by size and angle."""

SUN_VIEWS_KEPT = 3
"""Shadow maps of different places."""

_DRAWN_KINDS = (ActorKind.VEHICLE, ActorKind.WALKER, ActorKind.PROP)
_BRAKE_LAMP, _REVERSE_LAMP = 8, 64  # of CARLA's VehicleLightState
_BRAKE_PEDAL = 0.01

Lens = tuple[int, int, float]
"""Width and height in pixels, horizontal angle of view in degrees."""


class Standpoint(NamedTuple):
    """Where a camera and all that it sees were when it took a picture."""

    pose: Pose
    objects: Objects


class Sight:
    """Eyes of one world.

    `begin` must be called before the first question of a tick.

    Attributes:
        pictures_drawn: since the episode began.
        scans_made: likewise, by LiDARs and radars.
    """

    def __init__(self, world: World, shelf: Path | None = None) -> None:
        """Build the town's triangles, unless they are there already: some seconds.

        Args:
            world: that is looked at.
            shelf: see `Stage`.
        """
        self._world = world
        self._stage = stage_of(world.town, world.library, shelf)
        self.pictures_drawn = 0
        self.scans_made = 0
        self._cameras: OrderedDict[Lens, Camera] = OrderedDict()
        self._latest: dict[Lens, Pose] = {}
        self._suns: OrderedDict[tuple[float, ...], SunView] = OrderedDict()
        self._weather: tuple[float, ...] | None = None
        self._seen_states: NDArray[np.void] | None = None
        self._players: list[Player] = []
        self._rolled_m: dict[int, float] = {}
        self._moved_s = world.sim_time_s
        self._objects: Objects | None = None
        self._pictures: dict[tuple[Lens, Pose], Frame] = {}
        self._shades: dict[tuple[float, ...], Shade] = {}
        self._light_ids = np.array(
            [actor.id for actor in world.actors.values() if actor.kind is ActorKind.TRAFFIC_LIGHT], np.int64
        )

    def begin(self) -> None:
        """A new tick: nothing of the last one is shown any more."""
        self._objects = None
        self._pictures.clear()
        self._shades.clear()

    @property
    def dark(self) -> float:
        """0 by day, 1 at night; of the latest picture."""
        return float(self._light.dark)

    @property
    def rain(self) -> tuple[float, float]:
        """Precipitation and wind, per cent."""
        weather = weather_of(self._world.weather)
        return weather.precipitation, weather.wind_intensity

    def picture(self, lens: Lens, pose: Pose) -> Frame:
        """What a camera sees.

        Args:
            lens: see `Lens`.
            pose: of the camera in the world.
        """
        frame = self._pictures.get((lens, pose))
        return self._draw(lens, pose) if frame is None else frame

    def normals(self, lens: Lens, pose: Pose) -> NDArray[np.uint8]:
        """Surface normals of what a camera sees, see `simulator.render.motion.normals_of`."""
        camera, frame = self._held(lens, pose)
        return normals_of(camera, frame, self._stage.store, self._now())

    def flow(
        self, lens: Lens, pose: Pose, before: Standpoint | None
    ) -> tuple[NDArray[np.float32], Standpoint]:
        """How all that a camera sees has moved on its picture, see `simulator.render.motion.flow_of`.

        Args:
            lens: see `Lens`.
            pose: of the camera in the world.
            before: what this gave for the picture before; without one nothing has moved.

        Returns:
            The flow, and where everything is now.
        """
        camera, frame = self._held(lens, pose)
        now = Standpoint(pose, self._now())
        if before is None:
            return np.zeros((*frame.depth.shape, 2), np.float32), now
        old = aligned(now.objects, before.objects)
        return flow_of(camera, frame, pose, now.objects, before.pose, old), now

    def detect(
        self,
        radar: Radar,
        pose: Pose,
        count: int,
        own_velocity_mps: tuple[float, float, float],
        ignored_ids: frozenset[int] = frozenset(),
    ) -> NDArray[np.void]:
        """What a radar meets; see `simulator.render.radar.Radar.look`.

        Args:
            radar: its angles, range and generator.
            pose: of the sensor in the world.
            count: rays.
            own_velocity_mps: of the sensor in the world.
            ignored_ids: actors that rays pass through.
        """
        objects = self._now()
        velocity = np.zeros((len(objects.origin), 3))
        first = len(self._stage.store.blocks.origin)
        parts = self._cast.per_part(self._world.states["velocity"][self._rows].astype(np.float64))
        velocity[first : first + len(parts)] = parts
        if ignored_ids:
            velocity = velocity[_stays(objects, ignored_ids)]
            objects = _without(objects, ignored_ids)
        self.scans_made += 1
        return radar.look(self._stage.store, objects, pose, radar.rays(count), velocity, own_velocity_mps)

    def scan(
        self,
        pose: Pose,
        azimuth_rad: NDArray[np.float64],
        elevation_rad: NDArray[np.float64],
        range_m: float,
        ignored_ids: frozenset[int] = frozenset(),
    ) -> Scan:
        """What a LiDAR sees; see `simulator.render.lidar.scan`.

        Args:
            pose: of the sensor in the world.
            azimuth_rad: (A,) ascending.
            elevation_rad: (E,) ascending.
            range_m: of the sensor.
            ignored_ids: actors that rays pass through.
        """
        objects = self._now()
        if ignored_ids:
            objects = _without(objects, ignored_ids)
        self.scans_made += 1
        return scan(self._stage.store, objects, pose, azimuth_rad, elevation_rad, range_m)

    # ---- once per tick

    def _now(self) -> Objects:
        """Everything that is there in this tick."""
        if self._objects is None:
            standing = self._world.level.standing()
            if self._stage.show(standing):
                self._suns.clear()  # they keep the shadows of what stands
            self._look_at_the_sky()
            self._recruit()
            motion = self._motion()
            lights = self._world.level.lights.lights["state"].astype(np.int64)
            self._objects = self._stage.store.objects(
                self._cast.drawn(motion, self._world.sim_time_s),
                self._stage.heads.drawn(lights, self._light_ids),
            )
            self._lamps = np.concatenate([headlights(self._players, motion), self._street_lamps(standing)])
        return self._objects

    def _recruit(self) -> None:
        """Make a new cast if actors came or went: then the world's table of states is another one."""
        world = self._world
        if world.states is self._seen_states:
            return
        self._seen_states = world.states
        templates = self._stage.store.templates
        drawn = [
            actor
            for actor in world.actors.values()
            if actor.kind in _DRAWN_KINDS
            and (actor.blueprint_id in templates or f"{actor.blueprint_id}/trunk" in templates)
        ]
        self._players = [Player(a.id, world.library[a.blueprint_id], _paint(a)) for a in drawn]
        self._cast = Cast(self._stage.store, self._players)
        self._ids = [actor.id for actor in drawn]
        self._rows = np.array([actor.row for actor in drawn], np.int64)
        self._bodies = np.array([actor.body for actor in drawn], np.int64)
        self._rolled_m = {key: self._rolled_m.get(key, 0.0) for key in self._ids}

    def _motion(self) -> Motion:
        """How all actors stand and move now; wheels and legs go on by what was driven since the last look."""
        world = self._world
        states, bodies = world.states[self._rows], world.bodies[self._bodies]
        transform = np.concatenate([states["location"], states["rotation"]], axis=1).astype(np.float64)
        ahead = bodies["vx"] * np.cos(bodies["yaw"]) + bodies["vy"] * np.sin(bodies["yaw"])
        rolled = np.array([self._rolled_m[key] for key in self._ids])
        rolled += ahead * (world.sim_time_s - self._moved_s)
        self._moved_s = world.sim_time_s
        self._rolled_m = dict(zip(self._ids, rolled.tolist(), strict=True))
        switched_on = dict(world.vehicles.all_lamps())
        flags = np.array([switched_on.get(key, 0) for key in self._ids], np.int64)
        flags |= np.where(bodies["brake"] > _BRAKE_PEDAL, _BRAKE_LAMP, 0)
        flags |= np.where(bodies["reverse"] != 0, _REVERSE_LAMP, 0)
        return Motion(transform, np.arctan(bodies["wheel_tan"]), rolled, np.abs(ahead), flags)

    def _look_at_the_sky(self) -> None:
        weather = tuple(self._world.weather)
        if weather != self._weather:
            self._weather = weather
            self._light: Light = make_light(weather_of(self._world.weather))

    def _street_lamps(self, standing: NDArray[np.bool_]) -> NDArray[np.float32]:
        lights = self._world.street_lights
        lit = lights.is_on & standing[lights.object_rows]
        made = street_lights(lights.location[lit])
        made[:, 3:6] *= lights.colour[lit] / np.array(COLOUR) * (lights.intensity[lit] / INTENSITY)[:, None]
        return made

    # ---- once per camera or place

    def _draw(self, lens: Lens, pose: Pose) -> Frame:
        objects = self._now()
        place = pose[:3]
        frame = self._camera(lens).render(
            self._stage.store,
            objects,
            pose,
            self._light,
            self._shade(objects, place),
            nearest(self._lamps, place),
        )
        self.pictures_drawn += 1
        self._latest[lens], self._pictures[lens, pose] = pose, frame
        return frame

    def _held(self, lens: Lens, pose: Pose) -> tuple[Camera, Frame]:
        """A picture, and the camera that holds its records: drawn again if it drew another one since."""
        frame = self.picture(lens, pose)
        if self._latest.get(lens) != pose:
            frame = self._draw(lens, pose)
        return self._cameras[lens], frame

    def _camera(self, lens: Lens) -> Camera:
        camera = self._cameras.pop(lens, None) or Camera(*lens)
        self._cameras[lens] = camera
        if len(self._cameras) > CAMERAS_KEPT:
            self._latest.pop(self._cameras.popitem(last=False)[0], None)
        return camera

    def _shade(self, objects: Objects, place: tuple[float, float, float]) -> Shade:
        """Shadows around a place; the same for all cameras within some metres."""
        cell = tuple((np.floor(np.array(place) / STEP_M + 0.5) * STEP_M).tolist())
        shade = self._shades.get(cell)
        if shade is None:
            sun = self._suns.pop(cell, None)
            if sun is None:
                is_full = len(self._suns) >= SUN_VIEWS_KEPT
                sun = self._suns.popitem(last=False)[1] if is_full else SunView()
            self._suns[cell] = sun
            shade = sun.look(self._stage.store, objects, place, self._light.sun)
            self._shades[cell] = shade
        return shade


def weather_of(parameters: list[float]) -> Weather:
    """The weather of CARLA's 14 parameters, wire order; CARLA's preset `Default`, all -1, is our default."""
    if all(value == -1.0 for value in parameters):
        return Weather()
    (
        cloudiness, rain, puddles, wind, azimuth, altitude, fog, fog_distance, falloff, wetness,
        scattering, mie, rayleigh, dust,
    ) = parameters  # fmt: skip
    return Weather(
        cloudiness=cloudiness,
        precipitation=rain,
        precipitation_deposits=puddles,
        sun_azimuth_deg=azimuth,
        sun_altitude_deg=altitude,
        fog_density=fog,
        fog_distance_m=fog_distance,
        wetness=wetness,
        dust_storm=dust,
        wind_intensity=wind,
        fog_falloff=falloff,
        scattering_intensity=scattering,
        mie_scattering_scale=mie,
        rayleigh_scattering_scale=rayleigh,
    )


def _paint(actor: Actor) -> tuple[float, float, float] | None:
    """Linear colour that an actor was spawned with, if it has one."""
    for name, _, value in actor.attributes:
        if name == "color":
            return linear([min(max(int(part), 0), 255) for part in value.split(",")])
    return None


def _stays(objects: Objects, ids: frozenset[int]) -> NDArray[np.bool_]:
    """(M,) which objects do not belong to those actors."""
    return ~np.isin(objects.instance, np.array(sorted(ids), np.int32))


def _without(objects: Objects, ids: frozenset[int]) -> Objects:
    """The objects that do not belong to those actors."""
    stays = _stays(objects, ids)
    return Objects(
        objects.rotation[stays],
        objects.origin[stays],
        objects.ball[stays],
        objects.span[stays],
        objects.instance[stays],
        objects.palette[stays],
        objects.palettes,
    )
