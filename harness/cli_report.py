"""The command report of `drivegate`. Thin: options in, files out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli_finish import console, finish
from harness.cli_gate import DEFAULT_RULES, Override, Rules, Today, decide_on
from harness.errors import ConfigError

if TYPE_CHECKING:
    from harness.report import Format
    from harness.report.gather import Comparison

_REPORT_HELP = """Write a report of a run that people and machines can read.

    report.html          one file without any network: verdict and why, each metric against its margin, the
    routes side by side, what went wrong when, and a replay of each drive from above, failed ones first

    summary.md           for a job summary or a comment at a pull request

    junit.xml            a test case per gated metric and per episode

    leaderboard.json     the CARLA Leaderboard's result file (one per policy if there are several)

    *.parquet, *.csv     episodes, events and metrics for pandas

With `--baseline` the verdict of `drivegate gate` is in it; the options below that it shares with that command
mean the same, and must be given alike for the same verdict. The report decides nothing: its exit code is 0
whatever the verdict.

Examples:

    drivegate report runs/pr

    drivegate report runs/pr --baseline ci/baselines/expert.json --out report

    drivegate report runs/pr --baseline runs/main --format html,markdown

Exit codes: 0 written, 2 wrong use, 4 the run or the baseline cannot be read.
"""

DEFAULT_FORMATS = "html,markdown,junit,leaderboard,parquet"


def add_report_command(app: typer.Typer) -> None:
    """Add the command of this file to the application."""
    app.command("report", help=_REPORT_HELP)(report)


def report(
    run: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN")],
    baseline: Annotated[
        Path | None, typer.Option(help="Run folder or stored baseline to compare with.")
    ] = None,
    rules: Rules = DEFAULT_RULES,
    out: Annotated[Path | None, typer.Option(help="Folder to write to. [RUN/report]")] = None,
    formats: Annotated[
        str,
        typer.Option("--format", help="Any of html, markdown, junit, leaderboard, parquet, csv, by commas."),
    ] = DEFAULT_FORMATS,
    ticks: Annotated[bool, typer.Option("--ticks", help="Also a table of all ticks.")] = False,
    max_mb: Annotated[
        float, typer.Option(help="Size of the HTML file: replays of good drives are left out first.", min=0.5)
    ] = 15.0,
    policy: Annotated[
        str | None, typer.Option(help="Compare this policy only. [all that the baseline has]")
    ] = None,
    baseline_policy: Annotated[
        str | None, typer.Option(help="If the baseline's policy has another name.")
    ] = None,
    override: Override = None,
    sequential: Annotated[
        bool, typer.Option("--sequential", help="The verdict of `gate --sequential`.")
    ] = False,
    flakes: Annotated[Path | None, typer.Option(help="Flake ledger whose routes are not weighed.")] = None,
    today: Today = None,
) -> None:
    """Report (the help text is above)."""

    def work() -> int:
        from harness.report import gather, write_report

        wanted = _formats(formats)
        comparison = None
        if baseline is not None:
            comparison = _comparison(
                baseline, rules, policy, baseline_policy, override or (), sequential, flakes, today
            )
        elif baseline_policy is not None or sequential or flakes is not None:
            raise ConfigError("--baseline-policy, --sequential and --flakes go with --baseline.")
        found = gather(run, comparison)
        written = write_report(found, out or run / "report", wanted, ticks=ticks, budget_mb=max_mb)
        for path in written:
            console().print(str(path), highlight=False, markup=False, soft_wrap=True)
        return 0

    finish(work)


def _formats(text: str) -> tuple[Format, ...]:
    """Read "html,markdown".

    Raises:
        ConfigError: there is no such format.
    """
    from harness.report import Format

    names = [word.strip() for word in text.split(",") if word.strip()]
    known = {one.value: one for one in Format}
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise ConfigError(f"--format {text!r}: there are {', '.join(known)}, separated by commas.")
    return tuple(known[name] for name in names)


def _comparison(
    baseline: Path,
    rules: Path,
    policy: str | None,
    baseline_policy: str | None,
    override: list[str] | tuple[()],
    sequential: bool,
    flakes: Path | None,
    today: str | None,
) -> Comparison:
    from harness.gate.rules import load_rules
    from harness.report.gather import Comparison

    return Comparison(
        path=baseline,
        rules=load_rules(rules, override),
        compare=lambda theirs, ours, found: decide_on(theirs, ours, found, sequential, flakes, today),
        policy=policy,
        baseline_policy=baseline_policy,
    )
