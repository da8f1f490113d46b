"""Who touches whom, and what it does to them: boxes that overlap in the plane and in height, and impulses.

Once per tick a sweep along x finds the pairs that can come to touch; in every substep each pair is tested
exactly (separating axes), velocities get an impulse with little restitution and Coulomb friction, and what
overlaps is pushed apart. Impulses never add energy; pushing apart changes positions only. Walkers are not
thrown by what they walk into: they stop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.world import collision_kernels as kernels
from simulator.world.actors import Collision
from simulator.world.static_grid import StaticGrid

PAIR = np.dtype(
    [
        ("a", "i8"),  # body
        ("b", "i8"),  # body, or -1 - row of a solid
        ("touched", "i8"),
        ("impulse_x", "f8"),  # on a, N·s, summed over the tick
        ("impulse_y", "f8"),
    ]
)
"""Two things near each other."""


def near_pairs(bodies: NDArray[np.void], grid: StaticGrid, dt_s: float, room: NDArray[np.void]) -> int:
    """Write the pairs that can touch within `dt_s` into `room` (PAIR), ordered by body.

    Returns:
        How many there are; if more than `len(room)`, call again with that much room.
    """
    return int(
        kernels.near_pairs(
            bodies,
            grid.solids,
            grid.members,
            grid.first,
            grid.corner,
            grid.origin,
            grid.shape,
            float(dt_s),
            room,
        )
    )


def resolve(bodies: NDArray[np.void], grid: StaticGrid, pairs: NDArray[np.void]) -> None:
    """One substep: impulses and pushing apart for every pair that overlaps now."""
    kernels.resolve(bodies, grid.solids, pairs)


def blocker_of(bodies: NDArray[np.void], grid: StaticGrid, candidate: NDArray[np.void]) -> int:
    """What a (1,) BODY would overlap first: a row of bodies, -1 - a solid's, or `len(bodies)` for none."""
    return int(kernels.blocker(bodies, grid.solids, candidate))


def reports(bodies: NDArray[np.void], grid: StaticGrid, pairs: NDArray[np.void]) -> tuple[Collision, ...]:
    """Both sides' reports of every pair that touched."""
    found: list[Collision] = []
    for pair in pairs[pairs["touched"] == 1]:
        a = int(bodies["actor_id"][pair["a"]])
        x, y = float(pair["impulse_x"]), float(pair["impulse_y"])
        if pair["b"] < 0:
            solid = grid.solids[-1 - pair["b"]]
            found.append(Collision(a, int(solid["actor_id"]), (x, y, 0.0), int(solid["object"])))
        else:
            b = int(bodies["actor_id"][pair["b"]])
            found.append(Collision(a, b, (x, y, 0.0)))
            found.append(Collision(b, a, (-x, -y, 0.0)))
    return tuple(found)
