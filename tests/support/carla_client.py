"""The real client, as the conformance tests use it."""

from __future__ import annotations

import carla

from tests.support.headless import Endpoint

CLIENT_TIMEOUT_S = 60.0

DELTA_S = 0.05
"""Simulated time of a tick in the conformance tests."""


def connect(endpoint: Endpoint) -> carla.Client:
    """A client with one I/O thread, which serves streams in the order in which their messages arrive."""
    client = carla.Client(endpoint.host, endpoint.port, 1)
    client.set_timeout(CLIENT_TIMEOUT_S)
    return client


def go_synchronous(world: carla.World) -> None:
    """Let ticks come from the client only, each `DELTA_S` long."""
    settings = world.get_settings()
    settings.synchronous_mode = True
    settings.fixed_delta_seconds = DELTA_S
    world.apply_settings(settings)


def go_asynchronous(world: carla.World) -> None:
    """Give the clock back to the server."""
    settings = world.get_settings()
    settings.synchronous_mode = False
    settings.fixed_delta_seconds = None
    world.apply_settings(settings)
