"""Which remote methods the conformance tests called: a pytest plugin that fails a run that left one out.

Servers of conformance tests append the name of each method to a log at its first call (`--log-calls`), one
log for each process of the run. The process that sees all others (pytest-xdist's controller, or the only one)
puts them together at the end. A run of some of the conformance tests is told, but not judged; the marks
`slow` and `chaos` may be left out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from simulator.rpc_methods import METHODS

CONFORMANCE = Path(__file__).parents[1] / "conformance"

_FOLDER = "DRIVEGATE_TEST_CALL_LOGS"
"""Environment variable with the folder of the logs: worker processes inherit it."""

_PARTIAL = "partial-run"
_LONG_MARKS = frozenset({"slow", "chaos"})


def server_options() -> tuple[str, ...]:
    """Options of a server whose calls count."""
    folder = os.environ.get(_FOLDER)
    return () if folder is None else ("--log-calls", str(Path(folder) / f"calls-{os.getpid()}"))


def called_methods(folder: Path) -> set[str]:
    """Names in all logs of a run."""
    return {name for log in folder.glob("calls-*") for name in log.read_text().split()}


def _is_conformance(item: pytest.Item) -> bool:
    return CONFORMANCE in item.path.parents


def _is_long(item: pytest.Item) -> bool:
    return any(mark.name in _LONG_MARKS for mark in item.iter_markers())


def _mark_partial() -> None:
    folder = os.environ.get(_FOLDER)
    if folder is not None:
        (Path(folder) / _PARTIAL).touch()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder for the logs, unless somebody else's server is tested, which keeps none."""
    if hasattr(config, "workerinput") or config.getoption("--carla-server") is not None:
        return
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="drivegate-calls-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_FOLDER, ""), ignore_errors=True)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """A conformance test that was left out, and is not one of the long ones, makes the run a partial one."""
    if any(_is_conformance(item) and not _is_long(item) for item in items):
        _mark_partial()


def pytest_collection_finish(session: pytest.Session) -> None:
    """So does a file of conformance tests of which nothing was asked for."""
    if session.config.pluginmanager.has_plugin("dsession"):
        return  # the controller collects nothing: its workers do
    asked = [Path(str(argument).split("::")[0]).resolve() for argument in session.config.args]
    whole = all("::" not in str(argument) for argument in session.config.args)
    if not whole or not any(path == CONFORMANCE or path in CONFORMANCE.parents for path in asked):
        _mark_partial()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run that left methods out."""
    if _verdict(session.config)[1] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was called."""
    called, missing = _verdict(config)
    if not called:
        return
    terminalreporter.section("remote methods of CARLA")
    terminalreporter.line(f"{len(called)} of {len(METHODS)} were called by the conformance tests")
    if missing:
        terminalreporter.line(f"never called: {', '.join(missing)}", red=True)
    elif len(called) < len(METHODS):
        terminalreporter.line("a part of the tests ran: the others are not judged")


def _verdict(config: pytest.Config) -> tuple[set[str], list[str]]:
    """Methods that were called, and those of a whole run that were not."""
    folder = os.environ.get(_FOLDER)
    if folder is None or hasattr(config, "workerinput") or config.option.collectonly:
        return set(), []
    called = called_methods(Path(folder)) & {method.name for method in METHODS}
    if (Path(folder) / _PARTIAL).exists():
        return called, []
    return called, [method.name for method in METHODS if method.name not in called]
