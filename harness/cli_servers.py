"""`drivegate servers`: which containers of ours are there, and away with those that nobody owns."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from harness.cli_finish import console, finish


def add_server_commands(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(servers)


def servers(
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove those whose run was killed (a new run does so too).")
    ] = False,
    unknown_too: Annotated[
        bool, typer.Option("--all", help="With --remove: also those whose run cannot be seen from here.")
    ] = False,
) -> None:
    """List the containers of `--server docker`, and who owns them.

    Examples:
        drivegate servers

        drivegate servers --remove
    """

    def work() -> int:
        from harness.servers.engine import Engine

        with Engine() as engine:
            if remove:
                count = engine.remove_orphans(unknown_too=unknown_too)
                console().print(f"removed {count} container(s)")
            found = engine.list()
        if not found:
            console().print("No containers of drivegate.")
            return 0
        table = Table("container", "image", "state", "ports", "worker", "run", "its run is", pad_edge=False)
        for one in found:
            ports = f"{one.ports[0]}-{one.ports[-1]}" if one.ports else ""
            pid = "" if one.owner is None else f" (pid {one.owner.pid})"
            owner = f"{one.owner_state.value}{pid}"
            table.add_row(one.id, one.image, one.state, ports, one.worker, one.run, owner)
        console().print(table)
        return 0

    finish(work)
