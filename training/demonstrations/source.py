"""DemonstrationSource: samples of a split, straight from the data set that `drivegate collect` wrote."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from policies.sensor_bundle import Float, Int, LightState, RouteAhead
from policies.student.config import LIGHT_REACH_M, Light, StudentConfig
from policies.student.observation import CameraHistory, Observation
from training.data.sample import Sample, SampleError
from training.data.text import HashingEncoder, TextEncoder
from training.demonstrations.features import COLUMNS, FPS, IMAGE_PREFIX, block
from training.demonstrations.manifest import EpisodeEntry, Manifest, read_manifest
from training.demonstrations.sentences import STEADY
from training.demonstrations.splits import check_disjoint

_STANDS_MPS = 0.2
_NUMBERS = (
    "observation.state",
    "observation.ego_history",
    "observation.route.points",
    "observation.route.distances_m",
    "observation.route.commands",
    "observation.route.count",
    "observation.route.remaining_m",
    "teacher.plan",
    "teacher.error",
    "future",
    "future_count",
    "labels.lights",
    "labels.light_count",
    "tick",
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which frames become samples, and with which future.

    Attributes:
        every: n-th frame of an episode, of ten a second.
        rarer: how many times more rarely where the car stands and stays, or keeps its speed on a free
            road: one red light is worth some samples, not a hundred.
        lights: how many times more often where the car moves and a traffic light is near: most of a drive is
            without any, and who comes to a green one is seldom shown that it is green.
        recorded_future: what the car drove, not the expert's plan; frames whose 6.4 s are not all known are
            left out.
        largest_error_m, largest_error_rad: frames further off the expert's path are left out: no label of a
            rule-based planner is worth much there.
    """

    every: int = 5
    rarer: int = 2
    lights: int = 2
    recorded_future: bool = False
    largest_error_m: float = 3.0
    largest_error_rad: float = 1.0


