"""`make mutation`: change the gate and the score in small wrong ways, and see whether a test notices.

Every mutant runs in a forked child of a process that has imported the slow libraries already, so that it
costs about as long as the tests that reach the changed line (coverage says which; no other can notice).
What survives is printed; if fewer than `MIN_KILLED` are killed, or if tests fail without any change, the exit
code is 1.

    python -m tests.mutation                    all modules, a seeded share of their mutants
    python -m tests.mutation --share 1          all mutants
    python -m tests.mutation intervals holm     modules whose name contains one of these
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import coverage
import hypothesis.strategies  # noqa: F401 - imported once, before forking (pytest's plugins must not be)
import omegaconf  # noqa: F401
import pyarrow  # noqa: F401
import pydantic  # noqa: F401
import pytest
import rich.progress
import rich.table  # noqa: F401
import scipy.signal
import scipy.spatial
import scipy.stats  # noqa: F401
import typer.testing  # noqa: F401

import harness.config
import harness.metrics.episode
import harness.record  # noqa: F401
import tests.support.method_coverage  # noqa: F401 - brings the simulator, which all tests have
from tests.mutation.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
_GATE = ("tests/unit/test_gate_decide.py",)
TESTS: dict[str, tuple[str, ...]] = {
    "harness/gate/artefact.py": ("tests/unit/test_gate_artefacts.py",),
    "harness/gate/baseline.py": ("tests/unit/test_gate_artefacts.py",),
    "harness/gate/flakes.py": ("tests/unit/test_gate_artefacts.py",),
    "harness/gate/rules.py": ("tests/unit/test_gate_artefacts.py",),
    "harness/gate/intervals.py": ("tests/unit/test_gate_intervals.py",),
    "harness/gate/resampling.py": ("tests/unit/test_gate_resampling.py",),
    "harness/gate/calibration.py": ("tests/unit/test_gate_calibration.py",),
    "harness/gate/power.py": ("tests/unit/test_gate_calibration.py",),
    "harness/gate/sequential.py": ("tests/unit/test_gate_sequential.py",),
    "harness/gate/shelf.py": ("tests/unit/test_gate_shelf.py",),
    "harness/gate/sample.py": ("tests/unit/test_gate_cli.py",),
    "harness/gate/decide.py": _GATE,
    "harness/gate/evidence.py": _GATE,
    "harness/gate/forecast.py": _GATE,
    "harness/gate/model.py": _GATE,
    "harness/gate/pairing.py": _GATE,
    "harness/gate/wording.py": _GATE,
    "harness/score/card.py": ("tests/unit/test_score_run.py",),
    "harness/score/rescore.py": ("tests/unit/test_score_run.py",),
    "harness/score/rules.py": ("tests/unit/test_score_run.py", "tests/property/test_score_penalties.py"),
}
"""Module -> the tests that look at it."""

MIN_KILLED = 0.85
LIMIT_S = 120
"""A mutant that takes longer loops for ever: it is found, too."""


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from changed source."""

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._source = source

    def find_spec(
        self,
        fullname: str,
        path: object = None,  # noqa: ARG002 - the import system's signature
        target: object = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Claim the one module."""
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source as the module."""
        exec(compile(self._source, self._name, "exec"), module.__dict__)  # noqa: S102


def _module(path: str) -> str:
    """Name of the module in a file."""
    return path.removesuffix(".py").replace("/", ".")


def reaching(path: str, folder: Path) -> dict[int, list[str]]:
    """Which tests reach each line of a module. Lines that run at its import are left out: all reach them.

    Raises:
        subprocess.CalledProcessError: the tests fail without any change.
    """
    data = folder / "coverage"
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS[path]),
            *("--cov", str(Path(path).parent), "--cov-context=test", "--cov-report="),
        ],
        env=os.environ | {"COVERAGE_FILE": str(data)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    stored = coverage.CoverageData(str(data))
    stored.read()
    by_line = stored.contexts_by_lineno(str(ROOT / path))
    return {
        line: sorted({context.partition("|")[0] for context in contexts if context})
        for line, contexts in by_line.items()
        if "" not in contexts
    }


def survives(path: str, mutant: Mutant, lines: Mapping[int, Sequence[str]] | None = None) -> bool:
    """Whether the tests that reach a line pass although it is wrong; all of a module's if that is unknown."""
    return _passes(path, mutant, (lines or {}).get(mutant.line) or TESTS[path])


def _passes(path: str, mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether tests pass with a changed module, in a forked child."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        signal.alarm(LIMIT_S)
        sys.meta_path.insert(0, _Mutated(_module(path), mutant.source))
        code = 1
        try:
            # Not with pytest's own loader: it would take our modules for a plugin's, and load them unchanged.
            code = int(pytest.main(["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", *tests]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0


def main() -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", help="parts of module names")
    parser.add_argument("--share", type=float, default=0.15, help="of the mutants, drawn with --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    options = parser.parse_args()
    os.chdir(ROOT)
    early = {_module(path) for path in TESTS} & set(sys.modules)
    assert not early, f"{early} would stay unchanged in every child"
    rng = random.Random(options.seed)
    began_s = time.monotonic()
    tried, survivors = 0, []
    for path in TESTS:
        if options.modules and not any(part in path for part in options.modules):
            continue
        source = (ROOT / path).read_text()
        if not survives(path, Mutant(0, "unchanged", ast.unparse(ast.parse(source)))):
            print(f"{path}: its tests fail without any change; nothing can be learned from mutants")
            return 1
        if survives(path, Mutant(0, "broken", "raise ImportError('mutant')")):
            print(f"{path}: its tests pass although it cannot even be imported; mutants do not reach them")
            return 1
        found = list(mutants_of(source))
        drawn = [mutant for mutant in found if rng.random() < options.share]
        with tempfile.TemporaryDirectory() as scratch:
            lines = reaching(path, Path(scratch))
        with get_context("fork").Pool(options.jobs) as pool:
            fates = pool.map(partial(survives, path, lines=lines), drawn, chunksize=1)
        alive = [mutant for mutant, fate in zip(drawn, fates, strict=True) if fate]
        print(f"{path}: {len(drawn) - len(alive)} of {len(drawn)} killed ({len(found)} exist)", flush=True)
        for mutant in alive:
            print(f"  survived, line {mutant.line}: {mutant.what}", flush=True)
        tried += len(drawn)
        survivors += alive
    killed = 1.0 - len(survivors) / tried if tried else 1.0
    print(f"{tried} mutants, {killed:.1%} killed, {time.monotonic() - began_s:.0f} s")
    return 0 if killed >= MIN_KILLED else 1


if __name__ == "__main__":
    sys.exit(main())
