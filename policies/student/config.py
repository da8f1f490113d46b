"""What a student looks like: cameras, sizes and heads. Plain dataclasses, without torch or pydantic.

Sizes 110m, 250m and 500m follow the published tables of alpamayo-r1-distilled (MIT); `nano` is ours, for
two CPU cores. A configuration is stored whole in every checkpoint's manifest and read back from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import IntEnum, StrEnum
from typing import Any

from policies.interface import CameraSpec

HISTORY_STEPS = 16
"""Poses of the ego's history at 10 Hz, the last one now."""

PLAN_STEPS = 64
"""Plan steps at 10 Hz: 6.4 s."""

PICTURE_PERIOD_S = 0.1
"""Time between pictures."""

TEXT_DIM = 384
"""Size of a sentence embedding (all-MiniLM-L6-v2)."""

LIGHT_REACH_M = 30.0
"""A traffic light whose stop line is further ahead does not count for the light head."""


class StudentConfigError(ValueError):
    """A student's configuration cannot be."""


class Head(StrEnum):
    """How plan steps come out of the decoder."""

    UNICYCLE = "unicycle"
    """Acceleration and curvature, integrated."""

    DISCRETE = "discrete"
    """The same as tokens over uniform bins."""

    DIRECT = "direct"
    """x, y, sine and cosine of the heading."""


class Light(IntEnum):
    """What the traffic light that governs the route says, as the light head answers it."""

    NONE = 0
    """There is none within `LIGHT_REACH_M`."""

    GO = 1
    STOP = 2
    """Red or yellow."""


class RouteInput(StrEnum):
    """What the student is told of the route."""

    NONE = "none"
    COMMAND = "command"
    TARGET_POINT = "target_point"
    """The command, and one point of the route ahead."""

    PATH = "path"
    """The command, and points along the route."""


@dataclass(frozen=True, slots=True)
class StudentCamera:
    """One camera of the rig, as `policies.interface.CameraSpec` but in degrees, because people type them."""

    name: str
    fov_deg: float = 90.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    position_in_ego: tuple[float, float, float] = (2.0, 0.0, 1.5)

    def spec(self, width: int, height: int) -> CameraSpec:
        """The camera as the harness knows it: ten pictures a second."""
        angles = (0.0, math.radians(self.pitch_deg), math.radians(self.yaw_deg))
        return CameraSpec(
            self.name, width, height, self.fov_deg, self.position_in_ego, angles, period_s=PICTURE_PERIOD_S
        )


_FRONT = StudentCamera("front_wide", 120.0, 0.0, 0.0, (0.0, 0.0, 2.3))
"""Far back and wide, as TransFuser's: from the stop line it still sees the traffic light beside the line."""

RIGS: Mapping[str, tuple[StudentCamera, ...]] = {
    "front": (_FRONT,),
    # The four of Alpamayo-R1 by name; the angles are ours.
    "alpamayo4": (
        StudentCamera("cross_left", 120.0, 60.0, 0.0, (1.9, 0.9, 1.2)),
        StudentCamera("front_wide", 120.0, 0.0, 0.0, (2.0, 0.0, 1.5)),
        StudentCamera("cross_right", 120.0, -60.0, 0.0, (1.9, -0.9, 1.2)),
        StudentCamera("front_tele", 30.0, 0.0, 0.0, (2.0, 0.0, 1.5)),
    ),
    "surround6": (
        StudentCamera("front", 70.0, 0.0, 0.0, (2.0, 0.0, 1.5)),
        StudentCamera("front_left", 70.0, 55.0, 0.0, (1.9, 0.6, 1.5)),
        StudentCamera("front_right", 70.0, -55.0, 0.0, (1.9, -0.6, 1.5)),
        StudentCamera("back", 110.0, 180.0, 0.0, (-0.6, 0.0, 1.5)),
        StudentCamera("back_left", 70.0, 110.0, 0.0, (1.4, 0.6, 1.5)),
        StudentCamera("back_right", 70.0, -110.0, 0.0, (1.4, -0.6, 1.5)),
    ),
}


