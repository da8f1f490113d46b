"""Draws docs/gallery.jpg and docs/gallery-best.jpg: towns, weathers, cameras and a LiDAR's view from above.

Run by `make docs`. Everything is seeded; the same sources give the same pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

import carla
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from simulator.render.camera import Camera
from simulator.render.cast import OWN_COLORS, Cast, Motion, Player, linear
from simulator.render.film import rain
from simulator.render.lamps import headlights, nearest, street_lights
from simulator.render.lidar import directions, scan
from simulator.render.light import Weather, make_light
from simulator.render.shadow import SunView
from simulator.render.store import Objects
from simulator.sensors.stage import Stage
from simulator.world.blueprints import default_library
from simulator.world.town import Town

PLACES = {"Town10HD": 40, "Town01": 30, "Town02": 12, "Town04": 180, "Town06": 60, "Town07": 20}
PRESETS = ("ClearNoon", "WetCloudyNoon", "HardRainNoon", "ClearSunset", "ClearNight", "DustStorm")
PAINTS = (
    (137, 0, 0),
    (17, 37, 103),
    (20, 20, 20),
    (235, 235, 235),
    (105, 105, 105),
    (180, 44, 44),
    (61, 86, 47),
)
TILE, FOOT = (400, 225), 18
BEFORE_M = 18.0
Pose = tuple[float, float, float, float, float, float]
Picture = NDArray[np.uint8]


def weather_of(preset: str) -> Weather:
    """Our parameters of one of the client's presets, with the sun from the side."""
    w = getattr(carla.WeatherParameters, preset)
    return Weather(
        w.cloudiness, w.precipitation, w.precipitation_deposits, 230.0, w.sun_altitude_angle, w.fog_density,
        w.fog_distance, w.wetness, w.dust_storm, w.wind_intensity, w.fog_falloff, w.scattering_intensity,
        w.mie_scattering_scale, w.rayleigh_scattering_scale,
    )  # fmt: skip


