"""Town: everything about a map that does not change while it is driven on."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import carla
import numpy as np
from numpy.typing import NDArray

from simulator.scene.build import build_scene, furnish
from simulator.scene.objects import EMPTY_SCENE, Scene
from simulator.scene.strips import STRIP
from simulator.world.actors import Transform
from simulator.world.errors import OpenDriveError, UnknownTownError
from simulator.world.landmarks import LightGroupPlan, SignalPlan, plan_landmarks
from simulator.world.lanes import LaneSamples, sample_lanes
from simulator.world.opendrive import parse_opendrive, read_opendrive
from simulator.world.roads import SURFACE, RoadSurface, query_surface
from simulator.world.sign_zones import watched_squares
from simulator.world.spawn_points import spawn_points
from simulator.world.speed_limits import lane_limits_kmh
from simulator.world.walls import NO_WALLS, WallSpec, build_walls

_SUFFIX = ".xodr.gz"
_LAYERED = "_Opt"
"""CARLA has each town twice; `Town01_Opt` is the same town with layers that can be unloaded."""


def packaged_towns() -> tuple[str, ...]:
    """Names of the packaged towns, sorted."""
    maps = resources.files("simulator") / "maps"
    return tuple(sorted(f.name.removesuffix(_SUFFIX) for f in maps.iterdir() if f.name.endswith(_SUFFIX)))


def available_towns() -> tuple[str, ...]:
    """Names by which clients can load the packaged towns: their own, and with `_Opt`; sorted."""
    names = packaged_towns()
    return tuple(sorted((*names, *(name + _LAYERED for name in names))))


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """A map.

    Attributes:
        name: "Town01".
        opendrive: the OpenDRIVE text, as clients receive it.
        spawn_points: poses on driving lanes outside junctions, some decimetres above the road.
        lanes: samples of the driving lanes.
        roads: elevation, slope and speed limit anywhere.
        lights: traffic lights, in the order in which they become actors.
        light_groups: the junctions' controllers over `lights`.
        signs: stop, yield and speed signs, in the order in which they become actors.
        watched: (N,) SQUARE for each of them: where it looks for crossing traffic.
        scene: what stands beside the roads; nothing but walls, if it asked for them, in a town that a client
            brought, as in CARLA.
        strips: (N,) STRIP of every lane of any type; none in such a town.
    """

    name: str
    opendrive: str
    spawn_points: tuple[Transform, ...]
    lanes: LaneSamples
    roads: RoadSurface
    lights: tuple[SignalPlan, ...]
    light_groups: tuple[LightGroupPlan, ...]
    signs: tuple[SignalPlan, ...]
    watched: tuple[NDArray[np.void], ...]
    scene: Scene = EMPTY_SCENE
    strips: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, STRIP))

    @classmethod
    def load(cls, name: str) -> Town:
        """One of the packaged towns; the same object for the same name within a process.

        Raises:
            UnknownTownError: `name` is not packaged.
        """
        return _load(name)

    @classmethod
    def from_opendrive(
        cls, name: str, text: str, walls: WallSpec = NO_WALLS, *, furnished: bool = False
    ) -> Town:
        """A town from any OpenDRIVE text.

        Args:
            name: for clients and error messages: "Town01".
            text: the whole file.
            walls: how walls along the roads are to be; none unless asked for, none in a furnished town.
            furnished: whether to lay out a scene; its roads must be made of lines and arcs then.

        Raises:
            OpenDriveError: the text is not well-formed OpenDRIVE, or has no driving lane.
        """
        root = parse_opendrive(name, text)
        facts = read_opendrive(name, root)
        try:
            map_ = carla.Map(name, text)
        except RuntimeError as error:
            raise OpenDriveError(name, "geometry", f"CARLA's reader refuses it ({error})") from error
        lanes = sample_lanes(map_)
        if not len(lanes):
            raise OpenDriveError(name, "lanes", "no lane has type 'driving'")
        landmarks = plan_landmarks(map_, lanes, facts)
        roads = RoadSurface(lanes, lane_limits_kmh(map_, lanes, facts))
        scene, strips = furnish(name, build_walls(map_, walls)), np.zeros(0, STRIP)
        if furnished:
            poles = np.array([plan.transform[:3] for plan in (*landmarks.lights, *landmarks.signs)])
            scene, strips = build_scene(
                name.removesuffix(_LAYERED),
                root,
                poles.reshape(-1, 3),
                _crosswalks(map_),
                lambda points: _heights(roads, points),
            )
        return cls(
            name=name,
            opendrive=text,
            spawn_points=spawn_points(lanes),
            lanes=lanes,
            roads=roads,
            lights=landmarks.lights,
            light_groups=landmarks.groups,
            signs=landmarks.signs,
            watched=watched_squares(map_, lanes, facts, landmarks.signs),
            scene=scene,
            strips=strips,
        )


def _crosswalks(map_: carla.Map) -> list[NDArray[np.float64]]:
    """Outlines of crosswalks; `carla.Map` gives them in a row, each closed by its first point."""
    outlines: list[NDArray[np.float64]] = []
    points: list[list[float]] = []
    for found in map_.get_crosswalks():
        point = [found.x, found.y, found.z]
        if points and point == points[0]:
            outlines.append(np.array([*points, point]))
            points = []
        else:
            points.append(point)
    return outlines


def _heights(roads: RoadSurface, points: NDArray[np.float64]) -> NDArray[np.float64]:
    answers = np.zeros(len(points), SURFACE)
    query_surface(roads.grid, points, answers)
    return answers["ground_z"].copy()


@cache
def _load(name: str) -> Town:
    towns = available_towns()
    if name not in towns:
        raise UnknownTownError(name, towns)
    packed = (resources.files("simulator") / "maps" / f"{name.removesuffix(_LAYERED)}{_SUFFIX}").read_bytes()
    return Town.from_opendrive(name, gzip.decompress(packed).decode("utf-8"), furnished=True)
