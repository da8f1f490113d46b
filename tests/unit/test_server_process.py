"""The server as a process: starting, refusing, stopping, and hostile peers. Real processes, real sockets."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import carla
import msgpack
import pytest

from simulator.simulation import WORLD_STREAM
from simulator.sockets import MAX_BACKLOG_BYTES
from simulator.wire.layouts import SENSOR_HEADER
from simulator.wire.streams import Token
from tests.support import headless
from tests.support.carla_client import connect, go_synchronous
from tests.support.headless import HOST, REPOSITORY, Headless

pytestmark = pytest.mark.server

Start = Callable[..., Headless]


@pytest.fixture(scope="module")
def shared() -> Iterator[Headless]:
    """A server for the tests that leave it as it was."""
    with headless.running() as server:
        yield server


def run_to_end(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        headless.command(port, *options),
        cwd=REPOSITORY,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_ready_line_tells_where_it_is(start_server: Start) -> None:
    server = start_server("--town", "Town02")
    port = server.endpoint.port
    expected = f"ready: CARLA 0.9.16 protocol on {HOST}:{port}, streaming {port + 1}, map Town02"
    assert server.ready_line == expected


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(start_server: Start, number: signal.Signals) -> None:
    server = start_server()
    world = connect(server.endpoint).get_world()
    go_synchronous(world)
    world.tick()
    server.process.send_signal(number)
    assert server.process.wait(timeout=10) == 0


@pytest.mark.parametrize("offset", [0, 1])
def test_taken_port_is_named_with_a_remedy(offset: int) -> None:
    port = headless.free_port()
    with socket.socket() as taken:
        taken.bind((HOST, port + offset))
        taken.listen()
        ended = run_to_end(port)
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.strip().splitlines()
    assert str(port + offset) in line
    assert "--port" in line


def test_port_of_a_running_server_is_taken(shared: Headless) -> None:
    assert run_to_end(shared.endpoint.port).returncode == 2
    assert connect(shared.endpoint).get_server_version() == "0.9.16"


def test_unknown_town_lists_the_towns() -> None:
    ended = run_to_end(headless.free_port(), "--town", "Town99")
    assert ended.returncode == 2
    assert "Town99" in ended.stderr
    assert "Town01" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_nonsense_options_are_usage_errors() -> None:
    assert run_to_end(70_000).returncode == 2


def test_it_ends_with_its_parent() -> None:
    """A middleman starts the server and is killed the hard way; the server must not outlive it."""
    port = headless.free_port()
    code = (
        "import subprocess, sys, time\n"
        "server = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "print(server.stdout.readline().strip(), server.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    arguments = [sys.executable, "-c", code, *headless.command(port, "--exit-with-parent")]
    with subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as middleman:
        assert middleman.stdout is not None
        line = middleman.stdout.readline()
        assert line.startswith("ready:")
        server_pid = int(line.split()[-1])
        watched = os.pidfd_open(server_pid)
        middleman.kill()
        _wait_for_end(watched)


def _wait_for_end(pidfd: int) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(pidfd, selectors.EVENT_READ)
        ended = selector.select(timeout=20)
    os.close(pidfd)
    assert ended


def call(sock: socket.socket, method: str, *arguments: object) -> list[Any]:
    """One call by hand; the reply as it decodes."""
    sock.sendall(msgpack.packb([0, 1, method, [[False], *arguments]]))
    unpacker = msgpack.Unpacker()
    while True:
        unpacker.feed(sock.recv(65536))
        for reply in unpacker:
            return list(reply)


def is_closed_by_peer(sock: socket.socket) -> bool:
    sock.settimeout(10)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


HOSTILE = [
    b"\xc1",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\xdd\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\x91" * 5000,
    msgpack.packb({"a": 1}),
    msgpack.packb([0, 1, "version", []]),
    bytes(range(256)) * 16,
]


def test_hostile_bytes_close_only_their_own_connection(start_server: Start) -> None:
    server = start_server()
    host, port = server.endpoint.host, server.endpoint.port
    world = connect(server.endpoint).get_world()
    go_synchronous(world)
    for data in HOSTILE:
        with (
            socket.create_connection((host, port)) as rpc,
            socket.create_connection((host, port + 1)) as stream,
        ):
            rpc.sendall(data)
            rpc.shutdown(socket.SHUT_WR)
            assert is_closed_by_peer(rpc)
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
            assert is_closed_by_peer(stream)
        assert world.tick() == world.get_snapshot().frame


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("spawn_actor", ()),
        ("spawn_actor", (1, 2)),
        ("spawn_actor", ([0, "vehicle.trabant.601", []], [[0, 0, 0], [0, 0, 0]])),
        ("set_episode_settings", ([True],)),
        ("load_new_episode", ("Town99", True, 0)),
        ("load_new_episode", ("OpenDriveMap", True, 0)),
        ("get_physics_control", (999_999,)),
        ("get_sensor_token", ("one",)),
        ("get_traffic_manager_running", (-1,)),
    ],
)
def test_wrong_arguments_are_answered_in_the_envelope(
    shared: Headless, method: str, arguments: tuple[object, ...]
) -> None:
    with socket.create_connection((shared.endpoint.host, shared.endpoint.port)) as sock:
        _, _, rpc_error, result = call(sock, method, *arguments)
    assert rpc_error is None
    assert result[0][0] in (0, True)
    assert result[0][1][0]


def test_unusable_opendrive_is_an_error_and_the_server_lives(start_server: Start) -> None:
    client = connect(start_server().endpoint)
    with pytest.raises(RuntimeError):
        client.generate_opendrive_world("this is no OpenDRIVE")
    assert client.get_world().get_map().name.endswith("Town01")


def test_unknown_method_is_named_in_the_error_slot(shared: Headless) -> None:
    with socket.create_connection((shared.endpoint.host, shared.endpoint.port)) as sock:
        _, _, rpc_error, result = call(sock, "make_coffee", 1, 2)
        assert "make_coffee" in rpc_error
        assert result is None
        assert call(sock, "version") == [1, 1, None, [[1, "0.9.16"]]]


def test_replies_come_in_the_order_of_the_requests(shared: Headless) -> None:
    requests = [msgpack.packb([0, number, "get_map_data", [[False]]]) for number in range(5)]
    with socket.create_connection((shared.endpoint.host, shared.endpoint.port)) as sock:
        sock.sendall(b"".join(requests))
        unpacker = msgpack.Unpacker()
        ids: list[int] = []
        while len(ids) < 5:
            unpacker.feed(sock.recv(1 << 20))
            ids += [reply[1] for reply in unpacker]
    assert ids == list(range(5))


def subscribe(server: Headless, stream_id: int) -> socket.socket:
    """A subscriber of a stream that reads only when told to, with little room in its socket."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect((server.endpoint.host, server.endpoint.port + 1))
    sock.sendall(struct.pack("<I", stream_id))
    return sock


