"""Vehicle controls in a batch: many at once do what one after the other does, to the bit."""

from __future__ import annotations

import math
import random

import msgpack
import numpy as np
import pytest

from simulator.rpc.batch import COMMANDS, command
from simulator.rpc.batch import METHODS as BATCH_METHODS
from simulator.rpc.table import run_command
from simulator.simulation import Simulation
from simulator.wire.control_batch import ControlBatch, read_control_batch
from simulator.wire.rpc import BatchItem, Encoded, RequestDecoder, Value, batch_result
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


def apply_batch(simulation: Simulation, commands: list[Value], *, in_columns: bool | None = None) -> bytes:
    """Send commands as the client does, with 32-bit floats; what the client gets back."""
    packed = msgpack.Packer(use_single_float=True).pack([0, 7, "apply_batch", [[False], commands, False]])
    (request,) = RequestDecoder().feed(packed)
    if in_columns is not None:
        assert isinstance(request.arguments[0], ControlBatch) is in_columns
    answer = BATCH_METHODS[0].call(simulation, request.arguments)
    return answer.data if isinstance(answer, Encoded) else batch_result(answer)  # type: ignore[arg-type]


def _answers(reply: bytes) -> list[BatchItem]:
    return [
        BatchItem(value) if went_well else BatchItem(0, value[0])
        for ((went_well, value),) in msgpack.unpackb(reply)
    ]


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
            float(np.float32(rng.uniform(-0.5, 1.5))),
            float(np.float32(rng.uniform(-1.5, 1.5))),
            float(np.float32(rng.uniform(-0.5, 1.5))),
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
        reply = apply_batch(together, controls, in_columns=True)
        assert reply == batch_result(_one_by_one(apart, controls))
        together.tick()
        apart.tick()
        assert together.world.states.tobytes() == apart.world.states.tobytes()
    assert [together.world.vehicles.control(i) for i in ids] == [apart.world.vehicles.control(i) for i in ids]


@pytest.mark.parametrize(
    "odd",
    [
        _control(999_999, 0.5, 0.1, 0.0, False, False, False, 0),
        _control(1, math.inf, 0.1, 0.0, False, False, False, 0),
        _control(1, math.nan, 0.1, 0.0, False, False, False, 0),
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
    answers = _answers(apply_batch(simulation, [*_plain(ids[:6]), odd, *_plain(ids[6:])]))
    assert answers[6].error
    assert [a.actor_id for a in answers if a.error is None] == ids
    assert all(simulation.world.vehicles.control(i)[0] == 0.5 for i in ids)


def test_a_walker_among_vehicles_is_told_off_alone() -> None:
    simulation, ids, walker = _simulation()
    answers = _answers(apply_batch(simulation, _plain([*ids, walker]), in_columns=True))
    assert [a.error is None for a in answers] == [True] * VEHICLES + [False]
    assert "vehicle" in str(answers[-1].error)


def test_whole_numbers_count_as_pedals() -> None:
    simulation, ids, _ = _simulation()
    controls = [_control(i, 1, 0, 0, False, False, False, 0) for i in ids]
    answers = _answers(apply_batch(simulation, controls, in_columns=False))
    assert all(a.error is None for a in answers)
    assert simulation.world.vehicles.control(ids[-1])[0] == 1.0


def test_controls_in_a_batch_end_ackermann_control() -> None:
    simulation, ids, _ = _simulation()
    ackermann: Value = [[3, [ids[0], [0.0, 0.0, 5.0, 0.0, 0.0]]]]
    apply_batch(simulation, [ackermann], in_columns=False)
    simulation.tick()
    assert simulation.world.vehicles.control(ids[0])[0] != 0.5
    apply_batch(simulation, _plain(ids), in_columns=True)
    simulation.tick()
    assert simulation.world.vehicles.control(ids[0])[0] == 0.5
    assert np.isclose(simulation.world.vehicles.control(ids[0])[1], 0.1)


def _packed(commands: list[Value], tick: bool = True) -> bytes:
    return msgpack.Packer(use_single_float=True).pack([0, 70_000, "apply_batch", [[True], commands, tick]])


def test_however_it_is_cut_the_request_is_the_same() -> None:
    commands = _random_controls(list(range(1, 400)), random.Random(4))
    data = _packed(commands)
    (whole,) = RequestDecoder().feed(data)
    assert isinstance(whole.arguments[0], ControlBatch)
    assert (whole.id, whole.is_asynchronous, whole.arguments[1]) == (70_000, True, True)
    assert whole.arguments[0].commands() == commands
    for place in (1, 3, 18, 24, 40, len(data) - 1):
        decoder = RequestDecoder()
        (general,) = [r for piece in (data[:place], data[place:]) for r in decoder.feed(piece)]
        assert general.arguments == [commands, True]
        assert not decoder.unfinished_bytes
        (again,) = decoder.feed(data)
        assert isinstance(again.arguments[0], ControlBatch)


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_byte_is_read_as_the_general_way_reads_it(seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(_packed(_random_controls([1, 300, 70_000], rng)))
    for _ in range(200):
        place, kept = rng.randrange(20, len(data)), data[:]
        data[place] = rng.randrange(256)
        batch = read_control_batch(bytes(data))
        if batch is not None:
            kind, number, name, arguments = msgpack.unpackb(bytes(data))
            assert (kind, number, name) == (0, batch.id, "apply_batch")
            assert arguments == [[batch.is_asynchronous], batch.controls.commands(), batch.tick]
        data = kept
