"""Ask an address whether it is a CARLA server, without CARLA's client.

The client (C++) waits for its whole timeout at a port that stays silent and may abort the process on garbage.
One request by hand tells a CARLA server from everything else within seconds. Only the request `version` is
spoken: a MessagePack array [0, id, "version", [[false]]]; servers before 0.9.14 know no metadata argument, so
that they answer with an error to the first form and with their version to the second.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

import msgpack

from harness.errors import NotCarlaError, ServerStartError, ServerVersionError
from harness.servers.base import Endpoint

_REQUESTS: tuple[tuple[object, ...], ...] = ((0, 1, "version", ((False,),)), (0, 1, "version", ()))
_MOST_BYTES = 1 << 16
_DUMP_BYTES = 24


def server_version(endpoint: Endpoint, timeout_s: float) -> str:
    """Return the version that a CARLA server names.

    Args:
        endpoint: where to ask.
        timeout_s: for the connection and for each answer.

    Raises:
        ServerStartError: nobody listens there.
        NotCarlaError: somebody listens, but answers nothing or something else than CARLA's protocol.
    """
    error_text = ""
    for request in _REQUESTS:
        reply = _ask(endpoint, msgpack.packb(request), timeout_s)
        if not (isinstance(reply, Sequence) and len(reply) == 4 and reply[0] == 1):
            raise _not_carla(endpoint, f"it answered {str(reply)[:80]!r}")
        _, _, error, result = reply
        if error is not None:
            error_text = str(error)
            continue
        version = _unwrap(result)
        if version is None:
            raise _not_carla(endpoint, f"its version is {str(result)[:80]!r}")
        return version
    raise _not_carla(endpoint, f"it knows no request 'version' ({error_text[:120]})")


def check_version(endpoint: Endpoint, expected: str, timeout_s: float) -> None:
    """Make sure that a CARLA server of the expected version listens.

    Raises:
        ServerStartError, NotCarlaError: as `server_version`.
        ServerVersionError: it is a CARLA of another version.
    """
    found = server_version(endpoint, timeout_s)
    if found != expected:
        raise ServerVersionError(
            f"The server at {endpoint} is CARLA {found}, and the client here is {expected}. The protocol"
            f" differs between versions: start a CARLA {expected} server, or use --server embedded."
        )


def _unwrap(result: object) -> str | None:
    """Take the version out of CARLA's Response, [[1, version]]; very old servers send the bare string."""
    if isinstance(result, str):
        return result
    if isinstance(result, Sequence) and len(result) == 1:
        inner = result[0]
        if isinstance(inner, Sequence) and len(inner) == 2 and inner[0] == 1 and isinstance(inner[1], str):
            return inner[1]
    return None


def _ask(endpoint: Endpoint, request: bytes, timeout_s: float) -> object:
    """Send one request and return the first object of the answer."""
    try:
        connection = socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)
    except OSError as error:
        raise ServerStartError(
            f"Nobody answers at {endpoint} ({error.strerror or error}). Is the server started, and is this"
            " its RPC port?"
        ) from error
    deadline = time.monotonic() + timeout_s
    with connection:
        try:
            connection.sendall(request)
            return _receive(connection, endpoint, deadline)
        except TimeoutError as error:
            raise _not_carla(endpoint, f"it said nothing within {timeout_s:g} s") from error
        except OSError as error:
            raise _not_carla(endpoint, f"it hung up ({error.strerror or error})") from error


def _receive(connection: socket.socket, endpoint: Endpoint, deadline: float) -> object:
    """Read one MessagePack object."""
    unpacker = msgpack.Unpacker(max_buffer_size=_MOST_BYTES, strict_map_key=False)
    seen = b""
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0.0:
            raise TimeoutError
        connection.settimeout(left_s)
        data = connection.recv(4096)
        if not data:
            raise _not_carla(endpoint, f"it hung up after {len(seen)} bytes")
        seen += data
        try:
            unpacker.feed(data)
            return unpacker.unpack()
        except msgpack.OutOfData:
            continue
        except (ValueError, msgpack.UnpackException) as error:
            raise _not_carla(endpoint, f"it answered {seen[:_DUMP_BYTES]!r}") from error


def _not_carla(endpoint: Endpoint, why: str) -> NotCarlaError:
    return NotCarlaError(
        f"What listens at {endpoint} is not a CARLA server: {why}. Check the address (CARLA's RPC port, 2000"
        " unless changed, not its streaming port)."
    )