@dataclass(frozen=True, slots=True)
class StudentConfig:
    """A student.

    Attributes:
        size: name of the preset that it came from.
        reasoning: whether it has the text head.
        cameras: 1 to 6.
        frames: pictures per camera, 10 Hz, oldest first; stacked as channels.
        image_height, image_width: pixels.
        backbone: layers of the ResNet, 18, 50 or 101; backbone_stages: 2 (stride 8) to 4
            (stride 32); backbone_width: channels of its first stage.
        view_tokens: whether the decoder also asks the pictures' coarsest maps, cell by cell. What stands
            above the ground, such as a traffic light, is in no ground cell.
        light_head: whether it is asked for the traffic light, too (`Light`); what it finds is also told to
            the plan. Needs view_tokens.
        dim, heads, layers, ffn: of the decoder.
        bev_x_m, bev_y_m: extent of the ground plane, forward and to the left.
        bev_cell_m: side of a cell; bev_pool: cells per token and side.
        head: how plan steps come out. num_modes: 1 or 6. num_action_bins: of the discrete head.
        dropout: of the decoder.
        route_input: what it is told; route_points and route_spacing_m: of the path; the target point is at
            their product.
        acceleration_bound_mps2, curvature_bound_radpm: bounds of the actions.
        acceleration_mean_mps2, acceleration_std_mps2, curvature_std_radpm: normalisation of the actions
            (published; from the teacher's data).
        gradient_checkpointing: recompute activations in the backward pass.

    Raises:
        StudentConfigError: names the value.
    """

    size: str = "nano"
    reasoning: bool = False
    cameras: tuple[StudentCamera, ...] = RIGS["front"]
    frames: int = 4
    image_height: int = 144
    image_width: int = 320
    backbone: int = 18
    backbone_stages: int = 3
    backbone_width: int = 32
    view_tokens: bool = True
    light_head: bool = True
    dim: int = 128
    heads: int = 4
    layers: int = 3
    ffn: int = 512
    bev_x_m: tuple[float, float] = (0.0, 40.0)
    bev_y_m: tuple[float, float] = (-12.0, 12.0)
    bev_cell_m: float = 2.0
    bev_pool: int = 1
    head: Head = Head.UNICYCLE
    num_modes: int = 1
    num_action_bins: int = 256
    dropout: float = 0.0
    route_input: RouteInput = RouteInput.PATH
    route_points: int = 16
    route_spacing_m: float = 2.5
    acceleration_bound_mps2: float = 9.8
    curvature_bound_radpm: float = 0.3
    acceleration_mean_mps2: float = -0.055
    acceleration_std_mps2: float = 0.989
    curvature_std_radpm: float = 0.022
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.cameras) <= 6:
            raise StudentConfigError(f"a student has 1 to 6 cameras, not {len(self.cameras)}")
        if len({camera.name for camera in self.cameras}) != len(self.cameras):
            raise StudentConfigError("two cameras have the same name")
        if self.num_modes not in (1, 6):
            raise StudentConfigError(f"num_modes={self.num_modes}; there are 1 and 6")
        if self.head is Head.DISCRETE and self.num_modes != 1:
            raise StudentConfigError("discrete actions have one mode")
        if self.backbone not in (18, 50, 101) or self.backbone_stages not in (2, 3, 4):
            raise StudentConfigError(f"no ResNet-{self.backbone} with {self.backbone_stages} stages")
        if self.dim % self.heads or self.frames < 1 or self.num_action_bins < 2:
            raise StudentConfigError("dim must be a multiple of heads; frames >= 1; num_action_bins >= 2")
        if self.light_head and not self.view_tokens:
            raise StudentConfigError("the light head looks at view tokens: light_head needs view_tokens")
        if self.backbone_width < 8 or self.backbone_width % 8:
            raise StudentConfigError(f"backbone_width={self.backbone_width} is not a multiple of 8")
        if any(cells % self.bev_pool for cells in self.bev_cells):
            raise StudentConfigError(f"bev_pool={self.bev_pool} does not divide {self.bev_cells} cells")

    @property
    def bev_cells(self) -> tuple[int, int]:
        """Cells of the ground plane along x and along y."""
        return (
            round((self.bev_x_m[1] - self.bev_x_m[0]) / self.bev_cell_m),
            round((self.bev_y_m[1] - self.bev_y_m[0]) / self.bev_cell_m),
        )

    @property
    def view_cells(self) -> tuple[int, int]:
        """Rows and columns of the coarsest map of a picture."""
        stride = 2 ** (self.backbone_stages + 1)
        return -(-self.image_height // stride), -(-self.image_width // stride)

    @property
    def route_count(self) -> int:
        """Points of the route in the input."""
        return {RouteInput.PATH: self.route_points, RouteInput.TARGET_POINT: 1}.get(self.route_input, 0)

    @property
    def route_horizon_m(self) -> float:
        """How far ahead the route is asked for."""
        return self.route_points * self.route_spacing_m + 5.0

    def camera_specs(self) -> tuple[CameraSpec, ...]:
        """The cameras as the harness knows them."""
        return tuple(camera.spec(self.image_width, self.image_height) for camera in self.cameras)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> StudentConfig:
        """Read what `to_json` gave.

        Raises:
            StudentConfigError: an unknown key or a value of the wrong kind.
        """
        unknown = set(values) - {field.name for field in fields(StudentConfig)}
        if unknown:
            raise StudentConfigError(f"unknown keys {sorted(unknown)}; made by a later version?")
        try:
            given = dict(values)
            for key in ("bev_x_m", "bev_y_m"):
                if key in given:
                    given[key] = tuple(float(v) for v in given[key])
            for key, kind in (("head", Head), ("route_input", RouteInput)):
                if key in given:
                    given[key] = kind(given[key])
            if "cameras" in given:
                given["cameras"] = tuple(
                    StudentCamera(**{**camera, "position_in_ego": tuple(camera["position_in_ego"])})
                    for camera in given["cameras"]
                )
            return StudentConfig(**given)
        except (TypeError, KeyError, ValueError) as error:
            raise StudentConfigError(f"not a student's configuration: {error}") from error


_LARGE = StudentConfig(
    cameras=RIGS["alpamayo4"],
    image_height=224,
    image_width=224,
    backbone_stages=4,
    backbone_width=64,
    view_tokens=False,
    light_head=False,
    bev_x_m=(-50.0, 50.0),
    bev_y_m=(-50.0, 50.0),
    bev_cell_m=0.5,
    bev_pool=5,
    dropout=0.15,
    route_input=RouteInput.NONE,
)
SIZES: Mapping[str, StudentConfig] = {
    "nano": StudentConfig(),
    "110m": replace(_LARGE, size="110m", backbone=50, dim=768, heads=12, layers=8, ffn=3072),
    "250m": replace(_LARGE, size="250m", backbone=50, dim=1024, heads=16, layers=12, ffn=4096),
    "500m": replace(
        _LARGE,
        size="500m",
        backbone=101,
        dim=1280,
        heads=20,
        layers=16,
        ffn=5120,
        gradient_checkpointing=True,
    ),
}


def student_config(size: str, **changes: Any) -> StudentConfig:
    """Return a preset with changes.

    Raises:
        StudentConfigError: no such size, or the changes do not fit.
    """
    if size not in SIZES:
        raise StudentConfigError(f"no model size {size!r}; there are: {', '.join(SIZES)}")
    return replace(SIZES[size], **changes)
