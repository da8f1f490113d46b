"""Light: sun, sky, fog and the camera's answer to them, from CARLA's weather parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SKY_SIZE = 192
_TONE_SIZE, _TONE_MOST = 16384, 8.0
_FOG_STEP_M, _FOG_SIZE = 0.25, 4096
_NOISE = 256


@dataclass(frozen=True, slots=True)
class Weather:
    """CARLA's weather parameters; per cent and degrees, as on the wire.

    `wind_intensity` drives clouds on and slants the rain; `fog_falloff` is how fast fog thins with height;
    `scattering_intensity` makes the sun's haze; the two scales are those of haze and of blue air, which are
    0.03 and 0.0331 on a clear day.
    """

    cloudiness: float = 10.0
    precipitation: float = 0.0
    precipitation_deposits: float = 0.0
    sun_azimuth_deg: float = 300.0
    sun_altitude_deg: float = 45.0
    fog_density: float = 2.0
    fog_distance_m: float = 0.75
    wetness: float = 0.0
    dust_storm: float = 0.0
    wind_intensity: float = 0.0
    fog_falloff: float = 0.1
    scattering_intensity: float = 1.0
    mie_scattering_scale: float = 0.03
    rayleigh_scattering_scale: float = 0.0331


class Light(NamedTuple):
    """What the shading kernel needs.

    Attributes:
        sun: (3,) float32 unit vector towards the sun, or the moon.
        sun_rgb: (3,) float32 radiance times pi of a surface that faces it.
        above: (3,) float32 light from the sky.
        below: (3,) float32 light from the ground.
        fog_rgb: (3,) float32.
        fog: (4096,) float32 what is left of a colour every 0.25 m.
        sky: (SKY_SIZE, SKY_SIZE, 3) float32, octahedral map of the upper half.
        tone: (16384,) uint8 answer of the camera to 0 .. 8.
        noise: (256, 256) float32 with mean 0.
        wet: 0 dry .. 1 streaming.
        puddles: 0 none .. 1 everywhere.
        dark: 0 day .. 1 night.
    """

    sun: NDArray[np.float32]
    sun_rgb: NDArray[np.float32]
    above: NDArray[np.float32]
    below: NDArray[np.float32]
    fog_rgb: NDArray[np.float32]
    fog: NDArray[np.float32]
    sky: NDArray[np.float32]
    tone: NDArray[np.uint8]
    noise: NDArray[np.float32]
    wet: np.float32
    puddles: np.float32
    dark: np.float32


def make_light(weather: Weather) -> Light:
    """Light of a weather. The same weather gives the same bits."""
    altitude, azimuth = math.radians(weather.sun_altitude_deg), math.radians(weather.sun_azimuth_deg)
    sine = math.sin(altitude)
    day = _smooth((sine + 0.10) / 0.28)  # 0 at night, 1 in full daylight
    high = _smooth((sine + 0.02) / 0.70)
    cloud = _smooth(max(weather.cloudiness, weather.precipitation) / 100.0)
    warm = np.array([1.0, 0.5 + 0.45 * high, 0.25 + 0.62 * high])
    sun_rgb = warm * 2.6 * _smooth((sine + 0.01) / 0.22) * (1.0 - 0.93 * cloud)
    clear = np.array([0.50, 0.59, 0.72]) * (0.55 + 0.45 * high)
    grey = np.array([0.66, 0.69, 0.73]) * (0.45 + 0.55 * high) * (1.15 - 0.45 * cloud)
    above = (clear * (1.0 - cloud) + grey * cloud) * 1.25 * day
    above += np.array([0.018, 0.022, 0.034])
    direction = np.array(
        [math.cos(altitude) * math.cos(azimuth), math.cos(altitude) * math.sin(azimuth), sine]
    )
    if sine < 0.02:  # the moon takes over
        direction = np.array([0.45, -0.35, 0.82])
        sun_rgb = sun_rgb + np.array([0.035, 0.045, 0.07]) * (1.0 - day) * (1.0 - 0.8 * cloud)
    direction /= np.linalg.norm(direction)
    below = (above + sun_rgb * max(direction[2], 0.0) * 0.45) * np.array([0.16, 0.16, 0.13])
    dust = weather.dust_storm / 100.0
    sky = _sky(weather, day, high, cloud, above)
    horizon = sky.reshape(-1, 3)[_octahedral_directions()[..., 2].ravel() < 0.05].mean(axis=0)
    thick = weather.fog_density / 100.0
    glare = 0.06 * (weather.scattering_intensity - 1.0) * day * thick
    fog_rgb = (horizon + glare) * (1.0 - dust) + np.array([0.62, 0.44, 0.25]) * (0.1 + 0.6 * day) * dust
    # Fog that thins quickly with height is thin at the height of a driver's eyes, too.
    thick /= 1.0 + 0.9 * max(weather.fog_falloff - 0.1, 0.0)
    per_m = 0.0007 + 0.034 * thick**1.9 + 0.0024 * weather.precipitation / 100.0 + 0.022 * dust
    per_m += 0.006 * max(weather.mie_scattering_scale - 0.03, 0.0)
    far = np.maximum(np.arange(_FOG_SIZE) * _FOG_STEP_M - weather.fog_distance_m, 0.0)
    veil = min(1.0, 1.2 * thick + 0.9 * dust)
    soaked = max(weather.wetness, 0.85 * weather.precipitation, 0.9 * weather.precipitation_deposits)
    sky = sky * (1.0 - veil) + fog_rgb * veil
    bright = 0.55 + 0.45 * day
    return Light(
        direction.astype(np.float32),
        sun_rgb.astype(np.float32),
        above.astype(np.float32),
        below.astype(np.float32),
        fog_rgb.astype(np.float32),
        np.exp(-per_m * far).astype(np.float32),
        sky.astype(np.float32),
        _tone(1.0 / bright + 0.9 * (1.0 - day)),
        _noise(),
        np.float32(min(1.0, soaked / 100.0)),
        np.float32(weather.precipitation_deposits / 100.0),
        np.float32(1.0 - day),
    )


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)


def _octahedral_directions() -> NDArray[np.float64]:
    """(SKY_SIZE, SKY_SIZE, 3) unit vectors of the sky map's cells, z never below 0."""
    place = (np.arange(SKY_SIZE) + 0.5) / SKY_SIZE * 2.0 - 1.0
    u, v = np.meshgrid(place, place, indexing="xy")
    x, y = (u + v) / 2.0, (u - v) / 2.0
    d = np.stack([x, y, np.maximum(1.0 - np.abs(x) - np.abs(y), 0.0)], axis=-1)
    return np.asarray(d / np.linalg.norm(d, axis=-1, keepdims=True))


