"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.record import read_episode
from tests.support import harness_runs as runs

pytestmark = pytest.mark.server

README = Path(__file__).parents[2] / "README.md"


def test_the_policy_of_the_readme_drives(tmp_path: Path) -> None:
    """It is a user's own file in the current folder, as the README says."""
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "my_module.py").write_text(code)
    route = runs.route_file(tmp_path / "short.xml", "1", start=(338.68, 176.0), end=(338.65, 120.0))
    out = tmp_path / "run"
    done = runs.drivegate(
        "run",
        "--suite",
        str(route),
        "--policy",
        "my_module:Careful",
        "--out",
        str(out),
        "--set",
        f"machine.first_port={runs.free_block(40)}",
        folder=tmp_path,
    )
    assert done.code == 0, done.err
    (record,) = [read_episode(path) for path in out.glob("episodes/*/*/*")]
    assert record.outcome.value == "completed", record.reason


def test_every_command_of_the_readme_exists() -> None:
    text = README.read_text()
    named = set(re.findall(r"^    (?:\.venv/bin/)?drivegate (\w+)", text, re.MULTILINE))
    assert {"run", "score", "show", "suites", "policies"} <= named
    listed = runs.drivegate("--help").out
    assert [name for name in named if not re.search(rf"\b{name}\b", listed)] == []
