"""`make eyes`: what the real client sees, against what it is told: the boxes of vehicles in random views.

    python -m tests.eyes                                  six towns, 500 views each, on servers of our own
    python -m tests.eyes --town Town04 --views 100        one town, fewer views
    python -m tests.eyes --server host:2000               another CARLA 0.9.16

Prints a table, and the worst cases below it; ends with 1 where a vehicle's IoU is below 0.8 (see
`tests/eyes/boxes.py` for what is judged).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.eyes.boxes import LEAST_IOU, Judged, judge_views, populate
from tests.support import headless
from tests.support.carla_client import connect, go_asynchronous
from tests.support.headless import Endpoint

TOWNS = ("Town01", "Town02", "Town04", "Town06", "Town07", "Town10HD")
_SHOWN = 3


@contextlib.contextmanager
def _endpoint(given: str | None) -> Iterator[Endpoint]:
    if given is not None:
        host, _, port = given.rpartition(":")
        yield Endpoint(host, int(port))
        return
    with headless.running() as server:
        yield server.endpoint


def _town(town: str, options: argparse.Namespace, console: Console) -> list[Judged]:
    with _endpoint(options.server) as endpoint:
        client = connect(endpoint)
        world = client.load_world(town)
        vehicles = populate(world, options.seed)
        views = judge_views(world, vehicles, options.views, options.seed)
        found = [
            one for view in track(views, town, options.views, console=console, transient=True) for one in view
        ]
        for vehicle in vehicles:
            vehicle.destroy()
        go_asynchronous(world)
    return found


def _table(towns: dict[str, list[Judged]]) -> Table:
    table = Table(title=f"IoU of the mask's rectangle and the projected box, wanted {LEAST_IOU:g}")
    for name in ("town", "views with any", "vehicles", "below", "least", "median", "worst kind"):
        table.add_column(name, justify="left" if name in ("town", "worst kind") else "right")
    for town, found in towns.items():
        ious = np.array([one.iou for one in found])
        worst = min(found, key=lambda one: one.iou)
        table.add_row(
            town,
            str(len({one.view for one in found})),
            str(len(found)),
            str(int((ious < LEAST_IOU).sum())),
            f"{ious.min():.3f}",
            f"{np.median(ious):.3f}",
            worst.type_id,
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, judge, print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.eyes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--town", action="append", choices=TOWNS, help="only this one; may be repeated")
    parser.add_argument("--views", type=int, default=500, help="per town (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", metavar="HOST:PORT", help="a running CARLA instead of our own")
    options = parser.parse_args(arguments)
    console = Console()
    towns = {town: _town(town, options, console) for town in options.town or TOWNS}
    if not all(towns.values()):
        console.print("A town showed nothing that can be judged: try more --views.")
        return 1
    console.print(_table(towns))
    below = sorted(
        (one for found in towns.values() for one in found if one.iou < LEAST_IOU), key=lambda one: one.iou
    )
    for one in below[: _SHOWN * len(towns)]:
        console.print(f"{one.iou:.3f}  {one.type_id} at {one.distance_m:.1f} m, view {one.view}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