class DemonstrationSource:
    """Samples of one split of one data set.

    Pictures stay JPEG in memory (about 5 kB each) and are decoded when a sample is read.

    Args:
        folder: of the data set.
        split: "train", "val" or "test".
        config: of the student: how many pictures it sees, of which cameras.
        selection: which frames.
        encoder: of the sentences; the hashing encoder if None.

    Raises:
        SampleError: no such data set or split, a damaged file, or a camera that it lacks.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        config: StudentConfig,
        selection: Selection | None = None,
        encoder: TextEncoder | None = None,
    ) -> None:
        self.manifest = read_manifest(folder)
        self.split = split
        self._folder = folder
        self._selection = selection or Selection()
        self._frames = config.frames
        self._episodes = [e for e in self.manifest.episodes if e.split == split]
        if not self._episodes:
            splits = ", ".join(sorted({e.split for e in self.manifest.episodes}))
            raise SampleError(f"{folder} has no split {split!r}; there are: {splits}")
        self._cameras = _cameras(folder, self.manifest, config)
        table = _read(folder, self._episodes, [camera.name for camera in self._cameras])
        self._numbers: dict[str, np.ndarray] = {name: block(COLUMNS[name], table[name]) for name in _NUMBERS}
        self._images = {
            camera.name: pa.chunked_array(
                [chunk.field("bytes") for chunk in table[IMAGE_PREFIX + camera.name].chunks], pa.binary()
            ).combine_chunks()
            for camera in self._cameras
        }
        texts = table["teacher.text"].combine_chunks().dictionary_encode()
        self._text_of = np.asarray(texts.indices)
        self._texts: list[str] = texts.dictionary.to_pylist()
        self._embeddings = (encoder or HashingEncoder()).encode(self._texts)
        lengths = [entry.frames for entry in self._episodes]
        self._episode_of = np.repeat(np.arange(len(lengths)), lengths)
        self._first = np.cumsum([0, *lengths])[:-1]
        self._chosen = self._choose()

    @property
    def name(self) -> str:
        """For messages and manifests."""
        return f"demonstrations-{self._folder.name}-{self.split}-{len(self)}"

    @property
    def sha256(self) -> str:
        """Hash of the data set's content."""
        return self.manifest.sha256

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._chosen)

    def sample(self, index: int) -> Sample:
        """Read one.

        Raises:
            IndexError: there is none. SampleError: a picture is damaged.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        row, numbers = int(self._chosen[index]), self._numbers
        episode = int(self._episode_of[row])
        entry = self._episodes[episode]
        label = numbers["future" if self._selection.recorded_future else "teacher.plan"][row]
        history = numbers["observation.ego_history"][row].astype(np.float64)
        text = int(self._text_of[row])
        rows = np.maximum(np.arange(row - self._frames + 1, row + 1), self._first[episode])
        return Sample(
            clip_id=f"{entry.town}-{entry.route_id}-{entry.traffic}",
            t0_us=round((row - int(self._first[episode])) * 1_000_000 / FPS),
            observation=Observation(
                cameras={
                    camera.name: CameraHistory(
                        self._pictures(camera.name, rows, entry),
                        camera.intrinsics,
                        camera.position_in_ego,
                        camera.rotation_camera_to_ego,
                    )
                    for camera in self._cameras
                },
                history_position_in_ego=history[:, :3],
                history_roll_pitch_yaw_rad=history[:, 3:],
                route=self._route(row),
            ),
            future_position_in_ego=np.column_stack([label[:, :2], np.zeros(len(label))]).astype(np.float64),
            future_yaw_in_ego_rad=np.unwrap(label[:, 2].astype(np.float64)),
            text=self._texts[text],
            text_embedding=self._embeddings[text],
            light=self._light(row),
        )

    def _choose(self) -> Int:
        """Rows of the samples."""
        chosen, numbers = self._selection, self._numbers
        error = np.abs(numbers["teacher.error"])
        good = (error[:, 0] <= chosen.largest_error_m) & (error[:, 1] <= chosen.largest_error_rad)
        if chosen.recorded_future:
            good &= numbers["future_count"] == numbers["future"].shape[1]
        place = np.arange(len(self._episode_of)) - self._first[self._episode_of]
        stands = np.abs(numbers["observation.state"][:, 0]) < _STANDS_MPS
        # Who stands and is about to set off is as telling as who drives.
        sets_off = stands & (numbers["teacher.plan"][:, 19, 0] > 0.5)
        steady = np.array([text.endswith(STEADY) for text in self._texts])[self._text_of]
        lit = np.array([self._light(row) is not Light.NONE for row in range(len(stands))])
        every = chosen.every * np.where((stands & ~sets_off) | (~stands & steady & ~lit), chosen.rarer, 1)
        every = np.where(lit & ~stands | sets_off, np.maximum(every // chosen.lights, 1), every)
        # Episodes begin at different places of the stride, so that not all samples of a stretch are alike.
        found: Int = np.flatnonzero(good & ((place + self._episode_of) % every == 0)).astype(np.int64)
        if not len(found):
            raise SampleError(f"{self._folder}: no frame of split {self.split} is fit to be a sample")
        return found

    def _pictures(self, camera: str, rows: np.ndarray, entry: EpisodeEntry) -> NDArray[np.uint8]:
        try:
            shown = [
                np.asarray(Image.open(io.BytesIO(self._images[camera][int(row)].as_py())).convert("RGB"))
                for row in rows
            ]
        except (OSError, TypeError) as error:
            raise SampleError(
                f"{self._folder}: a picture of {camera} of route {entry.route_id} is damaged ({error}):"
                " run drivegate data verify --demonstrations, and collect again"
            ) from error
        return np.stack(shown)

    def _light(self, row: int) -> Light:
        if int(self._numbers["labels.light_count"][row]) == 0:
            return Light.NONE
        _, state, ahead_m = self._numbers["labels.lights"][row, 0]
        if ahead_m > LIGHT_REACH_M:
            return Light.NONE
        return Light.STOP if int(state) in (LightState.RED, LightState.YELLOW) else Light.GO

    def _route(self, row: int) -> RouteAhead:
        numbers = self._numbers
        count = int(numbers["observation.route.count"][row])
        return RouteAhead(
            points_in_ego=numbers["observation.route.points"][row, :count].astype(np.float64),
            commands=numbers["observation.route.commands"][row, :count].astype(np.int64),
            distances_m=numbers["observation.route.distances_m"][row, :count].astype(np.float64),
            remaining_m=float(numbers["observation.route.remaining_m"][row]),
        )


class Concatenation:
    """Several sources, one after the other: rounds of demonstrations.

    Raises:
        SplitError: a route is in one split of one data set and in another split of another.
    """

    def __init__(self, sources: Sequence[DemonstrationSource]) -> None:
        check_disjoint(entry.model_dump() for source in sources for entry in source.manifest.episodes)
        self._sources = sources
        self._ends = np.cumsum([len(source) for source in sources])

    @property
    def name(self) -> str:
        """For messages and manifests."""
        return "+".join(source.name for source in self._sources)

    @property
    def sha256(self) -> str:
        """Of all of them."""
        return hashlib.sha256(" ".join(source.sha256 for source in self._sources).encode()).hexdigest()

    def __len__(self) -> int:
        """Number of samples."""
        return int(self._ends[-1])

    def sample(self, index: int) -> Sample:
        """Read one."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        place = int(np.searchsorted(self._ends, index, side="right"))
        return self._sources[place].sample(index - (int(self._ends[place - 1]) if place else 0))


