"""Every weather parameter, lens and film changes the picture, and presets look like their names."""

from __future__ import annotations

import dataclasses

import carla
import numpy as np
import pytest

from simulator.render.bloom import bloom
from simulator.render.camera import Camera
from simulator.render.film import Exposure, Lens, bent, developed, grain, rain
from simulator.render.light import Weather, make_light
from tests.support.render_town import stage

FIELDS = {
    "cloudiness": 80.0, "precipitation": 80.0, "precipitation_deposits": 80.0, "sun_azimuth_deg": 120.0,
    "sun_altitude_deg": 10.0, "fog_density": 60.0, "fog_distance_m": 60.0, "wetness": 80.0,
    "dust_storm": 80.0,
    "wind_intensity": 90.0, "fog_falloff": 3.0, "scattering_intensity": 4.0, "mie_scattering_scale": 0.3,
    "rayleigh_scattering_scale": 0.12,
}  # fmt: skip


def shot(weather: Weather, frame: int = 7) -> np.ndarray:
    scene = stage("Town10HD", 10, seed=2)
    x, y, z, _, yaw, _ = scene.town.spawn_points[40]
    picture = Camera(160, 96, 90.0).render(
        scene.store, scene.objects, (x, y, z + 1.5, 4.0, yaw, 0.0), make_light(weather)
    )
    rain(picture.bgra, weather.precipitation, weather.wind_intensity, frame)
    return picture.bgra[..., :3].astype(float)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_every_parameter_has_an_effect(field: str) -> None:
    base = Weather(cloudiness=30.0, fog_density=20.0, wetness=20.0)
    changed = dataclasses.replace(base, **{field: FIELDS[field]})
    difference = np.abs(shot(changed) - shot(base))
    assert difference.mean() > 0.3
    assert difference.std() > 0.1


def preset(name: str) -> Weather:
    w = getattr(carla.WeatherParameters, name)
    return Weather(
        w.cloudiness, w.precipitation, w.precipitation_deposits, w.sun_azimuth_angle, w.sun_altitude_angle,
        w.fog_density, w.fog_distance, w.wetness, w.dust_storm, w.wind_intensity, w.fog_falloff,
        w.scattering_intensity, w.mie_scattering_scale, w.rayleigh_scattering_scale,
    )  # fmt: skip


def test_presets_look_like_their_names() -> None:
    names = ("ClearNoon", "ClearSunset", "ClearNight", "CloudyNoon", "HardRainNoon", "DustStorm")
    looks = {name: shot(preset(name)) for name in names}
    mean = {name: picture.mean(axis=(0, 1)) for name, picture in looks.items()}  # blue, green, red
    colourful = {name: np.ptp(picture, axis=2).mean() for name, picture in looks.items()}
    warmth = {name: colour[2] / colour[0] for name, colour in mean.items()}
    assert mean["ClearNight"].mean() < 0.5 * mean["ClearNoon"].mean()
    assert warmth["ClearSunset"] > 1.1 * warmth["ClearNoon"]
    assert warmth["DustStorm"] > 1.3 * warmth["ClearNoon"]
    assert colourful["HardRainNoon"] < 0.8 * colourful["ClearNoon"]
    assert warmth["CloudyNoon"] != pytest.approx(warmth["ClearNoon"], rel=0.01)


def test_drops_fall() -> None:
    still = np.full((96, 160, 4), 90, np.uint8)
    pictures = []
    for percent, wind, frame in ((100.0, 0.0, 1), (100.0, 0.0, 1), (100.0, 0.0, 2), (20.0, 0.0, 1)):
        pictures.append(still.copy())
        rain(pictures[-1], percent, wind, frame)
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert (pictures[0] != still).mean() > 3.0 * (pictures[3] != still).mean() > 0.0


def test_lens_and_film() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (60, 80, 4), np.uint8)
    picture[..., 3] = 255
    assert Lens().sources(80, 60) is None
    assert Exposure().table() is None
    assert np.array_equal(bent(picture, None), picture)
    assert np.array_equal(developed(picture, None), picture)
    base = Lens(circle_multiplier=3.0)
    seen = {bent(picture, base.sources(80, 60)).tobytes()}
    for field, value in (
        ("k", 2.0),
        ("kcube", 3.0),
        ("x_size", 0.5),
        ("y_size", 0.5),
        ("circle_falloff", 1.0),
    ):
        warped = bent(picture, dataclasses.replace(base, **{field: value}).sources(80, 60))
        assert np.array_equal(warped[30, 40], picture[30, 40])  # the middle stays
        seen.add(warped.tobytes())
    assert len(seen) == 6
    brighter = developed(picture, Exposure(compensation=1.0).table())
    flatter = developed(picture, Exposure(gamma=3.0).table())
    manual = developed(picture, Exposure(mode="manual", shutter_speed=400.0).table())
    assert brighter[..., :3].mean() > picture[..., :3].mean() > manual[..., :3].mean()
    assert flatter[..., :3].std() < picture[..., :3].std()
    assert (manual[..., 3] == 255).all()


def test_grain_is_seeded_noise_of_its_size() -> None:
    still = np.full((200, 300, 4), 120, np.uint8)
    pictures = []
    for sigma, seed, number in ((6.0, 1, 1), (6.0, 1, 1), (6.0, 1, 2), (6.0, 2, 1), (12.0, 1, 1)):
        pictures.append(still.copy())
        grain(pictures[-1], sigma, seed, number)
    first, same, next_one, other, stronger = (p[..., :3].astype(float) for p in pictures)
    assert np.array_equal(first, same)
    assert abs(np.corrcoef(first[..., 0].ravel(), next_one[..., 0].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(first[..., 0].ravel(), other[..., 0].ravel())[0, 1]) < 0.02
    assert first[..., 0].std() == pytest.approx(6.0, rel=0.03)
    assert stronger[..., 0].std() == pytest.approx(12.0, rel=0.03)
    assert first.mean() == pytest.approx(120.0, abs=0.2)
    rows, columns = first[:-1, :, 0] - 120.0, first[:, :-1, 0] - 120.0
    assert abs((rows * (first[1:, :, 0] - 120.0)).mean()) < 1.0  # neighbours know nothing of each other
    assert abs((columns * (first[:, 1:, 0] - 120.0)).mean()) < 1.0
    assert (pictures[0][..., 3] == 120).all()
    grain(still, 0.0, 1, 1)
    assert (still == 120).all()


def test_lamps_glow_over_their_surroundings() -> None:
    night = np.full((96, 160, 4), 10, np.uint8)
    night[40:48, 72:80, :3] = 255
    glowing, brighter, dull = night.copy(), night.copy(), np.full_like(night, 150)
    bloom(glowing, 0.675)
    bloom(brighter, 1.5)
    bloom(dull, 0.675)
    assert (dull == 150).all()  # nothing shines
    near, far = glowing[44, 84, :3].astype(int), glowing[44, 150, :3]
    assert (near > 14).all()
    assert (far == 10).all()
    assert (brighter[44, 84, :3] > near).all()
    assert (glowing[44, 84] >= glowing[44, 88]).all()
    assert (glowing[44, 75, :3] == 255).all()
