"""Compiled kernels on disk never outlive the code that they were made of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import harness.traffic.compiled as compiled

CALLER = """
from kernels.compiled import entry
from kernels.callee import step


@entry
def kernel(x):
    return step(x) + 100.0
"""
CALLEE = """
from kernels.compiled import part


@part
def step(x):
    return x + {}
"""
QUESTION = "from kernels.caller import kernel; print(kernel(1.0), sum(kernel.stats.cache_hits.values()))"


def _ask(folder: Path) -> tuple[float, int]:
    answer = subprocess.run(
        [sys.executable, "-c", QUESTION], cwd=folder, capture_output=True, text=True, check=True
    )
    value, hits = answer.stdout.split()
    return float(value), int(hits)


def test_a_change_in_another_file_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "kernels"
    package.mkdir()
    shutil.copy(compiled.__file__, package / "compiled.py")
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)
    (package / "callee.py").write_text(CALLEE.format("1.0"))
    assert _ask(tmp_path) == (102.0, 0)
    assert _ask(tmp_path) == (102.0, 1), "the kernel is kept on disk"
    (package / "callee.py").write_text(CALLEE.format("5.0"))
    assert _ask(tmp_path) == (106.0, 0)
