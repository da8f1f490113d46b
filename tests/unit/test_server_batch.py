"""Vehicle controls in a batch: many at once do what one after the other does, to the bit."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from simulator.rpc.batch import COMMANDS, apply_batch, command
from simulator.rpc.table import run_command
from simulator.simulation import Simulation
from simulator.wire.rpc import BatchItem, Value
from simulator.world.town import Town

VEHICLES = 12


class _Nobody:
    """A publisher without subscribers."""

    def publish(self, stream_id: int, message: bytes) -> None: ...

    def has_subscribers(self, stream_id: int) -> bool:
        return stream_id < 0

    def expect_subscriber(self, stream_id: int) -> None: ...

    def close_stream(self, stream_id: int) -> None: ...


def _simulation() -> tuple[Simulation, list[int], int]:
    """A simulation with some vehicles and a walker."""
    simulation = Simulation(Town.load("Town01"), seed=0, publisher=_Nobody(), stream_port=1)
    places = simulation.world.town.spawn_points
    ids = [simulation.spawn("vehicle.audi.tt", (), places[i]).id for i in range(VEHICLES)]
    walker = simulation.spawn("walker.pedestrian.0001", (), places[VEHICLES]).id
    return simulation, ids, walker


def _control(actor_id: Value, *fields: Value) -> Value:
    return [[2, [actor_id, list(fields)]]]


def _one_by_one(simulation: Simulation, commands: list[Value]) -> list[BatchItem]:
    answers = []
    for item in commands:
        index, fields = command(item)
        answers.append(run_command(simulation, COMMANDS[index], fields))
    return answers


def _random_controls(ids: list[int], rng: random.Random) -> list[Value]:
    return [
        _control(
            rng.choice(ids),
            rng.uniform(-0.5, 1.5),
            rng.uniform(-1.5, 1.5),
            rng.uniform(-0.5, 1.5),
            rng.random() < 0.2,
            rng.random() < 0.2,
            rng.random() < 0.5,
            rng.randint(-1, 6),
        )
        for _ in range(3 * VEHICLES)
    ]


def _plain(ids: list[int]) -> list[Value]:
    return [_control(i, 0.5, 0.1, 0.0, False, False, False, 0) for i in ids]


@pytest.mark.parametrize("seed", range(5))
def test_many_at_once_do_what_one_after_the_other_does(seed: int) -> None:
    together, ids, _ = _simulation()
    apart, _, _ = _simulation()
    for _ in range(3):
        controls = _random_controls(ids, random.Random(seed))
        assert apply_batch(together, controls, False) == _one_by_one(apart, controls)
        together.tick()
        apart.tick()
        assert together.world.states.tobytes() == apart.world.states.tobytes()
    assert [together.world.vehicles.control(i) for i in ids] == [apart.world.vehicles.control(i) for i in ids]


@pytest.mark.parametrize(
    "odd",
    [
        _control(999_999, 0.5, 0.1, 0.0, False, False, False, 0),
        _control(1, math.nan, 0.1, 0.0, False, False, False, 0),
        _control(1, 1e300, 0.1, 0.0, False, False, False, 0),
        _control(1, "full", 0.1, 0.0, False, False, False, 0),
        _control(1, 0.5, 0.1, 0.0, 1, False, False, 0),
        _control(1, 0.5, 0.1, 0.0, False, False, False, 1 << 40),
        _control(1, 0.5, 0.1),
        _control("one", 0.5, 0.1, 0.0, False, False, False, 0),
        [[2, []]],
    ],
)
def test_one_odd_command_spoils_only_itself(odd: Value) -> None:
    simulation, ids, _ = _simulation()
    answers = apply_batch(simulation, [*_plain(ids[:6]), odd, *_plain(ids[6:])], False)
    assert answers[6].error
    assert [a.actor_id for a in answers if a.error is None] == ids
    assert all(simulation.world.vehicles.control(i)[0] == 0.5 for i in ids)


def test_a_walker_among_vehicles_is_told_off_alone() -> None:
    simulation, ids, walker = _simulation()
    answers = apply_batch(simulation, _plain([*ids, walker]), False)
    assert [a.error is None for a in answers] == [True] * VEHICLES + [False]
    assert "vehicle" in str(answers[-1].error)


def test_whole_numbers_count_as_pedals() -> None:
    simulation, ids, _ = _simulation()
    answers = apply_batch(simulation, [_control(i, 1, 0, 0, False, False, False, 0) for i in ids], False)
    assert all(a.error is None for a in answers)
    assert simulation.world.vehicles.control(ids[-1])[0] == 1.0


def test_controls_in_a_batch_end_ackermann_control() -> None:
    simulation, ids, _ = _simulation()
    ackermann: Value = [[3, [ids[0], [0.0, 0.0, 5.0, 0.0, 0.0]]]]
    apply_batch(simulation, [ackermann, *_plain(ids)], False)
    simulation.tick()
    assert simulation.world.vehicles.control(ids[0])[0] == 0.5
    assert np.isclose(simulation.world.vehicles.control(ids[0])[1], 0.1)
