"""Thirty people on foot, steered through `WalkerControl` by this script: the same run gives the same steps.

A third strolls along sidewalks, a third crosses at crosswalks, a third crosses roads between junctions; where
a town has no sidewalks, the shoulders of the roads are walked on. They behave as people do: before they step
off the kerb they wait until no moving vehicle is near, they keep to the right, and they stop rather than walk
into a vehicle that stands in their way. Who gets no farther for two seconds steps aside, out of the way of
the vehicle if there is one; otherwise two people who meet, or a person and a truck that wait for each other,
would stand there for ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import carla
import numpy as np
from numpy.typing import NDArray

from tests.support.carla_client import DELTA_S

Path = NDArray[np.float64]
"""(P, 3) points to walk to and fro, m."""

_STEP_M = 2.0
_STROLL_M = 40.0
_WIDEST_ROAD_M = 40.0
_ARRIVED_M = 0.4
_NEAR_M = 30.0  # of a moving vehicle: too near to step off the kerb
_MOVING_MPS = 0.3
_ARM_M = 1.5  # a vehicle so close ahead is not walked into
_BESIDE_M = 0.6
_PAUSE_TICKS = (40, 200)
_RIGHT_M = 0.6  # of the middle of the way
_AHEAD_SHARE = 0.2  # of the pace: slower is no progress
_PATIENCE_TICKS = 40
_ASIDE_TICKS = 40
_ABOVE_M = 1.0
_APART_M = 6.0


@dataclass(slots=True)
class _Walk:
    """One person's way.

    Attributes:
        path: to and fro.
        crosses: whether it leads over lanes, so that one looks first.
        mps: pace.
        goal: index into `path`.
        way: +1 or -1.
        pause: ticks still to stand.
        held: ticks without getting ahead.
        aside: ticks still to step aside, towards `away`.
        away: direction.
    """

    path: Path
    crosses: bool
    mps: float
    goal: int = 1
    way: int = 1
    pause: int = 0
    held: int = 0
    aside: int = 0
    away: tuple[float, float] = (0.0, 0.0)

    def ahead(self, pose: NDArray[np.float32]) -> tuple[float, float]:
        """From somebody at `pose` to the right-hand side of the goal, m."""
        goal, last = self.path[self.goal], self.path[self.goal - self.way]
        x, y = (float(goal[k] - last[k]) for k in (0, 1))
        right = _RIGHT_M / max(math.hypot(x, y), 1e-6)
        return (float(goal[0] - pose[0]) - right * y, float(goal[1] - pose[1]) + right * x)


class Pedestrians:
    """The walkers of a run.

    Attributes:
        actors: in the order of the poses that `step` is given.
    """

    def __init__(
        self, client: carla.Client, world: carla.World, count: int, rng: np.random.Generator
    ) -> None:
        """Spawn `count` walkers on ways all over the town; fewer if it has no place for more."""
        self._client = client
        self._rng = rng
        library = sorted(world.get_blueprint_library().filter("walker.pedestrian.*"), key=lambda b: str(b.id))
        self._walks: list[_Walk] = []
        self.actors: list[carla.Actor] = []
        for path, crosses in _ways(world.get_map(), count, rng):
            if len(self.actors) == count:
                break
            x, y, z = path[0]
            blueprint = library[int(rng.integers(len(library)))]
            place = carla.Transform(carla.Location(float(x), float(y), float(z) + _ABOVE_M))
            actor = world.try_spawn_actor(blueprint, place)
            if actor is not None:
                self.actors.append(actor)
                walk = _Walk(path, crosses, mps=float(rng.uniform(1.0, 1.7)))
                walk.pause = int(rng.integers(*_PAUSE_TICKS))
                self._walks.append(walk)
        self._said: list[tuple[float, float, float] | None] = [None] * len(self.actors)
        self._was: NDArray[np.float32] | None = None

    def step(
        self,
        pose: NDArray[np.float32],
        vehicles: NDArray[np.float32],
        speed: NDArray[np.float32],
        half: NDArray[np.float64],
    ) -> None:
        """Decide and send what has changed.

        Args:
            pose: (W, 4) of the walkers.
            vehicles: (V, 4) of the vehicles.
            speed: (V,) m/s.
            half: (V, 2) half length and width of the vehicles, m.
        """
        here = ~np.isnan(vehicles[:, 0])
        vehicles, speed, half = vehicles[here], speed[here], half[here]
        moved = np.zeros(len(pose)) if self._was is None else np.hypot(*(pose - self._was)[:, :2].T)
        self._was = pose.copy()
        commands = []
        for i, walk in enumerate(self._walks):
            said = self._said[i]
            hindered = said is not None and bool(moved[i] < _AHEAD_SHARE * said[2] * DELTA_S)
            wanted = self._decide(walk, pose[i], hindered, vehicles, speed, half)
            if wanted != said:
                self._said[i] = wanted
                x, y, mps = wanted
                control = carla.WalkerControl(carla.Vector3D(x, y, 0.0), mps, False)
                commands.append(carla.command.ApplyWalkerControl(self.actors[i].id, control))
        if commands:
            self._client.apply_batch(commands)

    def _decide(
        self,
        walk: _Walk,
        pose: NDArray[np.float32],
        hindered: bool,
        vehicles: NDArray[np.float32],
        speed: NDArray[np.float32],
        half: NDArray[np.float64],
    ) -> tuple[float, float, float]:
        """Direction and pace."""
        dx, dy = walk.ahead(pose)
        if math.hypot(dx, dy) < _ARRIVED_M:
            if walk.goal in (0, len(walk.path) - 1):
                walk.way = -walk.way
                walk.pause = int(self._rng.integers(*_PAUSE_TICKS))
            walk.goal += walk.way
            dx, dy = walk.ahead(pose)
        away = max(math.hypot(dx, dy), 1e-6)
        x, y = dx / away, dy / away
        if walk.pause > 0:
            walk.pause -= 1
            if walk.pause == 0 and walk.crosses and _traffic_is_near(walk.path, vehicles, speed):
                walk.pause = 1
            return (x, y, 0.0)
        if walk.aside > 0:
            walk.aside -= 1
            return (*walk.away, walk.mps)
        blocking = _blocking(pose, x, y, vehicles, half)
        walk.held = walk.held + 1 if hindered or blocking is not None else 0
        if walk.held > _PATIENCE_TICKS:
            walk.held, walk.aside = 0, _ASIDE_TICKS
            walk.away = (-y, x) if blocking is None else _sideways(pose, vehicles[blocking])
        return (x, y, walk.mps if blocking is None else 0.0)


def _traffic_is_near(path: Path, vehicles: NDArray[np.float32], speed: NDArray[np.float32]) -> bool:
    middle = path[:, :2].mean(axis=0)
    away = np.hypot(vehicles[:, 0] - middle[0], vehicles[:, 1] - middle[1])
    return bool(np.any((away < _NEAR_M) & (speed > _MOVING_MPS)))


def _blocking(
    pose: NDArray[np.float32],
    x: float,
    y: float,
    vehicles: NDArray[np.float32],
    half: NDArray[np.float64],
) -> int | None:
    """Row of a vehicle within arm's reach ahead."""
    dx, dy = pose[0] + _ARM_M * x - vehicles[:, 0], pose[1] + _ARM_M * y - vehicles[:, 1]
    c, s = np.cos(vehicles[:, 3]), np.sin(vehicles[:, 3])
    along, across = np.abs(c * dx + s * dy), np.abs(-s * dx + c * dy)
    rows = np.flatnonzero((along < half[:, 0] + _BESIDE_M) & (across < half[:, 1] + _BESIDE_M))
    return int(rows[0]) if len(rows) else None