def read_message(sock: socket.socket) -> bytes:
    """The next message of a stream, b"" at its end."""
    head = sock.recv(4, socket.MSG_WAITALL)
    return sock.recv(struct.unpack("<I", head)[0], socket.MSG_WAITALL) if len(head) == 4 else b""


def frame_of(message: bytes) -> int:
    return int(SENSOR_HEADER.unpack_from(message)[1])


def test_a_dead_subscriber_does_not_hold_the_world(start_server: Start) -> None:
    """Somebody subscribes and never reads: in synchronous mode it is cut off once it is too far behind."""
    server = start_server()
    client = connect(server.endpoint)
    world = client.get_world()
    go_synchronous(world)
    with subscribe(server, WORLD_STREAM) as sleeper:
        snapshot_bytes = 84 + 119 * (len(world.get_actors()) or 30)
        needed = 2 * MAX_BACKLOG_BYTES // snapshot_bytes
        for _ in range(needed):
            frame = world.tick()
            assert world.get_snapshot().frame == frame
        frames = []
        with contextlib.suppress(ConnectionResetError):
            while message := read_message(sleeper):
                frames.append(frame_of(message))
    # What it did get has no gap: snapshots are never dropped one by one in synchronous mode.
    assert 0 < len(frames) < needed
    assert frames == list(range(frames[0], frames[0] + len(frames)))


