"""`drivegate`: the command line. It reads options, calls the harness, and makes a paragraph of an error.

Nothing that needs `carla` is imported before a command needs it: `score`, `show`, `suites` and `policies`
work without.

The gate's commands are in `harness.cli_gate`, the report's in `harness.cli_report`. Exit codes: 0 done (of a
gate: PASS), 1 FAIL, 2 wrong use, 3 INCONCLUSIVE, 4 invalid (of a run: the infrastructure kept an episode from
being driven), 130 interrupted.
"""

from __future__ import annotations

import io
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from harness.cli_finish import EXIT_INVALID, complain, console, finish
from harness.cli_gate import add_gate_commands
from harness.cli_options import given_options
from harness.cli_report import add_report_command
from harness.cli_servers import add_server_commands
from harness.score.rules import ScoreVersion

_RUN_HELP = """Drive policies over routes, record what happens, and print the scores.

Every policy drives every route of the suites, `--repeats` times. The run folder keeps the facts of every
tick, so that it can be scored again later. Call the same command again with `--resume` to go on after an
interruption.

Examples:

    drivegate run --suite longest6-town01 --policy expert --policy constant

    drivegate run --suite longest6-available --policy my_module:MyPolicy --traffic 40 --repeats 3 --workers 4

    drivegate run --suite routes.xml --policy constant --policy-arg constant.speed_mps=4 --out runs/slow

    drivegate run --suite longest6-town02 --policy expert --server remote:gpu7:2000

    drivegate run --suite longest6-town01 --policy expert --server docker --workers 2

    drivegate run --suite smoke --policy expert --server docker --image carlasim/carla:0.9.16 --gpus 0,1

    drivegate run --suite longest6-town01 --policy expert --set machine.tick_deadline_s=60

    drivegate run --suite longest6-town01 --policy expert --shard 1/2 --out runs/1

Exit codes: 0 all episodes driven (well or badly), 2 wrong use, 4 an episode could not be driven because of
the infrastructure, 130 interrupted.
"""

_PICTURE_COLUMNS = 130

