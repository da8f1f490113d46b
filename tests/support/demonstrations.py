"""Small data sets of demonstrations, written by the real writer from drives in a kinematic world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from policies.frames import rotation_matrix
from policies.plan import Control
from policies.sensor_bundle import CameraImage, SensorBundle, Views
from policies.student.config import StudentConfig
from tests.support.policies_world import DT_S, World, straight_road
from tests.support.student import TINY, tiny
from training.demonstrations.config import CollectConfig
from training.demonstrations.lerobot import LeRobotWriter, split_ranges
from training.demonstrations.manifest import (
    SCHEMA,
    CameraEntry,
    EpisodeEntry,
    Manifest,
    hash_files,
    write_manifest,
)
from training.demonstrations.recording import Recording, features_of_rig


def seen(world: World, config: StudentConfig, tick: int) -> SensorBundle:
    """The bundle of a tick, with smooth pictures that tell the tick: JPEG keeps them well."""
    bundle = world._bundle(tick, tick * DT_S)
    images = {}
    for spec in config.camera_specs():
        ramp = np.linspace(0.0, 120.0, spec.width)[None, :, None]
        rgb = np.broadcast_to(ramp + tick % 100, (spec.height, spec.width, 3)).astype(np.uint8)
        images[spec.name] = CameraImage(
            rgb=np.ascontiguousarray(rgb),
            intrinsics=spec.intrinsics,
            position_in_ego=np.array(spec.position_in_ego),
            rotation_camera_to_ego=rotation_matrix(*spec.roll_pitch_yaw_rad),
        )
    return replace(bundle, views=Views(images=images))


def record(path: Path, config: StudentConfig, seconds: float, speed_mps: float = 6.0) -> list[SensorBundle]:
    """Let the expert drive a straight road and record it; returns the bundles of the frames."""
    world = straight_road()
    world.speed_mps = speed_mps
    recording = Recording(path, config.camera_specs(), (), 95)
    frames = []
    for tick in range(round(seconds / DT_S)):
        bundle = seen(world, config, tick)
        control: Control = world.policy.step(bundle)
        decision, intent = world.policy.decision, world.policy.intent()
        assert decision is not None
        assert intent is not None
        if tick % 2 == 0:
            recording.add(bundle, decision, intent, control, expert=True)
            frames.append(bundle)
        world._drive(control)
    recording.write()
    return frames


def dataset(folder: Path, splits: Sequence[str] = ("train", "train", "val")) -> list[list[SensorBundle]]:
    """Write a data set with an episode per split; returns the bundles of its frames by episode."""
    config = tiny()
    request = CollectConfig.model_validate(
        {"sensors": {"image_height": TINY["image_height"], "image_width": TINY["image_width"]}}
    )
    writer = LeRobotWriter(folder, features_of_rig(config.camera_specs()))
    drives, entries = [], []
    for index, split in enumerate(splits):
        part = folder / "parts" / f"{index}.parquet"
        drives.append(record(part, config, 4.0 + index, speed_mps=4.0 + index))
        table = pq.read_table(part)
        writer.add(table)
        entries.append(
            EpisodeEntry(
                episode_index=index,
                split=split,
                route_id=f"r{index}",
                town="Town01",
                route_key=f"key{index}",
                weather={},
                traffic=0,
                seed=index,
                outcome="completed",
                frames=len(table),
                recorded=len(table),
            )
        )
    writer.finish(split_ranges(splits))
    cameras = [CameraEntry.of(spec) for spec in config.camera_specs()]
    write_manifest(
        folder,
        Manifest(
            schema_version=SCHEMA,
            config=request.model_dump(mode="json"),
            driver=asdict(request.driver_settings()),
            versions={},
            server="kinematic",
            cameras=cameras,
            episodes=entries,
            rejected=[],
            files=hash_files(folder),
        ),
    )
    return drives
