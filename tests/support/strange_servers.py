"""Things that listen on a port and are no CARLA 0.9.16: for the probe of remote servers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import msgpack

HOST = "127.0.0.1"


@contextlib.contextmanager
def answering(reply: bytes | None) -> Iterator[int]:
    """A port that answers every message with the same bytes; None: it takes connections and says nothing."""
    listener = socket.create_server((HOST, 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while connection.recv(4096):
                if reply is not None:
                    connection.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        for connection in connections:
            connection.close()


def version_reply(version: str) -> bytes:
    """What a CARLA server of a version answers to the request `version`."""
    return bytes(msgpack.packb([1, 1, None, [[1, version]]]))


OLD_SERVER_REPLY = bytes(msgpack.packb([1, 1, "rpclib: function 'version' expects 0 argument(s)", None]))
"""What servers answer that know no metadata argument."""