def _sky(
    weather: Weather, day: float, high: float, cloud: float, above: NDArray[np.float64]
) -> NDArray[np.float64]:
    d = _octahedral_directions()
    up = d[..., 2:]
    altitude, azimuth = math.radians(weather.sun_altitude_deg), math.radians(weather.sun_azimuth_deg)
    sun = np.array(
        [math.cos(altitude) * math.cos(azimuth), math.cos(altitude) * math.sin(azimuth), math.sin(altitude)]
    )
    air = weather.rayleigh_scattering_scale / 0.0331
    haze = weather.mie_scattering_scale / 0.03 * weather.scattering_intensity
    zenith = np.array([0.10, 0.24, 0.58]) * (0.25 + 0.75 * high)
    low = np.array([0.62, 0.70, 0.78]) * high + np.array([0.75, 0.42, 0.22]) * (1.0 - high)
    zenith = zenith * np.array([1.0, 1.0, 1.0 + 0.5 * (air - 1.0)]) * (0.6 + 0.4 * air)
    low = low + (np.array([0.80, 0.45, 0.25]) - low) * min(0.5, 0.15 * max(air - 1.0, 0.0))
    blue = (zenith + (low - zenith) * (1.0 - up) ** 4) * day
    blue = blue + (np.array([0.75, 0.76, 0.78]) * day - blue) * min(0.8, 0.5 * max(haze - 1.0, 0.0))
    toward = np.clip(d @ sun, 0.0, 1.0)[..., None]
    warm = np.array([1.0, 0.55 + 0.4 * high, 0.3 + 0.6 * high])
    glow = (
        warm
        * day
        * (0.5 * min(haze, 4.0) * toward**8 * (1.2 - high) + 1.5 * toward**64 + 14.0 * (toward > 0.9994))
    )
    grey = (above * np.array([0.95, 0.95, 0.97])) * (0.75 + 0.35 * up)
    covered = max(weather.cloudiness, weather.precipitation) / 100.0
    share = _cloud_cover(d, covered, weather.wind_intensity / 100.0)[..., None]
    puff = (above * 1.15 + warm * 0.45 * high * day) * (1.0 - 0.45 * cloud)
    open_sky = (blue + glow) * (1.0 - share) + (puff * (1.0 - cloud) + grey * cloud) * share
    night = np.array([0.010, 0.013, 0.026]) * (0.6 + 0.4 * (1.0 - up)) * (1.0 - day)
    return np.asarray(open_sky + night)


def _cloud_cover(d: NDArray[np.float64], amount: float, wind: float) -> NDArray[np.float64]:
    """Share of cloud in each direction: a layer of soft noise at a fixed height, drawn out by the wind."""
    place = d[..., :2] / (d[..., 2:] + 0.25) * 1.3 * np.array([1.0 - 0.55 * wind, 1.0 + 0.3 * wind])
    noise = _noise()
    total = np.zeros(d.shape[:2])
    for octave, weight in ((0.9, 0.55), (2.1, 0.28), (4.7, 0.17)):
        total += weight * _bilinear(noise, place[..., 0] * octave, place[..., 1] * octave)
    value = 0.5 + 0.9 * total
    edge = 1.0 - amount
    return np.clip((value - edge * 1.1 + 0.12) / 0.32, 0.0, 1.0) * min(1.0, 0.25 + 1.3 * amount)


def _bilinear(
    table: NDArray[np.float32], u: NDArray[np.float64], v: NDArray[np.float64]
) -> NDArray[np.float64]:
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    fu, fv = u - i, v - j
    fu, fv = fu * fu * (3.0 - 2.0 * fu), fv * fv * (3.0 - 2.0 * fv)
    n = _NOISE
    low = table[i % n, j % n] * (1.0 - fu) + table[(i + 1) % n, j % n] * fu
    high = table[i % n, (j + 1) % n] * (1.0 - fu) + table[(i + 1) % n, (j + 1) % n] * fu
    return np.asarray(low * (1.0 - fv) + high * fv)


def _noise() -> NDArray[np.float32]:
    """Grain between -1 and 1."""
    raw = np.random.default_rng(20).uniform(-1.0, 1.0, (_NOISE, _NOISE))
    return np.asarray(raw - raw.mean(), np.float32)


def _tone(exposure: float) -> NDArray[np.uint8]:
    """Filmic curve (Narkowicz's fit of ACES) and the sRGB transfer function."""
    x = (np.arange(_TONE_SIZE) + 0.5) * (_TONE_MOST / _TONE_SIZE) * exposure * 0.62
    y = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
    srgb = np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1.0 / 2.4) - 0.055)
    return np.asarray(np.rint(srgb * 255.0), np.uint8)
