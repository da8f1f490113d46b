"""LeRobot v3 layout: parts of episodes -> one data set that the `lerobot` package reads.

    meta/info.json                            features, frame rate, splits as ranges of episodes
    meta/stats.json                           statistics of every column
    meta/tasks.parquet                        what the route asks for, in words
    meta/episodes/chunk-000/file-000.parquet  where each episode lies, and its statistics
    data/chunk-000/file-000.parquet           frames, episode after episode; pictures are JPEG inside

Written from the format's description and the readers of lerobot 0.4 (Apache-2.0); no code of it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from policies.sensor_bundle import Command
from training.demonstrations.features import FPS, LEROBOT, Feature, column
from training.demonstrations.sentences import TASKS
from training.demonstrations.statistics import Stats, combine, episode_stats

VERSION = "v3.0"
INFO, STATS, TASKS_FILE = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
CHUNK, FILE_MB = 1000, 100
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_ROBOT = "carla vehicle.lincoln.mkz_2020"


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """Where an episode lies in the data set.

    Attributes:
        index: of the episode.
        length: frames.
        tasks: what its route asks for, in words.
        file: chunk and file of its frames.
        first: index of its first frame in the data set.
        stats: of its columns.
    """

    index: int
    length: int
    tasks: tuple[str, ...]
    file: tuple[int, int]
    first: int
    stats: Mapping[str, Stats]


class LeRobotWriter:
    """Appends episodes to a new data set; `finish` makes it complete.

    Args:
        folder: where `meta` and `data` go.
        features: columns of the parts.
    """

    def __init__(self, folder: Path, features: Mapping[str, Feature]) -> None:
        self._folder = folder
        self._features = {**features, **LEROBOT}
        self._rows: list[EpisodeRow] = []
        self._writer: pq.ParquetWriter | None = None
        self._file = 0
        self._bytes = 0
        self._frames = 0

    def add(self, table: pa.Table) -> None:
        """Append the frames of an episode; it becomes a row group of its own."""
        count = len(table)
        commands = table["observation.route.command"]
        numbers = {
            "timestamp": np.arange(count) / FPS,
            "frame_index": np.arange(count),
            "episode_index": np.full(count, len(self._rows)),
            "index": np.arange(self._frames, self._frames + count),
        }
        for name, values in numbers.items():
            table = table.append_column(name, column(LEROBOT[name], list(values)))
        table = table.append_column("task_index", commands.combine_chunks())
        writer = self._open(table.schema)
        writer.write_table(table, row_group_size=max(count, 1))
        asked = sorted(set(commands.to_pylist()))
        self._rows.append(
            EpisodeRow(
                len(self._rows),
                count,
                tuple(TASKS[Command(c)] for c in asked),
                divmod(self._file, CHUNK),
                self._frames,
                episode_stats(table, self._features),
            )
        )
        self._frames += count
        self._bytes += table.nbytes
        if self._bytes > FILE_MB * 1e6:
            self._close()

    def finish(self, splits: Mapping[str, str]) -> None:
        """Write what `meta` holds.

        Args:
            splits: name -> "first:end" of episodes.
        """
        self._close()
        self._write_episodes()
        self._write_tasks()
        total = combine([row.stats for row in self._rows]) if self._rows else {}
        self._write_json(STATS, {n: {k: v.tolist() for k, v in stats.items()} for n, stats in total.items()})
        self._write_json(
            INFO,
            {
                "codebase_version": VERSION,
                "robot_type": _ROBOT,
                "total_episodes": len(self._rows),
                "total_frames": self._frames,
                "total_tasks": len(TASKS),
                "chunks_size": CHUNK,
                "data_files_size_in_mb": FILE_MB,
                "video_files_size_in_mb": FILE_MB,
                "fps": FPS,
                "splits": dict(splits),
                "data_path": DATA_PATH,
                "video_path": None,
                "features": {name: feature.to_json() for name, feature in self._features.items()},
            },
        )

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        if self._writer is None:
            chunk, file = divmod(self._file, CHUNK)
            path = self._folder / DATA_PATH.format(chunk_index=chunk, file_index=file)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        return self._writer

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._file += 1
            self._bytes = 0

    def _write_episodes(self) -> None:
        rows = []
        for row in self._rows:
            chunk, file = row.file
            stats = {f"stats/{n}/{k}": v.tolist() for n, s in row.stats.items() for k, v in s.items()}
            rows.append(
                {
                    "episode_index": row.index,
                    "tasks": list(row.tasks),
                    "length": row.length,
                    "data/chunk_index": chunk,
                    "data/file_index": file,
                    "dataset_from_index": row.first,
                    "dataset_to_index": row.first + row.length,
                    "meta/episodes/chunk_index": 0,
                    "meta/episodes/file_index": 0,
                    **stats,
                }
            )
        path = self._folder / EPISODES_PATH.format(chunk_index=0, file_index=0)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")

    def _write_tasks(self) -> None:
        """Tasks as pandas would write a frame whose index is the text: that is how lerobot reads them."""
        names = [TASKS[command] for command in Command]
        table = pa.table({"task_index": pa.array([int(c) for c in Command], pa.int64()), "task": names})

        def described(name: str, pandas_type: str, numpy_type: str) -> dict[str, Any]:
            return {
                "name": name,
                "field_name": name,
                "pandas_type": pandas_type,
                "numpy_type": numpy_type,
                "metadata": None,
            }

        index = {
            "index_columns": ["task"],
            "column_indexes": [],
            "columns": [described("task_index", "int64", "int64"), described("task", "unicode", "object")],
            "creator": {"library": "pyarrow", "version": pa.__version__},
            "pandas_version": "2.2.0",
        }
        table = table.replace_schema_metadata({"pandas": json.dumps(index)})
        pq.write_table(table, self._folder / TASKS_FILE)

    def _write_json(self, name: str, value: object) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n")


def split_ranges(splits: Sequence[str]) -> dict[str, str]:
    """Splits of episodes in order -> name -> "first:end".

    Raises:
        ValueError: the episodes of a split do not lie together.
    """
    ranges: dict[str, list[int]] = {}
    for index, split in enumerate(splits):
        span = ranges.setdefault(split, [index, index])
        if span[1] != index:
            raise ValueError(f"episodes of split {split} do not lie together")
        span[1] = index + 1
    return {split: f"{first}:{end}" for split, (first, end) in ranges.items()}
