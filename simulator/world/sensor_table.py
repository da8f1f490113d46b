"""Sensors of CARLA 0.9.16: their attributes with CARLA's defaults.

Every sensor also has `role_name` and `ros_name`; `simulator.world.blueprints` adds them.
"""

from __future__ import annotations

AttributeRow = tuple[str, str, str]
"""Attribute id, type name ("bool", "int", "float", "string"), default."""

Rows = tuple[AttributeRow, ...]


def _floats(**defaults: str) -> Rows:
    return tuple((name, "float", value) for name, value in defaults.items())


def _ints(**defaults: str) -> Rows:
    return tuple((name, "int", value) for name, value in defaults.items())


_TICK = _floats(sensor_tick="0.0")

_CAMERA: Rows = (
    *_TICK,
    *_ints(image_size_x="800", image_size_y="600"),
    *_floats(
        fov="90.0",
        lens_circle_falloff="5.0",
        lens_circle_multiplier="0.0",
        lens_k="-1.0",
        lens_kcube="0.0",
        lens_x_size="0.08",
        lens_y_size="0.08",
    ),
)

_POSTPROCESS: Rows = (
    ("enable_postprocess_effects", "bool", "true"),
    ("exposure_mode", "string", "histogram"),
    ("blade_count", "int", "5"),
    *_floats(
        gamma="2.2",
        motion_blur_intensity="0.45",
        motion_blur_max_distortion="0.35",
        motion_blur_min_object_screen_size="0.1",
        lens_flare_intensity="0.1",
        bloom_intensity="0.675",
        exposure_compensation="0.0",
        shutter_speed="200.0",
        iso="100.0",
        fstop="1.4",
        min_fstop="1.2",
        exposure_min_bright="10.0",
        exposure_max_bright="12.0",
        exposure_speed_up="3.0",
        exposure_speed_down="1.0",
        calibration_constant="16.0",
        focal_distance="1000.0",
        blur_amount="1.0",
        blur_radius="0.0",
        slope="0.88",
        toe="0.55",
        shoulder="0.26",
        black_clip="0.0",
        white_clip="0.04",
        temp="6500.0",
        tint="0.0",
        chromatic_aberration_intensity="0.0",
        chromatic_aberration_offset="0.0",
    ),
)

_DVS: Rows = (
    *_floats(
        positive_threshold="0.3",
        negative_threshold="0.3",
        sigma_positive_threshold="0.0",
        sigma_negative_threshold="0.0",
        log_eps="0.001",
    ),
    ("refractory_period_ns", "int", "0"),
    ("use_log", "bool", "true"),
)

_LIDAR: Rows = (
    *_TICK,
    *_ints(channels="32", points_per_second="56000"),
    *_floats(
        range="10.0", rotation_frequency="10.0", upper_fov="10.0", lower_fov="-30.0", horizontal_fov="360.0"
    ),
)

_LIDAR_NOISE: Rows = (
    *_floats(
        atmosphere_attenuation_rate="0.004",
        dropoff_general_rate="0.45",
        dropoff_intensity_limit="0.8",
        dropoff_zero_intensity="0.4",
        noise_stddev="0.0",
    ),
    ("noise_seed", "int", "0"),
)

_V2X: Rows = (
    *_TICK,
    *_floats(
        transmit_power="21.5",
        receiver_sensitivity="-99.0",
        frequency_ghz="5.9",
        noise_seed="0",
        filter_distance="500.0",
    ),
)

CHOICES: dict[str, tuple[str, ...]] = {"exposure_mode": ("histogram", "manual")}
"""Attribute id -> the only values that clients may set; CARLA refuses others."""

SENSORS: dict[str, Rows] = {
    "sensor.camera.rgb": _CAMERA + _POSTPROCESS,
    "sensor.camera.depth": _CAMERA,
    "sensor.camera.normals": _CAMERA,
    "sensor.camera.optical_flow": _CAMERA,
    "sensor.camera.semantic_segmentation": _CAMERA,
    "sensor.camera.instance_segmentation": _CAMERA,
    "sensor.camera.dvs": _CAMERA + _POSTPROCESS + _DVS,
    "sensor.lidar.ray_cast": _LIDAR + _LIDAR_NOISE,
    "sensor.lidar.ray_cast_semantic": _LIDAR,
    "sensor.other.collision": (),
    "sensor.other.lane_invasion": (),
    "sensor.other.rss": (),
    "sensor.other.gnss": (
        *_TICK,
        *(
            (f"noise_{axis}_{part}", "float", "0.0")
            for axis in ("lat", "lon", "alt")
            for part in ("bias", "stddev")
        ),
        ("noise_seed", "int", "0"),
    ),
    "sensor.other.imu": (
        *_TICK,
        *((f"noise_accel_stddev_{axis}", "float", "0.0") for axis in "xyz"),
        *((f"noise_gyro_stddev_{axis}", "float", "0.0") for axis in "xyz"),
        *((f"noise_gyro_bias_{axis}", "float", "0.0") for axis in "xyz"),
        ("noise_seed", "int", "0"),
    ),
    "sensor.other.obstacle": (
        *_TICK,
        *_floats(distance="5.0", hit_radius="0.5"),
        ("only_dynamics", "bool", "false"),
        ("debug_linetrace", "bool", "false"),
    ),
    "sensor.other.radar": (
        *_TICK,
        *_floats(horizontal_fov="30.0", vertical_fov="30.0", range="100.0"),
        ("points_per_second", "int", "1500"),
        ("noise_seed", "int", "0"),
    ),
    "sensor.other.v2x": _V2X,
    "sensor.other.v2x_custom": _V2X,
}
"""Blueprint id -> attributes."""
