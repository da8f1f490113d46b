"""`python -m tests.compat`: run the clients' examples and routes, print a table, compare with what is known.

Exit codes: 0 every case came out as expected; 1 some did not; 2 a path or an option is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from tests.compat import checkouts, report
from tests.compat.cases import Case, all_cases
from tests.compat.runs import Clients, Result, has_ended, read, run
from tests.support import headless
from tests.support.headless import Endpoint

EXPECTED = Path(__file__).with_name("expected.json")
EXIT_OK, EXIT_REGRESSION, EXIT_USAGE = 0, 1, 2


def main() -> int:
    """Run what the options say."""
    options = _options()
    console = Console()
    try:
        clients, differences = clients_at(options)
    except checkouts.CheckoutError as error:
        console.print(f"[red]{error}[/]")
        return EXIT_USAGE
    for difference in differences:
        console.print(f"[yellow]{difference}[/]")
    if differences and not options.any_version:
        console.print(
            "Results of other versions cannot be compared. --any-version (ANY=1) runs them all the same."
        )
        return EXIT_USAGE
    cases = [case for case in all_cases(clients.scenario_runner) if _wanted(case, options.only)]
    if not cases:
        console.print(f"No case is called {options.only}.")
        return EXIT_USAGE
    expected = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    results: dict[str, Result] = {}
    with contextlib.ExitStack() as stack:
        server = Servers(options.server, stack)
        for number, case in enumerate(cases, 1):
            folder = options.out / case.name
            if options.fresh or not has_ended(case, folder):
                run(case, clients, server.endpoint(), folder)
            results[case.name] = result = read(case, folder)
            verdict = report.verdict(case, result, expected)
            console.print(f"[{number:3}/{len(cases)}] {report.line(case, result, verdict)}", highlight=False)
    if options.accept:
        expected = report.accepted(expected, results)
        EXPECTED.write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
    report.write(options.out / "results.json", cases, results, expected)
    console.print(report.table(cases, results, expected))
    wrong = [case.name for case in cases if not report.verdict(case, results[case.name], expected).good]
    console.print(
        f"{len(cases) - len(wrong)} of {len(cases)} cases as expected. {options.out / 'results.json'}"
    )
    return EXIT_REGRESSION if wrong else EXIT_OK


class Servers:
    """The server under check: a given one, or one of ours, started again should it have died."""

    def __init__(self, given: Endpoint | None, stack: contextlib.ExitStack) -> None:
        self._given = given
        self._stack = stack
        self._running: headless.Headless | None = None

    def endpoint(self) -> Endpoint:
        """Where it is."""
        if self._given is not None:
            return self._given
        if self._running is None or self._running.process.poll() is not None:
            self._running = self._stack.enter_context(headless.running())
        return self._running.endpoint


def clients_at(options: argparse.Namespace) -> tuple[Clients, list[str]]:
    """Find the clients, and what of them is not as pinned.

    Raises:
        CheckoutError: a path is missing or wrong.
    """
    roots, differences = [], []
    for pin, path in (
        (checkouts.SCENARIO_RUNNER, options.scenario_runner),
        (checkouts.LEADERBOARD, options.leaderboard),
        (checkouts.AGENTS, options.carla_agents),
    ):
        if path is None:
            raise checkouts.CheckoutError(
                f"The path of {pin.name} {pin.version} ({pin.commit}) is not given."
            )
        root, difference = checkouts.find(pin, path)
        roots.append(root)
        differences += [difference] if difference else []
    python = Path(os.path.abspath(options.python))  # not resolved: a virtual environment is a link
    try:
        subprocess.run([python, "-c", "import carla, py_trees, dictor"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise checkouts.CheckoutError(
            f"{python} cannot import what the clients need (tests/compat/requirements.txt): {error}"
        ) from error
    return Clients(python, *roots), differences


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make compat", description=__doc__.splitlines()[0])
    parser.add_argument("--scenario-runner", type=Path, metavar="FOLDER")
    parser.add_argument("--leaderboard", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--carla-agents", type=Path, metavar="FOLDER", help="PythonAPI/carla of a CARLA release"
    )
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="of the clients' environment"
    )
    parser.add_argument("--server", type=_endpoint, help="HOST:PORT of a running CARLA (default: start ours)")
    parser.add_argument("--out", type=Path, default=Path("runs/compat"))
    parser.add_argument(
        "--only", default="*", metavar="PATTERN", help="cases by name, as in `xosc-*`; several with commas"
    )
    parser.add_argument("--fresh", action="store_true", help="run again what is already in --out")
    parser.add_argument("--accept", action="store_true", help="what came out becomes what is expected")
    parser.add_argument(
        "--any-version", action="store_true", help="accept clients other than the pinned ones"
    )
    options = parser.parse_args()
    options.out = options.out.resolve()
    return options


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is not HOST:PORT")
    return Endpoint(host, int(port))


def _wanted(case: Case, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(case.name, pattern) for pattern in patterns.split(","))


if __name__ == "__main__":
    sys.exit(main())
