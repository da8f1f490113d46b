"""Ports of servers: blocks of ten, of which CARLA needs three in a row (RPC, streaming, secondary)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

HOST = "127.0.0.1"
BLOCK_PORTS = 10
NEEDED_PORTS = 3
_MOST_BLOCKS = 200


def free_blocks(first_port: int) -> Iterator[int]:
    """Yield first ports of blocks that look free; the server's own bind decides."""
    for block in range(_MOST_BLOCKS):
        port = first_port + block * BLOCK_PORTS
        if port + BLOCK_PORTS > 65536:
            return
        if all(_is_free(port + offset) for offset in range(NEEDED_PORTS)):
            yield port


def none_free(first_port: int) -> str:
    """What to say when all blocks were tried."""
    return (
        f"No free block of {BLOCK_PORTS} ports was found from {first_port} on. Name another one"
        " with --set machine.first_port=N."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
    return True
