"""Checkpoints: found, verified, refused."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from policies import checkpoint as ck
from policies.checkpoint import CheckpointError, Manifest, file_entry, find_checkpoint, point, write_manifest
from policies.registry import PolicyArgumentError, check, pin


def stored(folder: Path, name: str = "baseline_seed1_best") -> ck.Checkpoint:
    weights = folder / f"{name}.pt"
    weights.write_bytes(b"weights of " + name.encode())
    files = {ck.WEIGHTS: file_entry(weights)}
    return write_manifest(
        folder / f"{name}.json",
        Manifest("student", {"dim": 8}, files, {"lr": 0.1}, {"val/loss": 1.5}, {"seed": 1}),
    )


def test_every_way_to_name_a_checkpoint(tmp_path: Path) -> None:
    made = stored(tmp_path)
    point(tmp_path, "latest", made.manifest_path)
    for where in (tmp_path, tmp_path / "latest", made.manifest_path, tmp_path / "baseline_seed1_best.pt"):
        found = find_checkpoint(where)
        assert found == made
        assert found.file(ck.WEIGHTS).read_bytes() == b"weights of baseline_seed1_best"


def test_a_changed_or_missing_file_is_refused(tmp_path: Path) -> None:
    made = stored(tmp_path)
    path = tmp_path / "baseline_seed1_best.pt"
    path.write_bytes(b"weights of someone else, 30 b.")
    with pytest.raises(CheckpointError, match=r"not the file that its manifest describes"):
        made.file(ck.WEIGHTS)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"is missing"):
        made.file(ck.WEIGHTS)
    with pytest.raises(CheckpointError, match=r"drivegate export"):
        made.file(ck.ONNX)


def test_what_is_shipped_can_drive_and_no_more(tmp_path: Path) -> None:
    made = stored(tmp_path)
    with pytest.raises(CheckpointError, match=r"drivegate export"):
        ck.ship(made, tmp_path / "shipped")
    exported = tmp_path / "baseline_seed1_best.onnx"
    exported.write_bytes(b"a network")
    made = ck.with_file(made, ck.ONNX, exported)
    ck.ship(made, tmp_path / "shipped")
    found = find_checkpoint(tmp_path / "shipped")
    assert found.file(ck.ONNX).read_bytes() == b"a network"
    assert list(found.manifest.files) == [ck.ONNX]
    assert found.manifest.model == made.manifest.model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "later drivegate"),
        ({"files": {"weights": {"name": "../x.pt", "sha256": "0", "bytes": 1}}}, "not beside it"),
        ({"files": {"weights": {"name": "x.pt"}}}, "not a checkpoint's manifest"),
        ({"metrics": 3}, "not a checkpoint's manifest"),
    ],
)
def test_strange_manifests_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = stored(tmp_path).manifest_path
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        find_checkpoint(path)


def test_without_a_manifest_there_is_no_checkpoint(tmp_path: Path) -> None:
    made = stored(tmp_path)
    made.manifest_path.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        find_checkpoint(tmp_path / "baseline_seed1_best.pt")
    with pytest.raises(CheckpointError, match="drivegate train"):
        find_checkpoint(tmp_path / "nowhere" / "latest")
    with pytest.raises(PolicyArgumentError, match=r"student.*checkpoint.*drivegate train"):
        check("student", {"checkpoint": str(tmp_path / "nowhere")})


def test_a_run_pins_the_checkpoint_that_it_was_begun_with(tmp_path: Path) -> None:
    made = stored(tmp_path)
    pinned = pin("student", {"checkpoint": str(made.manifest_path)})
    assert pinned["identity"] == made.identity
    check("student", pinned)
    ck.with_metrics(made, {"val/loss": 1.0})
    check("student", pinned)  # metrics do not drive
    (tmp_path / "baseline_seed1_best.pt").write_bytes(b"trained again")
    again = {ck.WEIGHTS: file_entry(tmp_path / "baseline_seed1_best.pt")}
    write_manifest(made.manifest_path, replace(made.manifest, files=again))
    with pytest.raises(PolicyArgumentError, match=r"not the checkpoint that this run was begun with"):
        check("student", pinned)
    assert pin("constant", {"speed_mps": 3.0}) == {"speed_mps": 3.0}
    assert pin("somebody:Else", {"wheels": 4}) == {"wheels": 4}


def test_weights_with_code_in_them_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")
    from policies.nets.weights import load_tensors, save_tensors

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (print, ("this must not be printed",))

    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"a": Evil()}, protocol=2))
    torch.save({"a": Evil()}, tmp_path / "evil2.pt")
    torch.save({"a": 3}, tmp_path / "odd.pt")
    for name in ("evil.pt", "evil2.pt", "odd.pt"):
        with pytest.raises(CheckpointError):
            load_tensors(tmp_path / name)
    save_tensors(tmp_path / "half.pt", {"a": torch.ones(2, dtype=torch.float16)})
    assert load_tensors(tmp_path / "half.pt")["a"].dtype == torch.float32
