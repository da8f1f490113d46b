"""What `drivegate collect` is asked for: routes, weathers, who drives, what is recorded, and how."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from harness.typed_config import StrictModel
from policies.student.config import RIGS, SIZES, student_config
from scenarios.weathers import HELD_OUT, TRAINING, WEATHERS
from training.demonstrations.settings import DriverSettings
from training.engine.flags import flag

_SETS = {"training": TRAINING, "held-out": HELD_OUT, "all": tuple(WEATHERS)}


def _words(value: Any) -> Any:
    """Read "a,b" as ("a", "b")."""
    return tuple(w.strip() for w in value.split(",") if w.strip()) if isinstance(value, str) else value


def _numbers(value: Any) -> Any:
    """Read "0,20", or a single number."""
    return (value,) if isinstance(value, int) else _words(value)


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Times = Annotated[tuple[Annotated[float, Field(gt=0.0)], ...], BeforeValidator(_words)]
Numbers = Annotated[tuple[Annotated[int, Field(ge=0, le=500)], ...], BeforeValidator(_numbers)]


class RouteConfig(StrictModel):
    """What is driven."""

    towns: Words = flag("--towns", ("Town01",), "towns to draw routes in, with commas")
    val_towns: Words = flag("--val-towns", (), "towns whose routes all go to the split val")
    suites: Words = flag("--suites", (), "suites or route files instead of drawn routes, with commas")
    episodes: int = flag("--episodes", 60, "routes to draw, over all towns", ge=1)
    length_m: float = flag("--route-length", 250.0, "of a drawn route, about, m", gt=20.0)
    weathers: Words = flag("--weathers", ("training",), "names, or training, held-out, all; taken in turn")
    traffic: Numbers = flag("--traffic", (0,), "background vehicles, such as 0,20; taken in turn")
    light_times_s: Times = flag(
        "--light-times",
        (),
        "seconds that traffic lights are green, yellow, and red before the next one's turn, such as 6,2,1:"
        " short ones waste less of a drive on standing; the server's if empty",
    )
    val_share: float = flag(
        "--val-share", 0.15, "share of each town's routes for the split val", ge=0.0, lt=1.0
    )
    test_share: float = flag("--test-share", 0.0, "likewise for test", ge=0.0, lt=1.0)

    @model_validator(mode="after")
    def _check(self) -> RouteConfig:
        if len(self.light_times_s) not in (0, 3):
            raise ValueError("light_times are three numbers: green, yellow and red")
        unknown = [name for name in self.weathers if name not in WEATHERS and name not in _SETS]
        if unknown:
            raise ValueError(f"no weather {unknown[0]!r}; there are: {', '.join((*_SETS, *WEATHERS))}")
        if not self.traffic or not self.weathers:
            raise ValueError("traffic and weathers need at least one value")
        if self.val_share + self.test_share >= 1.0:
            raise ValueError("val_share and test_share leave nothing to train on")
        both = set(self.towns) & set(self.val_towns)
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be for training and for val")
        return self

    def weather_names(self) -> tuple[str, ...]:
        """The weathers by name, each once."""
        names = [name for given in self.weathers for name in _SETS.get(given, (given,))]
        return tuple(dict.fromkeys(names))


class DriverConfig(StrictModel):
    """Who drives."""

    policy: str = flag(
        "--policy", "expert", "who drives: expert, or student:CHECKPOINT, which it watches over"
    )
    expert_share: float = flag(
        "--expert-share",
        0.3,
        "share of the stretches that the expert drives beside another policy",
        ge=0.0,
        le=1.0,
    )
    noise: float = flag(
        "--noise", 1.0, "strength of the pulses on steering and pedals (0: off)", ge=0.0, le=3.0
    )


class SensorConfig(StrictModel):
    """What is recorded."""

    model_size: str = flag("--model-size", "nano", f"student whose cameras are used: {', '.join(SIZES)}")
    rig: str | None = flag("--rig", None, f"other cameras: {', '.join(RIGS)}")
    image_height: int | None = flag("--image-height", None, "pixels", ge=16)
    image_width: int | None = flag("--image-width", None, "pixels", ge=16)
    lidar: bool = flag("--lidar", False, "record a LiDAR of 32 channels too")
    jpeg_quality: int = flag("--jpeg-quality", 92, "of the pictures", ge=1, le=95)


class RunSection(StrictModel):
    """How it is done."""

    seed: int = flag("--seed", 0, "of routes, traffic and disturbances", ge=0)


class CollectConfig(StrictModel):
    """The whole configuration of a collection."""

    routes: RouteConfig = RouteConfig()
    driver: DriverConfig = DriverConfig()
    sensors: SensorConfig = SensorConfig()
    run: RunSection = RunSection()

    def driver_settings(self) -> DriverSettings:
        """What the driver is told.

        Raises:
            StudentConfigError: no such size.
        """
        sensors = self.sensors
        student = student_config(sensors.model_size)
        name, _, checkpoint = self.driver.policy.partition(":")
        alone = name == "expert"
        is_student = name == "student"
        return DriverSettings(
            cameras=student.cameras if sensors.rig is None else RIGS[sensors.rig],
            image_height=sensors.image_height or student.image_height,
            image_width=sensors.image_width or student.image_width,
            lidar=sensors.lidar,
            jpeg_quality=sensors.jpeg_quality,
            noise=self.driver.noise,
            policy=name if alone or is_student else self.driver.policy,
            policy_args={"checkpoint": checkpoint} if is_student else {},
            expert_share=1.0 if alone else self.driver.expert_share,
        )

    @model_validator(mode="after")
    def _check(self) -> CollectConfig:
        if self.sensors.model_size not in SIZES:
            raise ValueError(f"no model size {self.sensors.model_size!r}; there are: {', '.join(SIZES)}")
        if self.sensors.rig is not None and self.sensors.rig not in RIGS:
            raise ValueError(f"no rig {self.sensors.rig!r}; there are: {', '.join(RIGS)}")
        if self.driver.policy == "student":
            raise ValueError("name the student's checkpoint: --policy student:checkpoints/student/best")
        return self
