"""A student that has stood for longer than a light is red creeps on along its route."""

from __future__ import annotations

import numpy as np

from policies.student.creep import Creep
from tests.support.student import bundle, tiny

CONFIG = tiny()


def creeping(creep: Creep, ticks: range, speed_mps: float = 0.0) -> list[bool]:
    return [creep.plan(bundle(CONFIG, tick, speed_mps)) is not None for tick in ticks]


def test_it_creeps_for_a_moment_after_standing_for_long() -> None:
    creep = Creep(2.0)
    assert not any(creeping(creep, range(41)))
    begun = creeping(creep, range(41, 81))
    assert begun == [True] * 30 + [False] * 10, "1.5 s"
    assert not any(creeping(creep, range(81, 111))), "and then it waits again"
    plan = Creep(2.0)
    creeping(plan, range(41))
    way = plan.plan(bundle(CONFIG, 41, 0.0))
    assert way is not None
    assert np.allclose(way.position_in_ego[:, 0], 3.0 * way.t_s)
    assert np.allclose(way.position_in_ego[:, 1], 0.0), "along the route"


def test_who_moves_or_must_not_creep_does_not() -> None:
    moving = Creep(2.0)
    assert not any(creeping(moving, range(200), 1.0))
    assert not any(creeping(moving, range(200, 240), 0.0)), "standing is counted from when it stands"
    assert not any(creeping(Creep(0.0), range(400)))
    creep = Creep(2.0)
    creeping(creep, range(42))
    creep.reset()
    assert not any(creeping(creep, range(41)))