def _sideways(pose: NDArray[np.float32], vehicle: NDArray[np.float32]) -> tuple[float, float]:
    """Away from a vehicle's middle line, out of its path."""
    c, s = math.cos(vehicle[3]), math.sin(vehicle[3])
    across = float(-s * (pose[0] - vehicle[0]) + c * (pose[1] - vehicle[1]))
    side = math.copysign(1.0, across)
    return (-s * side, c * side)


def _ways(town: carla.Map, count: int, rng: np.random.Generator) -> list[tuple[Path, bool]]:
    """Ways of the three kinds in turn, apart from one another at their beginnings; more than `count`."""
    points = [p for p in town.generate_waypoints(10.0) if not p.is_junction]
    points = [points[int(number)] for number in rng.permutation(len(points))]
    kinds: tuple[list[tuple[Path, bool]], ...] = (
        [(path, True) for path in _crosswalks(town.get_crosswalks(), rng)],
        [],
        [],
    )
    for footway in (carla.LaneType.Sidewalk, carla.LaneType.Shoulder):
        for number, point in enumerate(points):
            kerb = _beside(point, footway)
            if kerb is None:
                continue
            if number % 2 and len(kinds[1]) < 3 * count:
                stroll = _stroll(kerb)
                if stroll is not None:
                    kinds[1].append((stroll, False))
            elif len(kinds[2]) < 3 * count:
                over = _crossing(town, kerb)
                if over is not None:
                    kinds[2].append((over, True))
        if min(len(kinds[1]), len(kinds[2])) >= count:
            break
    chosen: list[tuple[Path, bool]] = []
    spare: list[tuple[Path, bool]] = []
    for rank in range(max(len(kind) for kind in kinds)):
        for kind in kinds:
            if rank < len(kind):
                (chosen if _is_apart(kind[rank][0], chosen) else spare).append(kind[rank])
    return chosen + spare


