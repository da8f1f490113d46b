"""Named weathers by day: the parameters of CARLA's presets, and which of them are kept out of training.

Values: `carla.WeatherParameters` of the wheel 0.9.16 (a test compares them). A policy that is trained on
`TRAINING` only can be judged on `HELD_OUT`: wet and rainy sunsets as in NoCrash (Codevilla et al. 2019), and
two noons.
"""

from __future__ import annotations

from collections.abc import Mapping

from scenarios.route import WeatherKeyframe

_AIR = {"fog_distance": 0.75, "fog_falloff": 0.1, "scattering_intensity": 1.0, "mie_scattering_scale": 0.03}
_NOON, _SUNSET = 45.0, 15.0


def _preset(
    sun: float, clouds: float, fog: float, wind: float = 10.0, rain: float = 0.0, puddles: float = 0.0
) -> Mapping[str, float]:
    return _AIR | {
        "sun_altitude_angle": sun,
        "sun_azimuth_angle": -1.0,
        "cloudiness": clouds,
        "fog_density": fog,
        "wind_intensity": wind,
        "precipitation": rain,
        "precipitation_deposits": puddles,
    }


WEATHERS: Mapping[str, Mapping[str, float]] = {
    "ClearNoon": _preset(_NOON, 5.0, 2.0),
    "CloudyNoon": _preset(_NOON, 60.0, 3.0),
    "WetNoon": _preset(_NOON, 5.0, 3.0, puddles=50.0),
    "WetCloudyNoon": _preset(_NOON, 60.0, 3.0, puddles=50.0),
    "SoftRainNoon": _preset(_NOON, 20.0, 3.0, wind=30.0, rain=30.0, puddles=50.0),
    "MidRainyNoon": _preset(_NOON, 60.0, 3.0, wind=60.0, rain=60.0, puddles=60.0),
    "HardRainNoon": _preset(_NOON, 100.0, 7.0, wind=100.0, rain=100.0, puddles=90.0),
    "ClearSunset": _preset(_SUNSET, 5.0, 2.0),
    "CloudySunset": _preset(_SUNSET, 60.0, 3.0),
    "WetSunset": _preset(_SUNSET, 5.0, 2.0, puddles=50.0),
    "WetCloudySunset": _preset(_SUNSET, 60.0, 2.0, puddles=50.0),
    "SoftRainSunset": _preset(_SUNSET, 20.0, 2.0, wind=30.0, rain=30.0, puddles=50.0),
    "MidRainSunset": _preset(_SUNSET, 60.0, 3.0, wind=60.0, rain=60.0, puddles=60.0),
    "HardRainSunset": _preset(_SUNSET, 100.0, 7.0, wind=100.0, rain=100.0, puddles=90.0),
}
"""CARLA's weather parameters by preset."""

HELD_OUT = ("WetCloudyNoon", "SoftRainNoon", "WetSunset", "SoftRainSunset")
"""Never seen in training."""

TRAINING = tuple(name for name in WEATHERS if name not in HELD_OUT)
"""What demonstrations are collected in."""


def keyframes(weather: str) -> tuple[WeatherKeyframe, ...]:
    """The weather of a route that has the same weather all along."""
    return (WeatherKeyframe(0.0, WEATHERS[weather]),)