def test_a_slow_subscriber_skips_whole_messages_in_asynchronous_mode(start_server: Start) -> None:
    server = start_server()
    world = connect(server.endpoint).get_world()
    settings = world.get_settings()
    settings.fixed_delta_seconds = 0.001
    world.apply_settings(settings)
    with subscribe(server, WORLD_STREAM) as slow:
        frames = [frame_of(read_message(slow))]
        while world.wait_for_tick().frame < frames[0] + 2500:
            pass
        frames += [frame_of(read_message(slow)) for _ in range(1000)]
    gaps = {after - before for before, after in pairwise(frames)}
    assert min(gaps) == 1
    assert max(gaps) > 100


def test_nothing_is_lost_between_listening_and_connecting(start_server: Start) -> None:
    """The client connects to a stream in the background, after it asked for the token."""
    server = start_server()
    world = connect(server.endpoint).get_world()
    go_synchronous(world)
    blueprint = world.get_blueprint_library().find("sensor.other.imu")
    sensor = world.spawn_actor(blueprint, carla.Transform())
    with socket.create_connection((server.endpoint.host, server.endpoint.port)) as rpc:
        _, _, _, [[_, [described]]] = call(rpc, "get_actors_by_id", [sensor.id])
        stream_id = Token.decode(described[5]).stream_id
        call(rpc, "get_sensor_token", stream_id)
        ticked = [world.tick() for _ in range(5)]
        with subscribe(server, stream_id) as late:
            assert [frame_of(read_message(late)) for _ in range(5)] == ticked


def test_nothing_stale_is_kept_for_a_client_that_left(start_server: Start) -> None:
    """A client that asked for a stream and went away before it connected leaves nothing for the next one."""
    server = start_server()
    world = connect(server.endpoint).get_world()
    go_synchronous(world)
    with socket.create_connection((server.endpoint.host, server.endpoint.port)) as gone:
        call(gone, "get_sensor_token", WORLD_STREAM)
        gone.shutdown(socket.SHUT_WR)
        assert is_closed_by_peer(gone)
    for _ in range(5):
        world.tick()
    with socket.create_connection((server.endpoint.host, server.endpoint.port)) as rpc:
        call(rpc, "get_sensor_token", WORLD_STREAM)
        frame = world.tick()
        with subscribe(server, WORLD_STREAM) as next_one:
            assert frame_of(read_message(next_one)) == frame


def test_a_seed_repeats_the_run_whatever_came_before(start_server: Start) -> None:
    """The same commands give the same states in a fresh process and after another episode."""

    def drive(client: carla.Client) -> list[tuple[float, ...]]:
        world = client.load_world("Town01")
        go_synchronous(world)
        blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
        places = world.get_map().get_spawn_points()
        cars = [world.spawn_actor(blueprint, places[index]) for index in (0, 20, 40)]
        track: list[tuple[float, ...]] = []
        for tick in range(60):
            for car in cars:
                car.apply_control(carla.VehicleControl(throttle=0.7, steer=0.1 * (tick % 3 - 1)))
            world.tick()
            for car in cars:
                pose = car.get_transform()
                track.append((car.id, pose.location.x, pose.location.y, pose.location.z, pose.rotation.yaw))
        return track

    first = start_server("--seed", "3")
    second = start_server("--seed", "3", "--town", "Town02")
    client = connect(first.endpoint)
    expected = drive(client)
    assert drive(client) == expected
    assert drive(connect(second.endpoint)) == expected