class Scene:
    """One town with traffic around a spawn point."""

    def __init__(self, name: str) -> None:
        self.town = Town.load(name)
        library = default_library()
        stage = Stage(self.town, library)
        self.store, self._heads = stage.store, stage.heads
        points = self.town.spawn_points
        start = np.array(points[PLACES[name] % len(points)])
        away = np.linalg.norm(np.array(points)[:, :2] - start[:2], axis=1)
        chosen = np.argsort(away, kind="stable")[1:40]
        cars = [b for b in library if b.vehicle is not None]
        walkers = [b for b in library if b.id.startswith("walker.")]
        players, rows = [], []
        for number, index in enumerate(chosen):
            blueprint = cars[(number * 5) % len(cars)]
            own = blueprint.id.split(".", 1)[1] in OWN_COLORS
            players.append(
                Player(
                    100 + number,
                    blueprint,
                    None if own else linear(PAINTS[(3 * number + number // 7 + PLACES[name]) % 7]),
                )
            )
            rows.append(self.standing(points[index]))
        for number, index in enumerate(chosen[:14]):
            x, y, z, _, yaw, _ = self.standing(points[index])
            c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
            blueprint = walkers[(number * 3) % len(walkers)]
            half = blueprint.box[1][2] if blueprint.box is not None else 0.9
            side = 4.6 if number % 2 else -4.6
            players.append(Player(500 + number, blueprint))
            rows.append((x - s * side + 5 * c, y + c * side + 5 * s, z + half + 0.15, 0.0, yaw, 0.0))
        self.players, self.transforms = players, np.array(rows)
        self.pose: Pose = self.standing(start)

    def standing(self, point: NDArray[np.float64] | tuple[float, ...]) -> Pose:
        """A pose on the road below a point."""
        x, y, z, _, yaw, _ = (float(value) for value in point)
        ground = self.town.roads.query(x, y, z)
        c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
        slope = float(ground["grade_x"] * c + ground["grade_y"] * s)
        return (x, y, float(ground["ground_z"]), float(np.degrees(np.arctan(slope))), yaw, 0.0)

    def drawn(self, lights: int) -> tuple[Objects, Motion]:
        """All objects; `lights` are the vehicles' flags."""
        motion = Motion.standing(self.transforms)
        count = len(self.players)
        motion = Motion(
            motion.transform, 0.2 * np.sin(np.arange(count)), np.arange(count) * 0.37, np.full(count, 1.4),
            np.where(np.arange(count) % 3 == 0, lights | 8, lights).astype(np.int64),
        )  # fmt: skip
        number = len(self.town.lights)
        lit = self._heads.drawn(np.arange(number) % 3, np.arange(number) + 5000)
        return self.store.objects(Cast(self.store, self.players).drawn(motion), lit), motion

    def photo(self, preset: str, size: tuple[int, int], pose: Pose, fov: float = 90.0) -> Picture:
        """(H, W, 3) red, green, blue."""
        weather = weather_of(preset)
        night = weather.sun_altitude_deg < 0.0
        objects, motion = self.drawn(3 if night else 0)
        light = make_light(weather)
        shade = SunView().look(self.store, objects, pose[:3], light.sun)
        lamps = nearest(np.concatenate([headlights(self.players, motion), self.lamps()]), pose[:3])
        camera = Camera(2 * size[0], 2 * size[1], fov)
        frame = camera.render(self.store, objects, pose, light, shade, lamps if night else lamps[:0])
        rain(frame.bgra, weather.precipitation, weather.wind_intensity, 5)
        small = Image.fromarray(np.ascontiguousarray(frame.bgra[:, :, 2::-1])).resize(
            size, Image.Resampling.BOX
        )
        return np.asarray(small)

    def lamps(self) -> NDArray[np.float32]:
        """Street lights of the scene."""
        lamps = self.town.scene.lamps
        return street_lights(np.stack([lamps[axis] for axis in "xyz"], axis=1))

    def special(self, size: tuple[int, int], seat: Pose) -> tuple[str, Picture]:
        """The overpass of a town that has one, the depth before the seat in others."""
        below = self.below_the_bridge()
        if below is not None:
            return "overpass", self.photo("ClearNoon", size, eye(below))
        objects, _ = self.drawn(0)
        depth_m = Camera(*size, 90.0).render(self.store, objects, seat, make_light(Weather())).depth
        grey = 255.0 * np.log(np.clip(depth_m, 1.0, 1000.0)) / np.log(1000.0)
        return "depth, logarithmic", np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)

    def labels(self, size: tuple[int, int], pose: Pose) -> Picture:
        """What a semantic camera sees, in a palette of its own."""
        objects, _ = self.drawn(0)
        frame = Camera(*size, 90.0).render(self.store, objects, pose, make_light(Weather()))
        return PALETTE[frame.label]

    def junction(self) -> Pose:
        """A driver's eye before the traffic light that a spawn point faces most closely."""
        points = np.array(self.town.spawn_points)
        yaw = np.radians(points[:, 4])[:, None]
        poles = np.array([plan.transform[:2] for plan in self.town.lights])
        dx, dy = (poles[:, k] - points[:, k][:, None] for k in range(2))
        ahead, aside = dx * np.cos(yaw) + dy * np.sin(yaw), np.abs(dy * np.cos(yaw) - dx * np.sin(yaw))
        facing = np.array([plan.transform[4] for plan in self.town.lights]) - points[:, 4][:, None]
        off = np.abs((facing - 90.0 + 180.0) % 360.0 - 180.0)  # a light's x axis is along its stop line
        far = np.where((ahead > BEFORE_M) & (ahead < 60.0) & (off < 8.0), aside, np.inf)
        start, light = np.unravel_index(np.argmin(far), far.shape)
        x, y, z, pitch, turn, _ = self.standing(points[start])
        way = float(ahead[start, light]) - BEFORE_M
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        return self.standing((x + way * c, y + way * s, z, pitch, turn, 0.0))

    def below_the_bridge(self) -> Pose | None:
        """A driver's eye on a lane that leads under another road, if there is one."""
        place = self.town.lanes.location
        for row in range(0, len(place), 5):
            flat = np.hypot(*(place[:, :2] - place[row, :2]).T)
            if ((flat < 3.0) & (place[:, 2] - place[row, 2] > 4.0)).any():
                turn = float(self.town.lanes.yaw_rad[row])
                x, y = place[row, :2] - BEFORE_M * 2.0 * np.array([np.cos(turn), np.sin(turn)])
                return self.standing((x, y, place[row, 2], 0.0, float(np.degrees(turn)), 0.0))
        return None

    def from_above(self, size: tuple[int, int], pose: Pose) -> Picture:
        """A scan of 64 channels from above, coloured by label."""
        objects, _ = self.drawn(0)
        azimuth = (np.arange(1800) + 0.5) * (2.0 * np.pi / 1800)
        elevation = np.radians(np.linspace(-24.8, 4.0, 96))
        seat = (pose[0], pose[1], pose[2] + 2.4, 0.0, pose[4], 0.0)
        points = scan(self.store, objects, seat, azimuth, elevation, 80.0)
        place = directions(azimuth, elevation) * points.range_m[..., None]
        hit = points.range_m > 0.0
        picture = np.full((size[1], size[0], 3), 14, np.uint8)
        scale = size[1] / 64.0
        column = (size[0] / 2 + place[..., 0][hit] * scale).astype(int)
        row = (size[1] / 2 + place[..., 1][hit] * scale).astype(int)
        inside = (column >= 0) & (row >= 0) & (column < size[0]) & (row < size[1])
        order = np.argsort(place[..., 2][hit][inside], kind="stable")
        picture[row[inside][order], column[inside][order]] = PALETTE[points.label[hit][inside][order]]
        return picture


PALETTE = np.random.default_rng(4).integers(60, 240, (256, 3)).astype(np.uint8)
for number, rgb in {
    1: (110, 90, 120), 2: (210, 70, 190), 3: (90, 90, 90), 6: (190, 190, 190), 7: (250, 170, 30),
    8: (220, 220, 0), 9: (90, 140, 35), 10: (145, 200, 140), 11: (70, 130, 180), 12: (220, 20, 60),
    13: (255, 60, 60), 14: (40, 60, 220), 15: (60, 90, 160), 16: (0, 90, 110), 18: (60, 60, 230),
    19: (150, 30, 60), 24: (240, 240, 240), 26: (150, 100, 100), 28: (180, 165, 180),
}.items():  # fmt: skip
    PALETTE[number] = rgb


def eye(place: Pose) -> Pose:
    """A driver's eye on a place on the road."""
    x, y, z, pitch, yaw, _ = place
    return (x, y, z + 1.6, pitch + 2.0, yaw, 0.0)


def main() -> None:
    """Write both pictures beside this file, or into the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    columns = len(PRESETS) + 4
    sheet = Image.new("RGB", (columns * TILE[0], len(PLACES) * (TILE[1] + FOOT)), (24, 24, 26))
    draw = ImageDraw.Draw(sheet)
    for row, name in enumerate(PLACES):
        scene = Scene(name)
        x, y, z, pitch, yaw, _ = scene.pose
        c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
        seat: Pose = (x + 0.4 * c, y + 0.4 * s, z + 1.6, pitch - 2.0, yaw, 0.0)
        behind: Pose = (x - 8.0 * c, y - 8.0 * s, z + 4.2, pitch - 11.0, yaw, 0.0)
        tiles = [(p, scene.photo(p, TILE, behind if k % 2 else seat)) for k, p in enumerate(PRESETS)]
        tiles += [
            ("junction", scene.photo("ClearNoon", TILE, eye(scene.junction()))),
            scene.special(TILE, seat),
            ("labels", scene.labels(TILE, seat)),
            ("LiDAR from above", scene.from_above(TILE, scene.pose)),
        ]
        for column, (title, picture) in enumerate(tiles):
            corner = (column * TILE[0], row * (TILE[1] + FOOT))
            sheet.paste(Image.fromarray(picture), corner)
            draw.text((corner[0] + 6, corner[1] + TILE[1] + 3), f"{name}  {title}", (220, 220, 220))
        if name == "Town10HD":
            best = Image.fromarray(scene.photo("ClearNoon", (1280, 640), behind))
            best.save(folder / "gallery-best.jpg", quality=88, optimize=True)
    sheet = sheet.resize((sheet.width * 3 // 4, sheet.height * 3 // 4), Image.Resampling.LANCZOS)
    sheet.save(folder / "gallery.jpg", quality=72, optimize=True)


if __name__ == "__main__":
    main()
