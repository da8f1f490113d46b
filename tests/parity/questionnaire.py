"""All questions, in the order in which they are asked."""

from __future__ import annotations

from tests.parity import drives, questions
from tests.parity.questions import Answers, Probe
from tests.support.carla_client import connect, go_asynchronous, go_synchronous
from tests.support.headless import Endpoint

SECTIONS = {
    "server": questions.server,
    "blueprints": questions.blueprints,
    "vehicles": questions.vehicles,
    "walkers_and_props": questions.walkers_and_props,
    "snapshots": questions.snapshots,
    "errors": questions.errors,
    "sensors": drives.sensors,
    "manoeuvres": drives.manoeuvres,
    "towns": questions.towns,
}
"""Name -> function that asks."""


def answers_of(endpoint: Endpoint, sections: tuple[str, ...] = tuple(SECTIONS)) -> Answers:
    """Ask a server. It is left in asynchronous mode, in a fresh Town01.

    Raises:
        RuntimeError: it does not answer, or refuses what no CARLA refuses.
    """
    client = connect(endpoint)
    found: Answers = {}
    for section in sections:
        world = client.load_world("Town01")
        go_synchronous(world)
        world.tick()
        try:
            found[section] = SECTIONS[section](Probe(client, world))
        finally:
            go_asynchronous(client.get_world())
    go_asynchronous(client.load_world("Town01"))
    return found
