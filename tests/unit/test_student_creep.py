"""A student that has stood for long creeps on along its route, at a red light much later."""

from __future__ import annotations

import numpy as np
import pytest

from policies.student.creep import AFTER_RED_S, BY_ITSELF_MPS, IN_A_ROW, Creep
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


def test_at_a_light_that_says_stop_it_waits_longer_than_any_light_is_red() -> None:
    creep = Creep(2.0)
    standing = [creep.plan(bundle(CONFIG, tick, 0.0), sees_red=True) is not None for tick in range(1230)]
    assert standing.index(True) == pytest.approx(20 * AFTER_RED_S, abs=2)
    creep.reset()
    assert not any(creep.plan(bundle(CONFIG, tick, 0.0), sees_red=True) for tick in range(400))
    assert creep.plan(bundle(CONFIG, 400, 0.0), sees_red=False) is not None, "it has turned"


def test_who_does_not_go_on_by_itself_is_left_where_it_stands() -> None:
    creep = Creep(2.0)
    stood = creeping(creep, range(2000))
    assert sum(stood) == IN_A_ROW * 30, "1.5 s each"
    assert not any(creeping(creep, range(2000, 2040), BY_ITSELF_MPS - 0.1)), "no faster than a creep"
    assert not any(creeping(creep, range(2040, 2200)))
    assert not any(creeping(creep, range(2200, 2201), BY_ITSELF_MPS + 0.1)), "it drives"
    assert sum(creeping(creep, range(2201, 4000))) == IN_A_ROW * 30