def open_demonstrations(
    folders: Sequence[Path],
    split: str,
    config: StudentConfig,
    selection: Selection | None = None,
    encoder: TextEncoder | None = None,
) -> Concatenation:
    """Samples of a split of several data sets; those that have no such split are passed over.

    Raises:
        SampleError: none of them has it, or one is damaged. SplitError: see `Concatenation`.
    """
    check_disjoint(entry.model_dump() for folder in folders for entry in read_manifest(folder).episodes)
    having = [f for f in folders if any(e.split == split for e in read_manifest(f).episodes)]
    if not having:
        raise SampleError(f"none of {', '.join(map(str, folders))} has a split {split!r}")
    return Concatenation([DemonstrationSource(f, split, config, selection, encoder) for f in having])


@dataclass(frozen=True, slots=True)
class _Camera:
    name: str
    intrinsics: Float
    position_in_ego: Float
    rotation_camera_to_ego: Float


def _cameras(folder: Path, manifest: Manifest, config: StudentConfig) -> list[_Camera]:
    known = {camera.name: camera for camera in manifest.cameras}
    found = []
    for wanted in config.camera_specs():
        camera = known.get(wanted.name)
        size = None if camera is None else (camera.width, camera.height)
        if camera is None or size != (wanted.width, wanted.height):
            there = ", ".join(f"{c.name} {c.width} x {c.height}" for c in manifest.cameras)
            raise SampleError(
                f"{folder} has no camera {wanted.name} of {wanted.width} x {wanted.height} pixels; there are:"
                f" {there}. Collect with the student's --model-size, --rig and picture size"
            )
        found.append(
            _Camera(
                camera.name,
                np.array(camera.intrinsics),
                np.array(camera.position_in_ego),
                np.array(camera.rotation_camera_to_ego),
            )
        )
    return found


def _read(folder: Path, episodes: Sequence[EpisodeEntry], cameras: Sequence[str]) -> pa.Table:
    """Frames of episodes, in order; each is a row group, and only those are read."""
    wanted = {entry.episode_index: entry for entry in episodes}
    columns = [*_NUMBERS, "teacher.text", *(IMAGE_PREFIX + name for name in cameras)]
    tables: dict[int, pa.Table] = {}
    for path in sorted((folder / "data").rglob("*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    index = _episode_of(file, group)
                    if index in wanted:
                        tables[index] = file.read_row_group(group, columns=columns)
        except (pa.ArrowException, OSError, KeyError) as error:
            raise SampleError(f"{path} is damaged ({error}): restore it, or collect again") from error
    for index, entry in wanted.items():
        if index not in tables or len(tables[index]) != entry.frames:
            raise SampleError(
                f"{folder}: episode {index} (route {entry.route_id}) is not whole in data: restore it, or"
                " collect again"
            )
    return pa.concat_tables([tables[index] for index in wanted])


def _episode_of(file: pq.ParquetFile, group: int) -> int:
    return int(file.read_row_group(group, columns=["episode_index"])["episode_index"][0].as_py())
