"""The watchdog for traffic managers that missed their wake-up: client and traffic manager by hand."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import pytest

from tests.support import headless
from tests.support.headless import HOST, Headless

pytestmark = pytest.mark.server

SYNCHRONOUS = [True, False, [True, 0.05], True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True]


class Wire:
    """One end of a connection that speaks msgpack."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(60)
        self.sock = sock
        self._unpacker = msgpack.Unpacker()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, message: object) -> None:
        self.sock.sendall(msgpack.packb(message))

    def receive(self) -> Any:
        while True:
            for message in self._unpacker:
                return message
            data = self.sock.recv(65536)
            assert data, "the peer closed the connection"
            self._unpacker.feed(data)

    def call(self, method: str, *arguments: object) -> Any:
        """Result of a call of the server, without its envelope."""
        self.send([0, 1, method, [[False], *arguments]])
        _, _, error, result = self.receive()
        assert error is None
        return result[0][1] if result and result[0][0] == 1 else result


@pytest.fixture(scope="module")
def server() -> Iterator[Headless]:
    with headless.running() as started:
        yield started


@pytest.fixture
def connect(server: Headless) -> Iterator[Callable[[], Wire]]:
    opened: list[Wire] = []

    def open_one() -> Wire:
        opened.append(Wire(socket.create_connection((server.endpoint.host, server.endpoint.port))))
        return opened[-1]

    yield open_one
    for one in opened:
        one.sock.close()


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """The traffic manager's own listener."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(60)
        yield listener


@pytest.fixture
def client(connect: Callable[[], Wire], manager: socket.socket) -> Wire:
    """A client whose traffic manager has followed one tick and then misses one."""
    wire = connect()
    wire.call("set_episode_settings", SYNCHRONOUS)
    # The advertised address is wrong on purpose: clients behind a tunnel announce one of their own network.
    assert wire.call("add_traffic_manager_running", ["192.0.2.1", port_of(manager)]) is True
    wire.call("tick_cue")
    assert wire.call("apply_batch", [], False) == []
    wire.call("tick_cue")
    return wire


def accept(manager: socket.socket) -> Wire:
    """The server's next poke."""
    return Wire(manager.accept()[0])


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def is_silent(wire: Wire, other: Wire) -> bool:
    """Whether the server left a request unanswered although it has served others since."""
    for _ in range(3):
        other.call("version")
    wire.sock.setblocking(False)
    try:
        wire.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    finally:
        wire.sock.settimeout(60)
    return False


def test_a_missed_wake_up_is_repeated_and_leads_to_one_cycle(
    connect: Callable[[], Wire], client: Wire, manager: socket.socket
) -> None:
    with accept(manager) as poke:
        assert poke.receive() == [0, 1, "set_synchronous_mode", [False]]
        # The worker is awake and sends its batch. An answer now would let it look at the mode too early.
        client.send([0, 7, "apply_batch", [[False], [], False]])
        assert is_silent(client, connect())
        poke.send([1, 1, None, None])
        assert poke.receive() == [0, 2, "set_synchronous_mode", [True]]
        assert is_silent(client, connect())
        poke.send([1, 2, None, None])
        assert client.receive() == [1, 7, None, []]
        assert poke.sock.recv(1) == b""  # it hangs up
    assert client.call("tick_cue") > 0


def test_it_pokes_again_when_the_first_did_not_help(client: Wire, manager: socket.socket) -> None:
    for _ in range(2):
        with accept(manager) as poke:
            for number in (1, 2):
                assert poke.receive()[2] == "set_synchronous_mode"
                poke.send([1, number, None, None])
    assert client.call("version") == "0.9.16"


def test_strange_answers_end_the_poke_and_not_the_server(client: Wire, manager: socket.socket) -> None:
    with accept(manager) as poke:
        poke.sock.sendall(b"\xc1" * 100)
        assert poke.receive()[2] == "set_synchronous_mode"
        assert poke.sock.recv(1) == b""
    accept(manager).sock.close()
    assert client.call("version") == "0.9.16"


@pytest.mark.usefixtures("client")
def test_a_traffic_manager_that_went_is_forgotten(
    connect: Callable[[], Wire], manager: socket.socket
) -> None:
    port = port_of(manager)
    manager.close()
    other = connect()
    while other.call("is_traffic_manager_running", port):
        pass


def test_traffic_managers_go_with_their_client(
    connect: Callable[[], Wire], client: Wire, manager: socket.socket
) -> None:
    port = port_of(manager)
    other = connect()
    assert other.call("is_traffic_manager_running", port)
    client.sock.close()
    while other.call("is_traffic_manager_running", port):
        pass
    assert other.call("add_traffic_manager_running", [HOST, port]) is True


def test_nobody_is_poked_who_never_followed_a_tick(
    connect: Callable[[], Wire], manager: socket.socket
) -> None:
    """An asynchronous traffic manager without vehicles sends nothing, and would be made synchronous."""
    wire = connect()
    wire.call("set_episode_settings", SYNCHRONOUS)
    wire.call("add_traffic_manager_running", [HOST, port_of(manager)])
    wire.call("tick_cue")
    manager.settimeout(1.0)
    with pytest.raises(TimeoutError):
        manager.accept()


def test_nobody_is_poked_in_asynchronous_mode(client: Wire, manager: socket.socket) -> None:
    client.call("set_episode_settings", [False, *SYNCHRONOUS[1:]])
    manager.settimeout(1.0)
    with pytest.raises(TimeoutError):
        manager.accept()


def test_a_new_episode_begins_to_show_with_its_first_tick(connect: Callable[[], Wire]) -> None:
    """Told of it before, a client would never see it change, and its traffic managers keep the old map."""
    wire = connect()
    wire.call("set_episode_settings", SYNCHRONOUS)
    before, (old_token,) = wire.call("get_episode_info")
    wire.call("load_new_episode", "Town02", False, 0)
    loaded, (new_token,) = wire.call("get_episode_info")
    assert (loaded, new_token == old_token) == (before, False)
    wire.call("tick_cue")
    assert wire.call("get_episode_info")[0] == before + 1


@pytest.fixture
def loading(connect: Callable[[], Wire], manager: socket.socket) -> Wire:
    """A client with a traffic manager that has loaded a map and sent its first tick."""
    wire = connect()
    wire.call("set_episode_settings", SYNCHRONOUS)
    assert wire.call("add_traffic_manager_running", [HOST, port_of(manager)]) is True
    wire.call("load_new_episode", "Town02", False, 0)
    wire.send([0, 7, "tick_cue", [[False]]])
    return wire


def test_who_loads_a_map_goes_on_when_its_traffic_manager_has_it(
    connect: Callable[[], Wire], loading: Wire
) -> None:
    assert is_silent(loading, connect())
    loading.send([0, 8, "get_required_files", [[False], "", True]])
    assert loading.receive()[:2] == [1, 8]
    assert is_silent(loading, connect())
    loading.send([0, 9, "get_required_files", [[False], "TM", True]])
    assert [loading.receive()[1] for _ in range(2)] == [9, 7]
    assert loading.call("tick_cue") > 0


def test_a_hung_traffic_manager_holds_nobody_for_ever(connect: Callable[[], Wire], loading: Wire) -> None:
    assert is_silent(loading, connect())
    assert loading.receive()[1] == 7


def test_who_left_is_not_waited_for(connect: Callable[[], Wire], loading: Wire) -> None:
    assert is_silent(loading, connect())
    loading.sock.close()
    assert connect().call("tick_cue") > 0
