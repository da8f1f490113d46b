"""One case: the client as a process of its own, and what it wrote."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.compat.cases import Case, Client
from tests.support.headless import REPOSITORY, Endpoint, free_port

AGENTS_FOLDER = Path(__file__).parent / "agents"
WALL_LIMIT_S = 900.0
SILENCE_LIMIT_S = 180.0
_LOOK_S = 1.0
_LAST_LINES = 6
_WORDS = {"SUCCESS", "FAILURE", "ACCEPTABLE", "RUNNING", "INIT"}
_GAVE_UP = "No more scenarios .... Exiting"  # the client's process does not always end after that
_TIMEOUT = "Timeout"  # a row of its table, no criterion
_NO_CRITERIA = "Nothing to analyze, this scenario has no criteria"


@dataclass(frozen=True)
class Clients:
    """Where the clients lie.

    Attributes:
        python: interpreter of their environment.
        scenario_runner: root of ScenarioRunner.
        leaderboard: root of the Leaderboard.
        agents: folder that holds CARLA's `agents` package.
    """

    python: Path
    scenario_runner: Path
    leaderboard: Path
    agents: Path

    def environment(self) -> dict[str, str]:
        """Environment of a client's process."""
        roots = (AGENTS_FOLDER, self.scenario_runner, self.leaderboard, self.agents)
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, roots)),
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            "SCENARIO_RUNNER_ROOT": str(self.scenario_runner),
            "LEADERBOARD_ROOT": str(self.leaderboard),
        }


@dataclass(frozen=True)
class Result:
    """What a case came to.

    Attributes:
        outcome: `success`, `failure` (a criterion failed), `timeout` (it did not end in its time), `played`
            (to its end, it has no criteria), `not run` (the client gave up), `hung` (it fell silent without
            a result), or the Leaderboard's own word for a route.
        failed: names of the failed criteria, sorted.
        details: figures of the criteria, or the last lines of the client.
        wall_s: real time it took.
    """

    outcome: str
    failed: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    wall_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For the results."""
        return asdict(self)


def run(case: Case, clients: Clients, server: Endpoint, folder: Path) -> None:
    """Run a case against a server that is up.

    Args:
        case: what to run.
        clients: who runs it.
        server: where CARLA is.
        folder: for its files, empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            _command(case, clients, server, folder),
            cwd=folder,
            env=clients.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            hung = not _ends(process, folder / "log.txt")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    ended = {"case": case.as_json(), "hung": hung, "wall_s": round(time.monotonic() - began, 1)}
    (folder / "ended.json").write_text(json.dumps(ended, indent=1) + "\n")


