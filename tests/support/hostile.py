"""Hostile peers: what they say, and a well-behaved real client that must not notice them. All seeded."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import carla
import msgpack

from simulator.rpc.table import Method
from tests.support.carla_client import connect, go_synchronous
from tests.support.headless import Endpoint, Headless

REPLY_TIMEOUT_S = 60.0
"""Until an answer must be there: no measure of speed, only the difference between late and never."""


def nested(depth: int) -> list[Any]:
    """An array in an array in an array, so deep."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


LEAVES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**32 - 1,
    2**32,
    -(2**63),
    2**64 - 1,
    0.0,
    math.nan,
    math.inf,
    -math.inf,
    1e-320,
    3e38,
    -3e38,
    1e300,
    "",
    "x" * 70_000,
    "\x00\n\u2028é",
    b"\xff\xfe\x00",
    [],
    [[]],
    [None] * 40,
    [1e38] * 3,
    [[3e38, 3e38, 3e38], [3e38, 3e38, 3e38]],
    nested(300),
)
"""What nobody should send."""


def samples(actor_id: int, physics: list[Any]) -> dict[str, Any]:
    """Good arguments by the name of the function that reads them."""
    pose = [[100.0, 100.0, 5.0], [0.0, 0.0, 0.0]]
    describe = [0, "sensor.other.imu", [["noise_seed", 2, "0"], ["sensor_tick", 3, "0.0"]]]
    return {
        "unsigned": actor_id,
        "integer": 0,
        "signed": 0,
        "number": 1.0,
        "flag": True,
        "text": "Town01",
        "array": [],
        "generation_parameters": [2.0, 50.0, 1.0, 0.6, True, True, True],
        "vector": [1.0, 0.0, 0.0],
        "pose": pose,
        "vehicle_control": [0.5, 0.0, 0.0, False, False, False, 0],
        "walker_control": [[1.0, 0.0, 0.0], 1.0, False],
        "physics_control": physics,
        "weather": [0.0] * 14,
        "light_state": 0,
        "lamp_flags": [1],
        "description": describe,
        "from_wire": [True, False, [True, 0.05], True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True],
        "_endpoint": ["127.0.0.1", 8000],
        "_port": 8000,
        "_commands": [],
    }


def spoiled(random_: random.Random, good: Any) -> Any:
    """A copy of an argument with one of its leaves, or a whole part, replaced by something hostile."""
    if not isinstance(good, list) or not good or random_.random() < 0.1:
        return random_.choice(LEAVES)
    place = random_.randrange(len(good))
    if random_.random() < 0.1:
        return good[:place]
    return [*good[:place], spoiled(random_, good[place]), *good[place + 1 :]]


def spoiled_arguments(random_: random.Random, method: Method, good: dict[str, Any]) -> list[Any]:
    """Arguments for a method of the table, one of them spoiled."""
    arguments = [
        good.get(getattr(convert, "__name__", ""), [actor_or_nothing])
        for convert in method.takes
        for actor_or_nothing in (good["unsigned"],)
    ]
    if arguments:
        place = random_.randrange(len(arguments))
        arguments[place] = spoiled(random_, arguments[place])
    return arguments


def wrong_arguments(random_: random.Random, method: Method, actor_id: int) -> Iterator[list[Any]]:
    """Argument lists of a method: wrong counts, then wrong types behind a good actor id."""
    for count in range(len(method.takes) + 2):
        yield [random_.choice(LEAVES) for _ in range(count)]
    for leaf in LEAVES:
        yield [leaf] * len(method.takes)
        yield [actor_id, *[leaf] * (len(method.takes) - 1)]


