"""RouteTable: the dense route as plain tuples, made once per episode for the criteria that walk along it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.criteria.geometry import forward_vector
from harness.facts import Vector
from scenarios.route import DenseRoute


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The dense route in the form that the criteria read.

    A point counts as passed when the vector from it to the ego has a positive component along its forward
    vector, in space (z takes part), which is how every official criterion decides it.

    Attributes:
        locations: N points, m.
        forwards: N unit vectors along the lane.
        distances_m: arc length from the first point, N values, the last > 0.
    """

    locations: tuple[Vector, ...]
    forwards: tuple[Vector, ...]
    distances_m: tuple[float, ...]

    @classmethod
    def from_route(cls, route: DenseRoute) -> RouteTable:
        """Plain tuples of a dense route."""
        locations: list[Vector] = [(x, y, z) for x, y, z in route.location.tolist()]
        forwards = [forward_vector((pitch, yaw, roll)) for pitch, yaw, roll in route.rotation_deg.tolist()]
        return cls(tuple(locations), tuple(forwards), tuple(route.distance_m.tolist()))

    def is_passed(self, index: int, location: Vector) -> bool:
        """Whether a point is passed."""
        px, py, pz = self.locations[index]
        fx, fy, fz = self.forwards[index]
        return (location[0] - px) * fx + (location[1] - py) * fy + (location[2] - pz) * fz > 0.0

    def last_passed(self, first: int, last: int, location: Vector) -> int:
        """The highest index in [first, last] whose point is passed, or `first` if none is.

        Points in between need not be passed: the official loops overwrite the index with every hit of the
        window.
        """
        for index in range(min(last, len(self.locations) - 1), first, -1):
            if self.is_passed(index, location):
                return index
        return first
