"""Samples: files in S4's layout, teachers, texts; and that a student is served what it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from policies.sensor_bundle import Command
from policies.student.config import StudentConfig, StudentConfigError, student_config
from policies.student.features import ObservationError, features_of
from policies.student.observation import ObservationMemory
from policies.unicycle import integrate
from tests.support.student import bundle, tiny
from training.data import layout
from training.data.dummy import DummySource
from training.data.files import FileSource, write_split
from training.data.sample import SampleError
from training.data.shards import merge_shards, verify_split, write_labels
from training.data.teacher import ExpertTeacher, TaughtSource, teacher
from training.data.text import HashingEncoder


def written(folder: Path, count: int = 5) -> tuple[FileSource, DummySource]:
    source = DummySource(tiny(), count, seed=3)
    labels = write_split(source, folder / "labels", folder / "frames", "train")
    return FileSource(labels, folder / "labels", folder / "frames", tiny()), source


def test_files_give_back_what_was_written(tmp_path: Path) -> None:
    read, source = written(tmp_path)
    assert len(read) == len(source)
    for index in range(len(source)):
        a, b = read.sample(index), source.sample(index)
        assert (a.clip_id, a.t0_us, a.text) == (b.clip_id, b.t0_us, b.text)
        assert a.future_position_in_ego == pytest.approx(b.future_position_in_ego, abs=1e-5)
        assert a.future_yaw_in_ego_rad == pytest.approx(b.future_yaw_in_ego_rad, abs=1e-6)
        ours, theirs = features_of(a.observation, tiny()), features_of(b.observation, tiny())
        for name, value in theirs.arrays().items():
            assert ours.arrays()[name] == pytest.approx(value, abs=1e-5), name
    report = verify_split(
        layout.labels_path(tmp_path / "labels", "train"), tmp_path / "labels", tmp_path / "frames", tiny()
    )
    assert (report.samples, report.clips, report.with_text, report.with_route) == (5, 2, 5, True)


def spoil(path: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    with np.load(path) as archive:
        arrays = dict(archive)
    change(arrays)
    np.savez(path, **arrays)


def set_nan(arrays: dict[str, np.ndarray]) -> None:
    arrays["trajectory_xyz"][2, 5, 0] = np.nan


def stretch(arrays: dict[str, np.ndarray]) -> None:
    arrays["trajectory_rot"][1] *= 1.1


def shorten(arrays: dict[str, np.ndarray]) -> None:
    arrays["trajectory_xyz"] = arrays["trajectory_xyz"][:, :60]


def pickle_texts(arrays: dict[str, np.ndarray]) -> None:
    arrays["coc_texts"] = arrays["coc_texts"].astype(object)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_nan, "trajectory_xyz of sample 2 has values that are not finite"),
        (stretch, "trajectory_rot of sample 1 is not a rotation"),
        (shorten, r"trajectory_xyz is float32 \(5, 60, 3\)"),
        (pickle_texts, "pickled objects"),
    ],
)
def test_wrong_labels_are_refused_with_file_and_sample(
    tmp_path: Path, change: Callable[[dict[str, np.ndarray]], None], message: str
) -> None:
    written(tmp_path)
    path = layout.labels_path(tmp_path / "labels", "train")
    spoil(path, change)
    with pytest.raises(SampleError, match=message) as caught:
        FileSource(path, tmp_path / "labels", tmp_path / "frames", tiny())
    assert str(path) in str(caught.value)


def test_pictures_of_another_moment_and_damaged_files_are_refused(tmp_path: Path) -> None:
    read, _ = written(tmp_path)
    first, second = (layout.frames_path(tmp_path / "frames", "train", i) for i in (0, 1))
    second.write_bytes(first.read_bytes())
    with pytest.raises(SampleError, match="do not belong together"):
        read.sample(1)
    second.write_bytes(first.read_bytes()[:100])
    with pytest.raises(SampleError, match="sample_00001"):
        read.sample(1)


def test_shards_merge_into_what_one_would_have_written(tmp_path: Path) -> None:
    source = TaughtSource(DummySource(tiny(), 7, seed=3), ExpertTeacher(), HashingEncoder())
    for shard in range(3):
        write_labels(source, tmp_path / "parts", "train", shard, 3)
    merged = layout.read_arrays(merge_shards(tmp_path / "parts", "train", 3), layout.LABELS)
    whole = layout.read_arrays(write_labels(source, tmp_path / "whole", "train"), layout.LABELS)
    for name, value in whole.items():
        assert np.array_equal(merged[name], value), name
    next((tmp_path / "parts").glob("*shard2of3*")).unlink()
    with pytest.raises(SampleError, match="shard2of3"):
        merge_shards(tmp_path / "parts", "train", 3)


def test_a_missing_teacher_says_how_to_get_it() -> None:
    with pytest.raises(SampleError, match=r"github.com/NVlabs/alpamayo.*--teacher expert.*missing"):
        teacher("alpamayo")
    with pytest.raises(SampleError, match=r"expert, alpamayo"):
        teacher("somebody")


def test_sentences_that_share_words_are_near_each_other() -> None:
    a, b, c, nothing = HashingEncoder().encode(
        ["Stopping for the red light.", "Stopping for a red light ahead.", "Yielding to a pedestrian.", ""]
    )
    assert np.linalg.norm(a) == pytest.approx(1.0)
    assert a @ b > a @ c + 0.2
    assert not nothing.any()
    assert np.array_equal(HashingEncoder().encode(["Stopping for the red light."])[0], a)


def test_memory_keeps_ten_pictures_a_second_and_the_poses_behind() -> None:
    config = tiny(frames=4)
    memory = ObservationMemory(4)
    taken = [tick for tick in range(60) if memory.add(bundle(config, tick))]
    assert taken == list(range(0, 60, 2))
    seen = memory.observation(bundle(config, 58).route)
    shown = seen.cameras["front_wide"].rgb
    for offset, tick in enumerate((52, 54, 56, 58)):
        assert np.array_equal(shown[offset], bundle(config, tick).views.images["front_wide"].rgb)
    assert seen.history_position_in_ego[:, 0] == pytest.approx(0.5 * np.arange(-15, 1), abs=1e-9)
    assert np.abs(seen.history_position_in_ego[:, 1]).max() < 1e-9
    assert features_of(seen, config).v0_mps == pytest.approx(5.0, abs=1e-5)
    memory.reset()
    memory.add(bundle(config, 4))
    padded = memory.observation(None)
    assert not padded.history_position_in_ego.any()
    assert len(padded.cameras["front_wide"].rgb) == 4


def test_camera_matrix_sees_the_ground_where_it_is() -> None:
    config = tiny()
    observation = DummySource(config, 1, seed=0).sample(0).observation
    projection = features_of(observation, config).ego_to_image[0]
    left, ahead = (projection @ np.array([x, y, 0.0, 1.0]) for x, y in ((12.0, 3.0), (12.0, 0.0)))
    assert ahead[2] > 0.0
    assert ahead[0] / ahead[2] == pytest.approx(0.0, abs=1e-6)
    assert left[0] / left[2] < -0.05  # what lies to the left is seen on the left
    assert 0.0 < ahead[1] / ahead[2] < 1.0  # the ground lies in the lower half


def test_what_does_not_fit_the_student_is_named() -> None:
    observation = DummySource(tiny(), 1, seed=0).sample(0).observation
    with pytest.raises(ObservationError, match=r"front_wide.*\(2, 32, 48, 3\)"):
        features_of(observation, tiny(image_width=64))
    with pytest.raises(ObservationError, match="cross_left"):
        features_of(observation, student_config("110m"))
    with pytest.raises(StudentConfigError, match="num_modes=4"):
        tiny(num_modes=4)
    with pytest.raises(StudentConfigError, match="view_tokens"):
        tiny(view_tokens=False)
    with pytest.raises(StudentConfigError, match="110m"):
        student_config("gigantic")
    assert StudentConfig.from_json(student_config("500m").to_json()) == student_config("500m")


def test_dummy_drives_are_what_their_numbers_say() -> None:
    source = DummySource(tiny(), 40, seed=1)
    turns = set()
    for index in range(len(source)):
        sample = source.sample(index)
        features = features_of(sample.observation, tiny())
        route = sample.observation.route
        assert route is not None
        turns.add(Command(int(route.commands[0])))
        constant = integrate(np.zeros((10, 2)), float(features.v0_mps))
        assert np.abs(sample.future_position_in_ego[:10, 0] - constant[:, 0]).max() < 1.3
        way = np.linalg.norm(np.diff(sample.future_position_in_ego[:, :2], axis=0), axis=1)
        assert sample.text.startswith("Stopping") == (way[-1] < 0.8 * way[0])
    assert turns == {Command.LANE_FOLLOW, Command.LEFT, Command.RIGHT}
