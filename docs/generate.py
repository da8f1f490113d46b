"""Make the pages of docs/ that come from code: `make docs`.

`architecture.svg` is drawn from the import graph; the table of imports in `architecture.md` is the same graph
as text, so that a test can tell when the page has fallen behind the code.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import grimp
import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
ROOMS = ("training", "harness", "policies", "scenarios", "simulator")
PURPOSE = {
    "training": "produces checkpoints",
    "harness": "closed-loop evaluation: the main job",
    "policies": "the thing under test, one step interface",
    "scenarios": "what is driven: routes, lanes",
    "simulator": "a separate program: the headless CARLA server",
}
EXTERNAL = ("carla", "numba", "msgpack", "pyarrow", "pydantic", "omegaconf", "defusedxml", "rich", "typer")
CHARS_PER_UNIT = 18.5
IMPORTS, OPTIONS = "imports", "options"


def import_graph() -> grimp.ImportGraph:
    """Import graph of our rooms, with the libraries that they use."""
    return grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)


def room_arrows(graph: grimp.ImportGraph) -> Counter[tuple[str, str]]:
    """How many imports lead from one room into another room or into a library."""
    arrows: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        room = module.split(".")[0]
        for imported in graph.find_modules_directly_imported_by(module):
            target = imported.split(".")[0]
            if room in ROOMS and target != room and (target in ROOMS or target in EXTERNAL):
                arrows[room, target] += 1
    return arrows


def inside(graph: grimp.ImportGraph, room: str) -> list[tuple[str, str]]:
    """What is in a room: (package with a trailing slash, its modules), then the room's own modules."""
    children = sorted(graph.find_children(room))
    packages = [child for child in children if graph.find_children(child)]
    rows = [
        (_last(package) + "/", ", ".join(sorted(_last(module) for module in graph.find_children(package))))
        for package in packages
    ]
    own = [_last(child) for child in children if child not in packages and not child.endswith("__main__")]
    return [*rows, ("", ", ".join(own))]


def _last(module: str) -> str:
    return module.rsplit(".", 1)[-1]


def imports_table(graph: grimp.ImportGraph) -> str:
    """The arrows as a Markdown table."""
    rows = ["| from | imports of ours | libraries |", "|---|---|---|"]
    arrows = room_arrows(graph)
    for room in ROOMS:
        ours = [f"{b} ({n})" for (a, b), n in sorted(arrows.items()) if a == room and b in ROOMS]
        libraries = [b for (a, b) in sorted(arrows) if a == room and b not in ROOMS]
        rows.append(f"| `{room}` | {', '.join(ours) or 'nothing'} | {', '.join(libraries) or 'none'} |")
    return "\n".join(rows)


def draw(graph: grimp.ImportGraph, path: Path) -> None:
    """Draw the rooms, what is in them, and the arrows between them."""
    mpl.rcParams["svg.hashsalt"] = "drivegate"
    boxes = {  # x, y, width, height of each room
        "training": (0.3, 7.9, 7.2, 1.9),
        "harness": (0.3, 4.0, 7.2, 3.2),
        "policies": (0.3, 0.3, 4.3, 3.0),
        "scenarios": (4.85, 0.3, 2.65, 3.0),
        "simulator": (9.0, 0.3, 3.7, 9.5),
    }
    colours = {
        "training": "#e8e3f3",
        "harness": "#dbe9f6",
        "policies": "#e3f1dc",
        "scenarios": "#fdf0d5",
        "simulator": "#f3e1ec",
    }
    arrows = room_arrows(graph)
    figure = Figure(figsize=(13, 10.1))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 13), ylim=(0, 10.1))
    axes.axis("off")
    for room, (x, y, width, height) in boxes.items():
        axes.add_patch(
            FancyBboxPatch(
                (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.12", fc=colours[room], ec="#555"
            )
        )
        axes.text(x + 0.18, y + height - 0.36, room, fontsize=17, weight="bold", color="#222")
        axes.text(x + 0.18, y + height - 0.64, PURPOSE[room], fontsize=9.5, style="italic", color="#444")
        line_y = y + height - 0.95
        for package, modules in inside(graph, room):
            axes.text(x + 0.2, line_y, package, fontsize=8.5, weight="bold", family="monospace", color="#222")
            for line in textwrap.wrap(modules, int((width - (1.3 if package else 0.4)) * CHARS_PER_UNIT)):
                axes.text(x + (1.2 if package else 0.2), line_y, line, fontsize=7.5, color="#333")
                line_y -= 0.16
            line_y -= 0.06
        libraries = [b for (a, b) in sorted(arrows) if a == room and b in EXTERNAL]
        axes.text(
            x + 0.18, y + 0.13, "uses " + ", ".join(libraries or ["numpy only"]), fontsize=8, color="#666"
        )

    def arrow(
        start: tuple[float, float], end: tuple[float, float], text: str, *, dashed: bool = False
    ) -> None:
        axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="<|-|>" if dashed else "-|>",
                mutation_scale=18,
                lw=1.8,
                ls="--" if dashed else "-",
                color="#444",
            )
        )
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        if dashed:
            axes.text(middle[0], middle[1] + 0.12, text, fontsize=9.5, ha="center", va="bottom", color="#333")
        else:
            axes.text(middle[0] + 0.12, middle[1], text, fontsize=9.5, ha="left", va="center", color="#333")

    arrow((6.1, 7.9), (6.1, 7.2), f"{arrows['training', 'harness']} imports")
    arrow((2.0, 4.0), (2.0, 3.3), f"{arrows['harness', 'policies']} imports")
    arrow((6.1, 4.0), (6.1, 3.3), f"{arrows['harness', 'scenarios']} imports")
    arrow((7.5, 5.6), (9.0, 5.6), "CARLA's wire\nprotocol\n(carla client)", dashed=True)
    figure.savefig(path, metadata={"Date": None})


def write_between_markers(path: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of a page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = path.read_text()
    head, rest = page.split(begin)
    tail = rest.split(end)[1]
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


def options_table() -> str:
    """Options of `drivegate train student`."""
    from training.engine.flags import table
    from training.student.config import StudentTraining

    return table(StudentTraining)


def write_cli_page(path: Path) -> None:
    """The command line reference, from the command line itself."""
    command = [sys.executable, "-m", "typer", "harness.cli", "utils", "docs", "--name", "drivegate"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    path.write_text(result.stdout.strip() + "\n")


def main() -> None:
    """Write all generated pages."""
    graph = import_graph()
    draw(graph, DOCS / "architecture.svg")
    write_between_markers(DOCS / "architecture.md", IMPORTS, imports_table(graph))
    write_between_markers(DOCS / "training.md", OPTIONS, options_table())
    write_cli_page(DOCS / "cli.md")


if __name__ == "__main__":
    main()
