"""Town: everything about a map that does not change while it is driven on."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from importlib import resources

import carla

from simulator.world.actors import Transform
from simulator.world.errors import OpenDriveError, UnknownTownError
from simulator.world.landmarks import LightGroupPlan, SignalPlan, plan_landmarks
from simulator.world.lanes import LaneSamples, sample_lanes
from simulator.world.opendrive import read_opendrive
from simulator.world.roads import RoadSurface
from simulator.world.spawn_points import spawn_points
from simulator.world.speed_limits import lane_limits_kmh
from simulator.world.walls import NO_WALLS, Wall, WallSpec, build_walls

_SUFFIX = ".xodr.gz"


def available_towns() -> tuple[str, ...]:
    """Names of the packaged towns, sorted."""
    maps = resources.files("simulator") / "maps"
    return tuple(sorted(f.name.removesuffix(_SUFFIX) for f in maps.iterdir() if f.name.endswith(_SUFFIX)))


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
        walls: along the borders of the roads; a client can ask for them in a town that it generates.
    """

    name: str
    opendrive: str
    spawn_points: tuple[Transform, ...]
    lanes: LaneSamples
    roads: RoadSurface
    lights: tuple[SignalPlan, ...]
    light_groups: tuple[LightGroupPlan, ...]
    signs: tuple[SignalPlan, ...]
    walls: tuple[Wall, ...] = ()

    @classmethod
    def load(cls, name: str) -> Town:
        """One of the packaged towns; the same object for the same name within a process.

        Raises:
            UnknownTownError: `name` is not packaged.
        """
        return _load(name)

    @classmethod
    def from_opendrive(cls, name: str, text: str, walls: WallSpec = NO_WALLS) -> Town:
        """A town from any OpenDRIVE text.

        Args:
            name: for clients and error messages.
            text: the whole file.
            walls: how walls along the roads are to be; none unless asked for.

        Raises:
            OpenDriveError: the text is not well-formed OpenDRIVE, or has no driving lane.
        """
        facts = read_opendrive(name, text)
        try:
            map_ = carla.Map(name, text)
        except RuntimeError as error:
            raise OpenDriveError(name, "geometry", f"CARLA's reader refuses it ({error})") from error
        lanes = sample_lanes(map_)
        if not len(lanes):
            raise OpenDriveError(name, "lanes", "no lane has type 'driving'")
        landmarks = plan_landmarks(map_, lanes, facts)
        return cls(
            name=name,
            opendrive=text,
            spawn_points=spawn_points(lanes),
            lanes=lanes,
            roads=RoadSurface(lanes, lane_limits_kmh(map_, lanes, facts)),
            lights=landmarks.lights,
            light_groups=landmarks.groups,
            signs=landmarks.signs,
            walls=build_walls(map_, walls),
        )


@cache
def _load(name: str) -> Town:
    towns = available_towns()
    if name not in towns:
        raise UnknownTownError(name, towns)
    packed = (resources.files("simulator") / "maps" / f"{name}{_SUFFIX}").read_bytes()
    return Town.from_opendrive(name, gzip.decompress(packed).decode("utf-8"))