class Peer:
    """One RPC connection by hand."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.socket = socket.create_connection((endpoint.host, endpoint.port), timeout=REPLY_TIMEOUT_S)
        self._unpacker = msgpack.Unpacker(max_buffer_size=0, strict_map_key=False)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, method: str, *arguments: Any) -> int:
        """Call without waiting; returns the number of the call."""
        number = next(self._numbers) & 0xFFFF_FFFF
        self.socket.sendall(msgpack.packb([0, number, method, [[False], *arguments]]))
        return number

    def reply(self) -> list[Any]:
        """The next reply.

        Raises:
            ConnectionError: the server closed the connection.
        """
        while True:
            for reply in self._unpacker:
                return list(reply)
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError("closed by the server")
            self._unpacker.feed(data)

    def call(self, method: str, *arguments: Any) -> Any:
        """Call and wait for the result: the envelope."""
        number = self.send(method, *arguments)
        _, answered, rpc_error, result = self.reply()
        assert answered == number, (method, answered, number)
        assert rpc_error is None, (method, rpc_error)
        return result


def error_text(result: Any) -> str:
    """The message in an envelope, "" if it went well."""
    match result:
        case [[0 | True, [str(message)]]]:
            return message
        case _:
            return ""


class GoodClient:
    """A real client with a car that ticks on and on while a block runs, and looks at every snapshot.

    Attributes:
        ticks: how many it made.
        complaints: what it did not like.
    """

    def __init__(self, server: Headless) -> None:
        self._world = connect(server.endpoint).get_world()
        go_synchronous(self._world)
        self._world.tick()
        points = self._world.get_map().get_spawn_points()
        blueprint = self._world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
        self.car = self._world.spawn_actor(blueprint, points[0])
        self.victim = self._world.spawn_actor(blueprint, points[20])
        self._world.tick()
        self.ticks = 0
        self.complaints: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drive, daemon=True)

    def __enter__(self) -> GoodClient:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(REPLY_TIMEOUT_S)
        if kind is None:
            assert not self._thread.is_alive(), "the well-behaved client hangs"
            assert self.complaints == []
            assert self.ticks > 0

    def go_on(self, ticks: int = 20) -> None:
        """Wait until so many more ticks were made."""
        wanted = self.ticks + ticks
        while self.ticks < wanted and self._thread.is_alive() and not self.complaints:
            self._stop.wait(0.001)
        assert self.complaints == []
        assert self.ticks >= wanted

    def _drive(self) -> None:
        try:
            last = self._world.get_snapshot().frame
            while not self._stop.is_set():
                self.car.apply_control(carla.VehicleControl(throttle=0.3, steer=0.01 * (self.ticks % 3)))
                frame = self._world.tick()
                snapshot = self._world.get_snapshot()
                if not last < frame <= snapshot.frame:
                    self.complaints.append(f"frame {frame} after {last}, snapshot {snapshot.frame}")
                    return
                last = frame
                self._look(snapshot)
                self.ticks += 1
        except Exception as error:
            self.complaints.append(repr(error))

    def _look(self, snapshot: carla.WorldSnapshot) -> None:
        if not snapshot.has_actor(self.car.id):
            self.complaints.append("the car has gone")
        for actor in snapshot:
            pose, velocity = actor.get_transform(), actor.get_velocity()
            numbers = (pose.location.x, pose.location.y, pose.location.z, velocity.x, velocity.y, velocity.z)
            if not all(map(math.isfinite, numbers)):
                self.complaints.append(f"actor {actor.id} has {numbers}")


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def open_files(pid: int) -> int:
    """How many file descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def settle_files(server: Headless, expected: int) -> int:
    """Open files of a server once it has noticed who left: when as expected, else after so many answers."""
    with Peer(server.endpoint) as peer:
        for _ in range(2000):
            peer.call("version")
            found = open_files(server.process.pid) - 1  # this peer's own connection
            if found <= expected:
                break
    return found


@contextlib.contextmanager
def many_sockets(count: int, address: tuple[str, int]) -> Iterator[list[socket.socket]]:
    """So many connections to an address."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(address, timeout=REPLY_TIMEOUT_S))
            for _ in range(count)
        ]
