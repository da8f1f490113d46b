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

_SUFFIX = ".xodr.gz"
_LAYERED = "_Opt"
"""CARLA has each town twice; `Town01_Opt` is the same town with layers that can be unloaded."""


def available_towns() -> tuple[str, ...]:
    """Names of the packaged towns and of their layered twins, sorted."""
    maps = resources.files("simulator") / "maps"
    names = [f.name.removesuffix(_SUFFIX) for f in maps.iterdir() if f.name.endswith(_SUFFIX)]
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
    """

    name: str
    opendrive: str
    spawn_points: tuple[Transform, ...]
    lanes: LaneSamples
    roads: RoadSurface
    lights: tuple[SignalPlan, ...]
    light_groups: tuple[LightGroupPlan, ...]
    signs: tuple[SignalPlan, ...]

    @classmethod
    def load(cls, name: str) -> Town:
        """One of the packaged towns; the same object for the same name within a process.

        Raises:
            UnknownTownError: `name` is not packaged.
        """
        return _load(name)

    @classmethod
    def from_opendrive(cls, name: str, text: str) -> Town:
        """A town from any OpenDRIVE text.

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
        )


@cache
def _load(name: str) -> Town:
    towns = available_towns()
    if name not in towns:
        raise UnknownTownError(name, towns)
    packed = (resources.files("simulator") / "maps" / f"{name.removesuffix(_LAYERED)}{_SUFFIX}").read_bytes()
    return Town.from_opendrive(name, gzip.decompress(packed).decode("utf-8"))
