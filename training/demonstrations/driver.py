"""DemonstrationDriver: the policy that drives while demonstrations are collected, and writes them.

The expert decides in every tick, whoever drives: its plan from where the car is now is the label. So a label
leads back to the path after a disturbance, and corrects a student that the expert lets drive (DAgger, Ross et
al. 2011).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.policy_guard import PolicyGuard
from harness.seeds import derive_seed
from policies import registry
from policies.expert import ExpertPolicy
from policies.interface import CameraSpec, EpisodeContext, LidarSpec, PrivilegedSpec, SensorSpec
from policies.plan import Control
from policies.sensor_bundle import SensorBundle
from training.demonstrations.disturbance import Disturbance
from training.demonstrations.features import FPS
from training.demonstrations.mixture import Mixture
from training.demonstrations.recording import PART, Recording
from training.demonstrations.settings import DriverSettings


class DemonstrationDriver:
    """The expert, or the expert and another policy in turns, with disturbances; writes what happens.

    Args:
        settings: see there.
    """

    def __init__(self, settings: DriverSettings) -> None:
        self._settings = settings
        self._expert = ExpertPolicy()
        other = settings.policy != "expert"
        self._other = PolicyGuard(registry.create(settings.policy, settings.policy_args)) if other else None
        self._folder = Path()
        self._recording: Recording | None = None
        self._disturbance = Disturbance(0.0, 0)
        self._mixture = Mixture(1.0, 0)
        self._next_frame_s = 0.0

    def sensors(self) -> tuple[SensorSpec, ...]:
        """Ask for what is recorded, and for what the policies see; a camera that both ask for comes once.

        Raises:
            ValueError: the policy has a camera of a name of the rig that is another camera.
        """
        cameras, lidars = self._settings.camera_specs(), self._settings.lidar_specs()
        recorded: tuple[CameraSpec | LidarSpec, ...] = (*cameras, *lidars)
        specs: list[SensorSpec] = [*self._expert.sensors(), *recorded]
        mine = {spec.name: spec for spec in recorded}
        for spec in () if self._other is None else self._other.sensors():
            name = getattr(spec, "name", None)
            if name not in mine:
                specs.append(spec)
            elif spec != mine[name]:
                raise ValueError(
                    f"camera {name} of policy {self._settings.policy} is {spec}, the rig's is {mine[name]}:"
                    " collect with the rig and the picture size of the policy"
                )
        return tuple(spec for spec in specs if not isinstance(spec, PrivilegedSpec)) + tuple(
            spec for spec in self._expert.sensors() if isinstance(spec, PrivilegedSpec)
        )

    def begin_files(self, folder: Path) -> None:
        """Take the folder of the episode."""
        self._folder = folder

    def reset(self, context: EpisodeContext) -> None:
        """Begin an episode."""
        settings = self._settings
        self._expert.reset(context)
        if self._other is not None:
            self._other.reset(replace(context, lane_map=None))
        self._disturbance = Disturbance(settings.noise, derive_seed(context.seed, "disturbance"))
        self._mixture = Mixture(settings.expert_share, derive_seed(context.seed, "mixture"))
        self._recording = Recording(
            self._folder / PART, settings.camera_specs(), settings.lidar_specs(), settings.jpeg_quality
        )
        self._next_frame_s = 0.0

    def step(self, bundle: SensorBundle) -> Control:
        """Let whoever's turn it is drive, and record ten frames a second."""
        wanted = self._expert.step(bundle)
        decision = self._expert.decision
        if decision is None or self._recording is None:
            raise RuntimeError("`reset` was not called")
        control = wanted
        expert = self._mixture.expert_drives(bundle.t_s, decision, bundle.ego.speed_mps)
        if self._other is not None:
            theirs = self._other.step(replace(bundle, privileged=None))
            control = control if expert else theirs
        control = self._disturbance.disturb(control, bundle.t_s, bundle.ego.speed_mps)
        intent = self._expert.intent() if bundle.t_s + 1e-6 >= self._next_frame_s else None
        if intent is not None:
            self._recording.add(bundle, decision, intent, control, expert=expert)
            self._next_frame_s = (round(bundle.t_s * FPS) + 1) / FPS
        return replace(control, forecast=wanted.forecast)

    def end_files(self) -> None:
        """Write the episode."""
        if self._recording is not None:
            self._recording.write()

    def close(self) -> None:
        """Let go of the town and the other policy."""
        self._expert.close()


def make_driver(settings: str) -> DemonstrationDriver:
    """Build a driver from the argument that a run stores.

    Args:
        settings: JSON of `DriverSettings`.
    """
    return DemonstrationDriver(DriverSettings.from_json(settings))