def _is_apart(path: Path, others: Sequence[tuple[Path, bool]]) -> bool:
    return all(np.hypot(*(path[0, :2] - other[0, :2])) > _APART_M for other, _ in others)


def _crosswalks(corners: Sequence[carla.Location], rng: np.random.Generator) -> list[Path]:
    """The long middle line of every crosswalk; CARLA closes each polygon by repeating its first corner."""
    polygons: list[list[tuple[float, float, float]]] = [[]]
    for corner in corners:
        point = (corner.x, corner.y, corner.z)
        if polygons[-1] and math.dist(point, polygons[-1][0]) < 1e-3:
            polygons.append([])
        else:
            polygons[-1].append(point)
    ways = []
    for polygon in polygons:
        if len(polygon) != 4:
            continue
        a, b, c, d = (np.array(corner) for corner in polygon)
        first, second = np.linalg.norm(b - a), np.linalg.norm(c - b)
        ends = ((a + d) / 2.0, (b + c) / 2.0) if first > second else ((a + b) / 2.0, (c + d) / 2.0)
        ways.append(np.array(ends))
    return [ways[int(i)] for i in rng.permutation(len(ways))]


def _beside(point: carla.Waypoint, footway: carla.LaneType) -> carla.Waypoint | None:
    """The sidewalk or shoulder to the right of a lane."""
    lane = point
    for _ in range(8):
        lane = lane.get_right_lane()
        if lane is None or lane.lane_type == footway:
            return lane
    return None


def _stroll(kerb: carla.Waypoint) -> Path | None:
    points = [kerb]
    for _ in range(round(_STROLL_M / _STEP_M)):
        ahead = [p for p in points[-1].next(_STEP_M) if not p.is_junction]
        if not ahead or ahead[0].lane_type != kerb.lane_type:
            break
        points.append(ahead[0])
    return np.array([_xyz(p.transform.location) for p in points]) if len(points) > 5 else None


def _crossing(town: carla.Map, kerb: carla.Waypoint) -> Path | None:
    """Straight over to the same kind of footway on the other side, whichever side that is."""
    start, right = kerb.transform.location, kerb.transform.get_right_vector()
    for side in (-1.0, 1.0):
        seen_road = False
        for away in np.arange(1.0, _WIDEST_ROAD_M, 0.5):
            x, y = start.x + side * away * right.x, start.y + side * away * right.y
            lane = town.get_waypoint(carla.Location(x, y, start.z), False, carla.LaneType.Any)
            if lane is None or lane.is_junction:
                break
            seen_road |= lane.lane_type == carla.LaneType.Driving
            if seen_road and lane.lane_type == kerb.lane_type:
                far = (start.x + side * (away + 0.5) * right.x, start.y + side * (away + 0.5) * right.y)
                return np.array([_xyz(start), (*far, lane.transform.location.z)])
    return None


def _xyz(location: carla.Location) -> tuple[float, float, float]:
    return (location.x, location.y, location.z)
