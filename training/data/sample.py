"""Sample: one moment of driving with what came after it; and SampleSource, where samples come from.

The input of a sample is an `Observation`, the very thing that a policy sees in closed loop.
Demonstrations are
recorded by feeding the episode's `SensorBundle`s to `ObservationMemory`, as `StudentPolicy` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from policies.sensor_bundle import Float
from policies.student.config import PLAN_STEPS, TEXT_DIM, Light
from policies.student.observation import Observation


class SampleError(ValueError):
    """A sample or its file is not what it should be. The message names the file, the id and the remedy."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment.

    Attributes:
        clip_id: episode or clip that it is from; splits are by clip, never by moment.
        t0_us: when, in the clip.
        observation: what a student sees.
        future_position_in_ego: (64, 3) m, rear axle 0.1 s to 6.4 s later, in the ego frame of now.
        future_yaw_in_ego_rad: (64,) heading.
        text: why the teacher drives like this; may be empty.
        text_embedding: (384,) of the text, unit length; zeros without text.
        light: what the traffic light that governs the route says; None where nobody knows.

    Raises:
        SampleError: a shape is wrong or a value is not finite.
    """

    clip_id: str
    t0_us: int
    observation: Observation
    future_position_in_ego: Float
    future_yaw_in_ego_rad: Float
    text: str
    text_embedding: Float
    light: Light | None = None

    def __post_init__(self) -> None:
        for name, shape in (
            ("future_position_in_ego", (PLAN_STEPS, 3)),
            ("future_yaw_in_ego_rad", (PLAN_STEPS,)),
            ("text_embedding", (TEXT_DIM,)),
        ):
            value = getattr(self, name)
            if value.shape != shape:
                raise SampleError(
                    f"clip {self.clip_id} at {self.t0_us} us: {name} is {value.shape}, not {shape}"
                )
            if not np.isfinite(value).all():
                raise SampleError(
                    f"clip {self.clip_id} at {self.t0_us} us: {name} has values that are not finite"
                )


class SampleSource(Protocol):
    """A data set: a sequence of samples that can be read in any order, from several processes."""

    @property
    def name(self) -> str:
        """For messages and manifests."""
        ...

    @property
    def sha256(self) -> str:
        """Hash of the content, for the checkpoint's manifest."""
        ...

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def sample(self, index: int) -> Sample:
        """Read one."""
        ...
