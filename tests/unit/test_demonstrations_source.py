"""A data set of demonstrations: a student is trained on what it is served, and damage is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from policies.sensor_bundle import LightState
from policies.student.config import Light, StudentConfig, student_config
from policies.student.features import features_of
from policies.student.observation import ObservationMemory
from tests.support.demonstrations import dataset
from tests.support.student import tiny
from training.data.files import FileSource, write_split
from training.data.sample import SampleError
from training.demonstrations.features import COLUMNS, LEROBOT, block, column
from training.demonstrations.manifest import read_manifest
from training.demonstrations.source import DemonstrationSource, Selection, open_demonstrations
from training.demonstrations.splits import SplitError
from training.demonstrations.verify import verify_demonstrations

EVERY_FRAME = Selection(every=1, rarer=1)


def test_what_is_trained_on_is_what_the_policy_saw(tmp_path: Path) -> None:
    drives = dataset(tmp_path)
    config = tiny()
    source = DemonstrationSource(tmp_path, "train", config, EVERY_FRAME)
    frames = [(bundles, i) for bundles in drives[:2] for i in range(len(bundles))]
    assert len(source) == len(frames)
    for index in (0, 1, 2, 17, 40, 41, len(frames) - 1):
        bundles, last = frames[index]
        memory = ObservationMemory(config.frames)
        for bundle in bundles[: last + 1]:
            memory.add(bundle)
        served = features_of(memory.observation(bundles[last].route), config).arrays()
        trained = features_of(source.sample(index).observation, config).arrays()
        for name, value in served.items():
            if name == "images":  # went through JPEG
                assert np.abs(trained[name].astype(int) - value).max() <= 3
            else:
                assert trained[name] == pytest.approx(value, abs=2e-5), name


def test_labels_are_the_plan_or_what_was_driven(tmp_path: Path) -> None:
    drives = dataset(tmp_path, ("train",))
    plan = DemonstrationSource(tmp_path, "train", tiny(), EVERY_FRAME).sample(10)
    ego, later = drives[0][10].ego, drives[0][20].ego
    driven_m = float(np.linalg.norm(later.position_in_map - ego.position_in_map))
    assert plan.future_position_in_ego[9, 0] == pytest.approx(driven_m, abs=0.3)
    assert "because the road ahead is free" in plan.text
    with pytest.raises(SampleError, match="no frame"):  # 4 s: no frame has all of its 6.4 s
        DemonstrationSource(tmp_path, "train", tiny(), Selection(recorded_future=True))


def put_a_light(folder: Path, state: LightState, stop_line_m: float) -> None:
    """Write a traffic light into every frame of the data set."""
    path = folder / "data/chunk-000/file-000.parquet"
    frames = pq.read_table(path)
    lights = np.zeros((len(frames), *COLUMNS["labels.lights"].shape), np.float32)
    lights[:, 0] = 7, state, stop_line_m
    for name, values in (("labels.lights", lights), ("labels.light_count", np.ones(len(frames), np.int64))):
        column_of = column(COLUMNS[name], values)
        frames = frames.set_column(frames.column_names.index(name), name, column_of)
    pq.write_table(frames, path)


def test_frames_before_lights_are_taken_more_often(tmp_path: Path) -> None:
    """Every second frame where a light is near, otherwise every sixth, or twelfth of steady driving."""
    frames = len(dataset(tmp_path, ("train",))[0])
    chosen = Selection(every=6, rarer=2, lights=3)
    steady = len(DemonstrationSource(tmp_path, "train", tiny(), chosen))
    assert frames / 12 <= steady <= frames / 6 + 1
    put_a_light(tmp_path, LightState.GREEN, 20.0)
    assert len(DemonstrationSource(tmp_path, "train", tiny(), chosen)) == frames // 2
    put_a_light(tmp_path, LightState.GREEN, 40.0)
    assert len(DemonstrationSource(tmp_path, "train", tiny(), chosen)) == steady


@pytest.mark.parametrize(
    ("state", "stop_line_m", "light"),
    [
        (LightState.RED, 20.0, Light.STOP),
        (LightState.YELLOW, -0.5, Light.STOP),
        (LightState.GREEN, 29.0, Light.GO),
        (LightState.OFF, 10.0, Light.GO),
        (LightState.RED, 31.0, Light.NONE),
    ],
)
def test_samples_say_what_the_light_says(
    tmp_path: Path, state: LightState, stop_line_m: float, light: Light
) -> None:
    dataset(tmp_path, ("train",))
    assert DemonstrationSource(tmp_path, "train", tiny(), EVERY_FRAME).sample(10).light is Light.NONE
    put_a_light(tmp_path, state, stop_line_m)
    assert DemonstrationSource(tmp_path, "train", tiny(), EVERY_FRAME).sample(10).light is light


def test_lerobot_layout(tmp_path: Path) -> None:
    dataset(tmp_path)
    info = json.loads((tmp_path / "meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["splits"]) == (
        "v3.0",
        10,
        {"train": "0:2", "val": "2:3"},
    )
    episodes = pq.read_table(tmp_path / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    frames = pq.read_table(tmp_path / "data/chunk-000/file-000.parquet")
    assert set(frames.column_names) == set(info["features"])
    assert frames["index"].to_pylist() == list(range(info["total_frames"]))
    for row in episodes:
        mine = frames.slice(row["dataset_from_index"], row["length"])
        assert set(mine["episode_index"].to_pylist()) == {row["episode_index"]}
        assert mine["frame_index"].to_pylist() == list(range(row["length"]))
        assert mine["timestamp"].to_numpy() == pytest.approx(np.arange(row["length"]) / 10.0)
        state = block(COLUMNS["observation.state"], mine["observation.state"]).astype(np.float64)
        assert row["stats/observation.state/mean"] == pytest.approx(state.mean(0), abs=1e-6)
    stats = json.loads((tmp_path / "meta/stats.json").read_text())
    state = block(COLUMNS["observation.state"], frames["observation.state"]).astype(np.float64)
    assert stats["observation.state"]["mean"] == pytest.approx(state.mean(0), abs=1e-6)
    assert stats["observation.state"]["std"] == pytest.approx(state.std(0), abs=1e-6)
    assert np.shape(stats["observation.images.front_wide"]["mean"]) == (3, 1, 1)
    tasks = pq.read_table(tmp_path / "meta/tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    for name, feature in {**COLUMNS, **LEROBOT}.items():
        assert info["features"][name]["shape"] == list(feature.shape)


def damage_a_byte(folder: Path) -> None:
    path = folder / "data/chunk-000/file-000.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def forget_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def lose_statistics(folder: Path) -> None:
    (folder / "meta/stats.json").unlink()


def add_a_file(folder: Path) -> None:
    (folder / "data/chunk-000/file-001.parquet").write_bytes(b"")


def break_the_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"split"', '"spilt"', 1))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (damage_a_byte, "file-000.parquet has changed"),
        (forget_the_manifest, "manifest.json is missing"),
        (lose_statistics, "stats.json is missing"),
        (add_a_file, "file-001.parquet is not in"),
        (break_the_manifest, "manifest.json: episodes.0"),
    ],
)
def test_damage_is_found(tmp_path: Path, spoil: Callable[[Path], None], told: str) -> None:
    dataset(tmp_path, ("train", "val"))
    assert [s.split for s in verify_demonstrations(tmp_path)] == ["train", "val"]
    spoil(tmp_path)
    with pytest.raises(SampleError, match=told):
        verify_demonstrations(tmp_path)


@pytest.mark.parametrize(
    ("split", "config", "told"),
    [
        ("test", tiny(), "has no split 'test'; there are: train, val"),
        ("train", student_config("nano"), "has no camera front_wide of .*; there are: front_wide 48 x 32"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, split: str, config: StudentConfig, told: str) -> None:
    dataset(tmp_path, ("train", "val"))
    with pytest.raises(SampleError, match=told):
        DemonstrationSource(tmp_path, split, config)


def test_rounds_are_put_together_unless_a_route_changes_its_split(tmp_path: Path) -> None:
    dataset(tmp_path / "one", ("train", "val"))
    dataset(tmp_path / "two", ("train",))
    both = open_demonstrations([tmp_path / "one", tmp_path / "two"], "train", tiny())
    assert len(both) == 2 * len(open_demonstrations([tmp_path / "two"], "train", tiny()))
    assert both.sample(len(both) - 1).clip_id == both.sample(0).clip_id
    assert len(open_demonstrations([tmp_path / "one", tmp_path / "two"], "val", tiny())) > 0
    dataset(tmp_path / "three", ("val",))
    with pytest.raises(SplitError, match="route r0 of Town01 is in split val"):
        open_demonstrations([tmp_path / "one", tmp_path / "three"], "train", tiny())
    assert read_manifest(tmp_path / "one").sha256 != read_manifest(tmp_path / "three").sha256


def test_demonstrations_become_files_in_the_published_layout(tmp_path: Path) -> None:
    dataset(tmp_path / "set", ("train",))
    source = DemonstrationSource(tmp_path / "set", "train", tiny())
    path = write_split(source, tmp_path / "labels", tmp_path / "frames", "train")
    read = FileSource(path, tmp_path / "labels", tmp_path / "frames", tiny())
    assert len(read) == len(source)
    for index in (0, len(source) - 1):
        a, b = read.sample(index), source.sample(index)
        assert (a.clip_id, a.t0_us, a.text) == (b.clip_id, b.t0_us, b.text)
        assert a.future_position_in_ego == pytest.approx(b.future_position_in_ego, abs=1e-5)
        ours, theirs = features_of(a.observation, tiny()), features_of(b.observation, tiny())
        assert (ours.images == theirs.images).all()
        assert ours.route == pytest.approx(theirs.route, abs=1e-5)