app = typer.Typer(
    name="drivegate",
    help="Does this driving policy still drive, and if not, what exactly broke?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.command(help=_RUN_HELP)
def run(
    suite: Annotated[
        list[str] | None,
        typer.Option(help="What to drive: a suite (see `drivegate suites`) or a route file. Repeatable."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Who drives: a policy (see `drivegate policies`) or module:attribute. Repeatable."),
    ] = None,
    policy_arg: Annotated[
        list[str] | None, typer.Option(help="Argument of a policy: name.key=value. Repeatable.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            help="embedded, docker (see --image), or remote[:host[:port]] for a CARLA that runs already."
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(help="Of the containers: drivegate/headless, carlasim/carla:0.9.16. Pulled if need be."),
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(help="For CARLA in containers: 0,1 (workers take turns), or none.")
    ] = None,
    docker_memory: Annotated[
        str | None, typer.Option(help="Limit of each container, such as 8g. [headless 4g, CARLA 16g]")
    ] = None,
    repeats: Annotated[int | None, typer.Option(help="How often each policy drives each route. [1]")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes, each with a server of its own. [1]")] = None,
    traffic: Annotated[int | None, typer.Option(help="Background vehicles per episode. [0]")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice in the run. [0]")] = None,
    infra_retries: Annotated[
        int | None, typer.Option(help="Further attempts after an infrastructure fault. [2]")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this route, or this episode (route-r1), with the seeds it has. Repeatable."),
    ] = None,
    record_camera: Annotated[
        bool, typer.Option("--record-camera", help="Keep a small front picture per second for the report.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Run folder.")] = Path("runs/latest"),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, if there is one.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with the sections `drive` and `machine`.")
    ] = None,
    override: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any value of the configuration: machine.first_port=30000. Repeatable."),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(help="Drive only this part of the run, such as 2/4, the second of four.")
    ] = None,
    version: Annotated[ScoreVersion, typer.Option(help="Rules of the driving score.")] = ScoreVersion.LB2_1,
) -> None:
    """Drive policies over routes (the help text is above)."""

    def work() -> int:
        from harness.campaign.run import RunRequest, run_campaign
        from harness.campaign.shards import Shard

        options = given_options(
            suites=suite,
            policies=policy,
            policy_args=policy_arg,
            server=server,
            image=image,
            gpus=gpus,
            docker_memory=docker_memory,
            repeats=repeats,
            workers=workers,
            traffic=traffic,
            seed=seed,
            infra_retries=infra_retries,
            only=only,
            record_camera=record_camera,
        )
        part = None if shard is None else Shard.parse(shard)
        request = RunRequest(config, options, tuple(override or ()), out, resume, part)
        result = run_campaign(request, console())
        _print_scores(out, version)
        if result.lost:
            return complain(
                f"{len(result.lost)} of {result.planned} episodes could not be driven because of the"
                f" infrastructure (see {out / 'infra.jsonl'}). The run is INVALID. Try again:"
                f" {_resume_command()}",
                EXIT_INVALID,
            )
        return 0

    finish(work, f"The finished episodes are kept. Go on with: {_resume_command()}")


@app.command()
def merge(
    parts: Annotated[list[Path], typer.Argument(help="Run folders of the shards.", metavar="RUN...")],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    version: Annotated[ScoreVersion, typer.Option(help="Rules of the driving score.")] = ScoreVersion.LB2_1,
) -> None:
    """Put the shards of a run together, and print the scores of the whole.

    Each shard was driven by `drivegate run --shard`, perhaps on a machine of its own. The merged folder is
    what the run in one piece would have left: the same plan, records and faults.

    Examples:
        drivegate run --suite smoke --policy expert --shard 1/2 --out runs/1

        drivegate run --suite smoke --policy expert --shard 2/2 --out runs/2

        drivegate merge runs/1 runs/2 --out runs/all
    """

    def work() -> int:
        from harness.campaign.shards import merge_runs

        merge_runs(parts, out)
        return _print_scores(out, version, trust_events=True)

    finish(work)


@app.command()
def score(
    folder: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN")],
    version: Annotated[ScoreVersion, typer.Option(help="Rules of the driving score.")] = ScoreVersion.LB2_1,
    trust_events: Annotated[
        bool, typer.Option("--trust-events", help="Take the stored events, do not judge the facts again.")
    ] = False,
) -> None:
    """Score a stored run again; needs neither a server nor `carla`.

    The criteria judge the stored facts of every tick anew; stored events that differ are an error.

    Examples:
        drivegate score runs/latest

        drivegate score runs/latest --version lb2_0
    """
    finish(lambda: _print_scores(folder, version, trust_events=trust_events))


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN")],
    version: Annotated[ScoreVersion, typer.Option(help="Rules of the driving score.")] = ScoreVersion.LB2_1,
    svg: Annotated[Path | None, typer.Option(help="Also save the table as a picture.")] = None,
) -> None:
    """Print the table of a stored run as it was judged while driving.

    Examples:
        drivegate show runs/latest

        drivegate show runs/latest --svg table.svg
    """
    finish(lambda: _print_scores(folder, version, trust_events=True, svg=svg))


@app.command()
def suites() -> None:
    """List what can be driven."""

    def work() -> int:
        from scenarios.suites import suite as find_suite
        from scenarios.suites import suite_names

        table = Table("suite", "routes", "towns", "content sha256", pad_edge=False)
        for name in suite_names():
            found = find_suite(name)
            towns = sorted({route.town for route in found.routes})
            table.add_row(name, str(len(found.routes)), ", ".join(towns), found.sha256[:16])
        console().print(table)
        console().print("A path to a route file in the Leaderboard's XML is a suite too.", style="dim")
        return 0

    finish(work)


@app.command()
def policies() -> None:
    """List who can be judged, with their arguments."""

    def work() -> int:
        from policies.registry import describe

        table = Table("policy", "what it does", "arguments", pad_edge=False)
        for entry in describe():
            arguments = "\n".join(f"{a.name}={a.shown}  {a.meaning}" for a in entry.arguments)
            table.add_row(f"{entry.name}{' *' if entry.privileged else ''}", entry.summary, arguments)
        console().print(table)
        console().print("* sees ground truth. Your own goes by module:attribute.", style="dim")
        return 0

    finish(work)


def _print_scores(
    folder: Path, version: ScoreVersion, *, trust_events: bool = False, svg: Path | None = None
) -> int:
    """Score a run folder and print its table; 4 if an episode has no valid record."""
    from harness.score import score_run
    from harness.table import print_table

    card = score_run(folder, version, trust_events=trust_events)
    print_table(console(), folder, card)
    if svg is not None:
        picture = Console(record=True, width=_PICTURE_COLUMNS, file=io.StringIO())
        print_table(picture, folder, card)
        picture.save_svg(str(svg), title=f"drivegate show {folder.name}", unique_id="drivegate")
    return 0 if card.n_valid == card.n_planned else EXIT_INVALID


def _resume_command() -> str:
    arguments = [*sys.argv[1:], *(() if "--resume" in sys.argv else ("--resume",))]
    return "drivegate " + " ".join(arguments)


def _add_plugin_commands() -> None:
    """Add the commands of rooms that the harness may not import, found by entry point: `drivegate train`."""
    for entry in sorted(entry_points(group="drivegate.commands"), key=lambda found: found.name):
        entry.load()(app)


add_gate_commands(app)
add_report_command(app)
add_server_commands(app)
_add_plugin_commands()


def main() -> None:
    """Entry point of the `drivegate` command; a user's own policy is found in the current folder."""
    sys.path.insert(0, str(Path.cwd()))
    app()


if __name__ == "__main__":
    main()
