"""Routes -> the Leaderboard's XML (2.x layout), as `scenarios.route_xml` reads it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import quoteattr

from scenarios.route import Route


def write_routes(path: Path, routes: Iterable[Route], comment: str = "") -> None:
    """Write a route file; it appears whole or not at all. Scenarios are left out.

    Args:
        path: of the file.
        routes: with ids of their own.
        comment: for the head of the file.
    """
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    if comment:
        lines.append(f"<!-- {comment.replace('--', '- -')} -->")
    lines.append("<routes>")
    for route in routes:
        lines.append(f"  <route id={quoteattr(route.id)} town={quoteattr(route.town)}>")
        if route.weather:
            lines.append("    <weathers>")
            for frame in route.weather:
                values = {"route_percentage": frame.route_percentage, **frame.parameters}
                attributes = " ".join(f'{name}="{value!r}"' for name, value in values.items())
                lines.append(f"      <weather {attributes}/>")
            lines.append("    </weathers>")
        lines.append("    <waypoints>")
        for x, y, z in route.keypoints.tolist():
            lines.append(f'      <position x="{x:.3f}" y="{y:.3f}" z="{z:.3f}"/>')
        lines += ["    </waypoints>", "  </route>"]
    lines.append("</routes>\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text("\n".join(lines))
    temporary.replace(path)