def _ends(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Whether a client ends by itself rather than falling silent, or running for ever."""
    began = heard = time.monotonic()
    length = 0
    while time.monotonic() - began < WALL_LIMIT_S and time.monotonic() - heard < SILENCE_LIMIT_S:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
            return True
        if log.stat().st_size != length:
            length, heard = log.stat().st_size, time.monotonic()
    return False


def has_ended(case: Case, folder: Path) -> bool:
    """Whether this very case has been run into a folder."""
    path = folder / "ended.json"
    return path.exists() and json.loads(path.read_text())["case"] == case.as_json()


def read(case: Case, folder: Path) -> Result:
    """What a case came to that has been run."""
    ended = json.loads((folder / "ended.json").read_text())
    result = _read(case, folder)
    gave_up = _GAVE_UP in (folder / "log.txt").read_text(errors="replace")
    if ended["hung"] and result.outcome == "not run" and not gave_up:
        result = replace(result, outcome="hung")
    return replace(result, wall_s=ended["wall_s"])


def _command(case: Case, clients: Clients, server: Endpoint, folder: Path) -> list[str]:
    host, port, manager = server.host, str(server.port), str(free_port())
    python = str(clients.python)
    if case.client is Client.LEADERBOARD:
        return [
            *(python, str(clients.leaderboard / "leaderboard/leaderboard_evaluator.py")),
            *("--host", host, "--port", port, "--traffic-manager-port", manager, "--timeout", "120"),
            *("--routes", str(REPOSITORY / case.source), "--routes-subset", case.route, "--track", "MAP"),
            *("--agent", str(AGENTS_FOLDER / "evaluated.py"), "--agent-config", case.manners),
            *("--checkpoint", str(folder / "result.json"), "--debug-checkpoint", str(folder / "live.txt")),
        ]
    program = [python, str(clients.scenario_runner / "scenario_runner.py")]
    common = [
        *("--host", host, "--port", port, "--trafficManagerPort", manager, "--timeout", "120"),
        *("--sync", "--reloadWorld", "--output"),
    ]
    if case.client is Client.ROUTE:
        agent = ["--agent", str(AGENTS_FOLDER / "autopilot.py"), "--agentConfig", case.manners]
        return [*program, *common, "--route", str(REPOSITORY / case.source), "--route-id", case.route, *agent]
    source = case.source
    if case.client is not Client.SCENARIO:
        # OpenSCENARIO 2 looks for itself and for its data below the working directory, where it also writes.
        link = folder / "srunner"
        link.unlink(missing_ok=True)
        link.symlink_to(clients.scenario_runner / "srunner")
    if not case.manners:
        return [*program, *common, f"--{case.client.value}", source]
    options = {
        "host": host,
        "port": port,
        "trafficManagerPort": manager,
        case.client.value: source,
        "agentConfig": json.dumps({"manners": case.manners, "turn": case.turn, "limit_s": case.limit_s}),
    }
    return [python, str(AGENTS_FOLDER / "drive_scenario.py"), json.dumps(options)]


def _read(case: Case, folder: Path) -> Result:
    log = (folder / "log.txt").read_text(errors="replace")
    last = [line for line in log.splitlines() if line.strip() and "[Agent]" not in line][-_LAST_LINES:]
    result = _read_leaderboard(folder) if case.client is Client.LEADERBOARD else _read_scenario_runner(log)
    if result is None and _NO_CRITERIA in log:
        result = Result("played")
    if result is None:
        return Result("not run", details={"log": last})
    drove = re.search(r"^COMPAT drove (\d+) m", log, re.MULTILINE)
    if drove:
        result.details["driven_m"] = int(drove.group(1))
    if "COMPAT limit" in log:
        result.details["ended"] = f"after {case.limit_s:.0f} s, by the check"
    if "Traceback" in log:
        result.details["traceback"] = re.findall(r"^\w*(?:Error|Exception)\b.*", log, re.MULTILINE)[-3:]
    return result


def _read_scenario_runner(log: str) -> Result | None:
    """The table of criteria that `--output` prints: actor, criterion, result, actual and wanted value."""
    rows = [[cell.strip() for cell in line.split("│")[2:5]] for line in log.splitlines() if "│" in line]
    said = {row[0].rsplit(" (", 1)[0]: row[1:] for row in rows if len(row) == 3}
    if "GLOBAL RESULT" not in said:
        return None
    outcome = said.pop("GLOBAL RESULT")[0].lower()
    criteria = {name: row for name, row in said.items() if row[0] in _WORDS}
    failed = sorted(name for name, row in criteria.items() if row[0] == "FAILURE")
    if outcome == "success" and failed == [_TIMEOUT]:
        outcome = "timeout"  # stopped in the very tick of its timeout: ScenarioRunner's sum does not see that
    return Result(outcome, failed, {name: row[1] for name, row in criteria.items()})


def _read_leaderboard(folder: Path) -> Result | None:
    path = folder / "result.json"
    records = json.loads(path.read_text())["_checkpoint"]["records"] if path.exists() else []
    if not records:
        return None
    record = records[0]
    counts = {name: len(events) for name, events in record["infractions"].items() if events}
    details = record["scores"] | {"infractions": counts, "entry_status": record["status"]}
    outcome = "success" if record["status"] in ("Completed", "Perfect") else record["status"].lower()
    return Result(outcome, sorted(counts), details)
