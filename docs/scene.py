"""Draw the towns' scenes from above, `scene.png`, and count what stands there, for docs/scene.md."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # the simulator is imported by nobody, but drawn here

from simulator.scene.objects import Kind  # noqa: E402
from simulator.world.town import Town, packaged_towns  # noqa: E402

BEGIN, END = "<!-- things: begin -->", "<!-- things: end -->"
COLOURS = {
    Kind.ROAD: "#8a8a8a",
    Kind.SIDEWALK: "#c9c4ba",
    Kind.CROSSWALK: "#ffffff",
    Kind.BUILDING: "#b5651d",
    Kind.TREE: "#4f8f46",
    Kind.GUARD_RAIL: "#d62728",
    Kind.FENCE: "#6b4a2b",
    Kind.WALL: "#444444",
    Kind.PARKED_CAR: "#1f5fbf",
    Kind.BUS_STOP: "#a020c0",
    Kind.STREET_LIGHT: "#f2b900",
}
SMALL = "#c02080"
WINDOW_M = 170.0
"""Side of the part of a town that is shown from near."""


def corners(objects: NDArray[np.void]) -> NDArray[np.float64]:
    """(N, 4, 2) bounding boxes from above."""
    c, s = np.cos(objects["yaw"])[:, None], np.sin(objects["yaw"])[:, None]
    x = objects["box_x"][:, None] + objects["half_x"][:, None] * np.array([1.0, -1.0, -1.0, 1.0])
    y = objects["half_y"][:, None] * np.array([1.0, 1.0, -1.0, -1.0])
    return np.stack([objects["x"][:, None] + c * x - s * y, objects["y"][:, None] + s * x + c * y], axis=2)


def crowns(trees: NDArray[np.void]) -> NDArray[np.float64]:
    """(N, 12, 2) outlines of trees from above."""
    angle = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
    x = trees["x"][:, None] + trees["half_x"][:, None] * np.cos(angle)
    return np.stack([x, trees["y"][:, None] + trees["half_y"][:, None] * np.sin(angle)], axis=2)


def draw(axes: Axes, town: Town, *, thin: float) -> None:
    """Every object of a town as its box, trees as their crowns."""
    objects = town.scene.objects
    axes.set_facecolor("#e9efe0")
    for kind in Kind:
        chosen = objects[objects["kind"] == kind]
        colour = COLOURS.get(kind, SMALL)
        outlines = crowns(chosen) if kind is Kind.TREE else corners(chosen)
        axes.add_collection(
            PolyCollection(list(outlines), facecolors=colour, edgecolors=colour, linewidths=thin)
        )
    axes.set_aspect("equal")
    axes.set_xlim(objects["x"].min() - 20.0, objects["x"].max() + 20.0)
    axes.set_ylim(objects["y"].max() + 20.0, objects["y"].min() - 20.0)  # y to the right of x, as in CARLA
    axes.set_xticks([])
    axes.set_yticks([])


def table(towns: list[Town]) -> str:
    """How many things of each kind, as Markdown."""
    rows = [
        "| kind | " + " | ".join(town.name for town in towns) + " |",
        "|---|" + "---|" * len(towns),
    ]
    counts = [Counter(town.scene.objects["kind"].tolist()) for town in towns]
    rows.extend(
        f"| {kind.name.lower().replace('_', ' ')} | "
        + " | ".join(str(count[int(kind)]) for count in counts)
        + " |"
        for kind in Kind
    )
    return "\n".join(rows)


def main() -> None:
    """Write the figure and the table."""
    mpl.rcParams["svg.hashsalt"] = "drivegate"
    towns = [Town.load(name) for name in packaged_towns()]
    figure = Figure(figsize=(13, 18), layout="constrained")
    places = figure.subplots(4, 3)
    for number, town in enumerate(towns):
        far, near = places[2 * (number // 3), number % 3], places[2 * (number // 3) + 1, number % 3]
        draw(far, town, thin=0.3)
        far.set_title(town.name)
        draw(near, town, thin=0.2)
        buildings = town.scene.objects[town.scene.objects["kind"] == Kind.BUILDING]
        x, y = np.median(buildings["x"]), np.median(buildings["y"])
        near.set_xlim(x - WINDOW_M / 2.0, x + WINDOW_M / 2.0)
        near.set_ylim(y + WINDOW_M / 2.0, y - WINDOW_M / 2.0)
        near.set_title(f"{WINDOW_M:.0f} m of {town.name}")
    figure.savefig(DOCS / "scene.png", dpi=64, metadata={"Software": None})
    page = DOCS / "scene.md"
    head, rest = page.read_text().split(BEGIN)
    page.write_text(f"{head}{BEGIN}\n{table(towns)}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
