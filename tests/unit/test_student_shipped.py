"""The student that comes with drivegate: small, whole, and drivable without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from policies.checkpoint import ONNX, find_checkpoint
from policies.registry import check, pin

ROOT = Path(__file__).parents[2]
SHIPPED = "shipped/student"


def test_it_is_there_small_and_whole() -> None:
    found = find_checkpoint(SHIPPED)
    size = sum(path.stat().st_size for path in found.manifest_path.parent.iterdir())
    assert found.file(ONNX).stat().st_size > 1_000_000
    assert size <= 20_000_000
    assert found.manifest.provenance["git_commit"]
    assert found.manifest.config["data"]["demonstrations"], "it says what it learnt from"


def test_it_is_the_student_if_no_other_is_named() -> None:
    check("student")
    assert pin("student", {})["identity"] == find_checkpoint(SHIPPED).identity


def test_the_stored_baseline_is_what_it_drove() -> None:
    stored = json.loads((ROOT / "ci/baselines/held-out-student.json").read_bytes())
    assert stored["policy_config"]["identity"] == find_checkpoint(SHIPPED).identity


def test_it_answers_without_torch() -> None:
    program = """
import sys
sys.modules["torch"] = None
from policies.registry import create
from policies.student.config import StudentConfig
from policies.checkpoint import find_checkpoint
from tests.support.student import bundle, context
policy = create("student")
policy.reset(context())
plan = policy.step(bundle(StudentConfig.from_json(find_checkpoint("shipped/student").manifest.model), 0))
assert plan.position_in_ego.shape[1] == 2, plan
print("planned", len(plan.t_s))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("planned 6"), done.stderr
