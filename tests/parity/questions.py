"""The questionnaire: what any CARLA 0.9.16 can be asked through the unmodified client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import carla

from tests.parity.transformers import box, numbers, pose, rounded, vector
from tests.support.carla_client import go_asynchronous, go_synchronous

TOWNS = ("Town01", "Town02")
GONE = 999_999

Answers = dict[str, object]

_PHYSICS = [
    "max_rpm",
    "moi",
    "damping_rate_full_throttle",
    "damping_rate_zero_throttle_clutch_engaged",
    "damping_rate_zero_throttle_clutch_disengaged",
    "use_gear_autobox",
    "gear_switch_time",
    "clutch_strength",
    "final_ratio",
    "mass",
    "drag_coefficient",
    "center_of_mass",
    "use_sweep_wheel_collision",
]
_WHEEL = [
    "tire_friction",
    "damping_rate",
    "max_steer_angle",
    "radius",
    "max_brake_torque",
    "max_handbrake_torque",
    "lat_stiff_max_load",
    "lat_stiff_value",
    "long_stiff_value",
]
_SETTINGS = [
    "synchronous_mode",
    "no_rendering_mode",
    "substepping",
    "max_substep_delta_time",
    "max_substeps",
    "max_culling_distance",
    "deterministic_ragdolls",
    "tile_stream_distance",
    "actor_active_distance",
    "spectator_as_ego",
]
_WEATHER = [
    "cloudiness",
    "precipitation",
    "precipitation_deposits",
    "wind_intensity",
    "sun_azimuth_angle",
    "sun_altitude_angle",
    "fog_density",
    "fog_distance",
    "fog_falloff",
    "wetness",
    "scattering_intensity",
    "mie_scattering_scale",
    "rayleigh_scattering_scale",
    "dust_storm",
]


@dataclass(frozen=True)
class Probe:
    """A client and a freshly loaded Town01 in synchronous mode, ticked once."""

    client: carla.Client
    world: carla.World

    def ticks(self, count: int) -> None:
        """Advance the world."""
        for _ in range(count):
            self.world.tick()

    @contextmanager
    def actor(self, name: str, place: carla.Transform | None = None) -> Iterator[carla.Actor]:
        """An actor for the length of a block, on the first spawn point unless told otherwise."""
        where = place or self.world.get_map().get_spawn_points()[0]
        found = self.world.spawn_actor(self.world.get_blueprint_library().find(name), where)
        self.world.tick()
        try:
            yield found
        finally:
            found.destroy()
            self.world.tick()


def server(probe: Probe) -> Answers:
    """Version, maps, what a fresh episode is set to."""
    world = probe.client.load_world("Town01")
    settings, weather = world.get_settings(), world.get_weather()
    answers: Answers = {
        "version": probe.client.get_server_version(),
        "maps": sorted(probe.client.get_available_maps()),
        "map name": world.get_map().name,
        "settings after load_world": numbers(settings, _SETTINGS)
        | {"fixed_delta_seconds": settings.fixed_delta_seconds},
        "weather after load_world": numbers(weather, _WEATHER),
        "gravity of imus": rounded(world.get_imui_sensor_gravity()),
        "required files": sorted(probe.client.get_required_files("", False)),
        "spectator": {"type": world.get_spectator().type_id},
    }
    go_synchronous(world)
    world.tick()
    return answers


def blueprints(probe: Probe) -> Answers:
    """Every blueprint with its attributes: type (a star: can be set), default, recommended values."""
    found: Answers = {}
    for blueprint in sorted(probe.world.get_blueprint_library(), key=lambda one: one.id):
        found[blueprint.id] = {
            attribute.id: _attribute(attribute)
            for attribute in sorted(blueprint, key=lambda one: one.id)
            if attribute.id != "ros_name"
        } | {"tags": " ".join(sorted(blueprint.tags))}
    return found


def _attribute(attribute: carla.ActorAttribute) -> str:
    star = "*" if attribute.is_modifiable else ""
    recommended = [str(value) for value in attribute.recommended_values]
    values = "" if recommended in ([], [_default(attribute)]) else f" of {' | '.join(recommended)}"
    return f"{attribute.type}{star} {_default(attribute)!r}{values}"


def _default(attribute: carla.ActorAttribute) -> str:
    kind = carla.ActorAttributeType
    if attribute.type == kind.Bool:
        return str(attribute.as_bool()).lower()
    if attribute.type == kind.Int:
        return str(attribute.as_int())
    if attribute.type == kind.Float:
        return f"{attribute.as_float():g}"
    if attribute.type == kind.RGBColor:
        colour = attribute.as_color()
        return f"{colour.r},{colour.g},{colour.b}"
    return str(attribute.as_str())


def vehicles(probe: Probe) -> Answers:
    """Box and physics of every vehicle."""
    found: Answers = {}
    for blueprint in sorted(probe.world.get_blueprint_library().filter("vehicle.*"), key=lambda one: one.id):
        with probe.actor(blueprint.id) as car:
            physics = car.get_physics_control()
            found[blueprint.id] = {
                "box": box(car.bounding_box),
                **numbers(physics, _PHYSICS),
                "torque_curve": [[rounded(p.x), rounded(p.y)] for p in physics.torque_curve],
                "steering_curve": [[rounded(p.x), rounded(p.y)] for p in physics.steering_curve],
                "forward_gears": [
                    [rounded(g.ratio), rounded(g.down_ratio), rounded(g.up_ratio)]
                    for g in physics.forward_gears
                ],
                "wheels": [numbers(wheel, _WHEEL) for wheel in physics.wheels],
                "semantic tags": list(car.semantic_tags),
            }
    return found


def walkers_and_props(probe: Probe) -> Answers:
    """Boxes of walkers and props."""
    library = probe.world.get_blueprint_library()
    ids = [one.id for pattern in ("walker.pedestrian.*", "static.prop.*") for one in library.filter(pattern)]
    found: Answers = {}
    for name in sorted(ids):
        with probe.actor(name) as thing:
            found[name] = {**box(thing.bounding_box), "semantic tags": list(thing.semantic_tags)}
    return found


def towns(probe: Probe) -> Answers:
    """Spawn points, lights, signs and objects of towns."""
    found: Answers = {}
    for name in TOWNS:
        world = probe.client.load_world(name)
        go_synchronous(world)
        world.tick()
        town, actors = world.get_map(), world.get_actors()
        lights = sorted(actors.filter("traffic.traffic_light*"), key=lambda one: one.get_opendrive_id())
        by_id = {light.id: light.get_opendrive_id() for light in lights}
        signs = [one for one in actors.filter("traffic.*") if "traffic_light" not in one.type_id]
        found[name] = {
            "spawn points": {
                "count": len(town.get_spawn_points()),
                "first": [pose(point) for point in town.get_spawn_points()[:10]],
            },
            "lights": {light.get_opendrive_id(): _light(light, by_id) for light in lights},
            "signs": {
                f"{sign.type_id} at {vector(sign.get_location())}": box(sign.trigger_volume)
                for sign in sorted(signs, key=lambda one: (one.type_id, str(vector(one.get_location()))))
            },
            "objects by label": {
                str(label): len(world.get_environment_objects(label))
                for label in (
                    carla.CityObjectLabel.Buildings,
                    carla.CityObjectLabel.Poles,
                    carla.CityObjectLabel.TrafficLight,
                    carla.CityObjectLabel.TrafficSigns,
                )
            },
            "geolocation of (100, 200, 3)": _geolocation(town),
            "junction boxes": len(
                {p.get_junction().id for p in town.generate_waypoints(5.0) if p.is_junction}
            ),
        }
        go_asynchronous(world)
    return found


def _light(light: carla.TrafficLight, by_id: dict[int, str]) -> Answers:
    return {
        "pose": pose(light.get_transform()),
        "trigger": box(light.trigger_volume),
        "seconds green, yellow, red": [
            rounded(light.get_green_time()),
            rounded(light.get_yellow_time()),
            rounded(light.get_red_time()),
        ],
        "group": sorted(by_id.get(other.id, "?") for other in light.get_group_traffic_lights()),
        "pole": light.get_pole_index(),
        "boxes": len(light.get_light_boxes()),
        "stop lanes": sorted({(p.road_id, p.lane_id) for p in light.get_stop_waypoints()}),
        "affected lanes": sorted({(p.road_id, p.lane_id) for p in light.get_affected_lane_waypoints()}),
    }


def _geolocation(town: carla.Map) -> list[float]:
    place = town.transform_to_geolocation(carla.Location(100.0, 200.0, 3.0))
    return [round(place.latitude, 7), round(place.longitude, 7), rounded(place.altitude)]  # type: ignore[list-item]


def snapshots(probe: Probe) -> Answers:
    """Header of ten snapshots, and what they say of a car that stands."""
    first = probe.world.get_snapshot()
    with probe.actor("vehicle.lincoln.mkz_2020") as car:
        rows = []
        for _ in range(10):
            frame = probe.world.tick()
            seen = probe.world.get_snapshot()
            rows.append(
                [
                    frame - first.frame,
                    seen.frame - first.frame,
                    rounded(seen.timestamp.elapsed_seconds - first.timestamp.elapsed_seconds),
                    rounded(seen.timestamp.delta_seconds),
                ]
            )
        probe.ticks(30)
        state = probe.world.get_snapshot().find(car.id)
        return {
            "frame by tick(), frame of snapshot, elapsed, delta": rows,
            "standing car": {
                "height over spawn point": rounded(
                    state.get_transform().location.z - probe.world.get_map().get_spawn_points()[0].location.z
                ),
                "speed": rounded(state.get_velocity().length()),
                "turning": rounded(state.get_angular_velocity().length()),
                "control": numbers(car.get_control(), ("throttle", "steer", "brake", "hand_brake", "gear")),
                "failure": str(car.get_failure_state()),
                "lights": str(car.get_light_state()),
            },
        }


def errors(probe: Probe) -> Answers:
    """The texts of refusals."""
    world, client = probe.world, probe.client
    library = world.get_blueprint_library()
    command = carla.command
    with probe.actor("vehicle.lincoln.mkz_2020") as car:
        place = car.get_transform()
        calls: dict[str, Callable[[], object]] = {
            "spawn on a car": lambda: world.spawn_actor(library.find("vehicle.audi.tt"), place),
            "load a map that is not there": lambda: client.load_world("Town99"),
            "generate from no map": lambda: client.generate_opendrive_world("this is no map"),
            "texture on nothing": lambda: world.apply_color_texture_to_object(
                "no such object", carla.MaterialParameter.Diffuse, carla.TextureColor(2, 2)
            ),
        }
        found: Answers = {name: _error_of(call) for name, call in calls.items()}
        sensor = library.find("sensor.other.imu")
        batch = {
            "control nobody": command.ApplyVehicleControl(GONE, carla.VehicleControl()),
            "control a car as a walker": command.ApplyWalkerControl(car.id, carla.WalkerControl()),
            "move nobody": command.ApplyTransform(GONE, place),
            "push nobody": command.ApplyImpulse(GONE, carla.Vector3D()),
            "light lamps of nobody": command.SetVehicleLightState(GONE, carla.VehicleLightState.NONE),
            "destroy nobody": command.DestroyActor(GONE),
            "attach to nobody": command.SpawnActor(sensor, carla.Transform(), GONE),
        }
        answers = client.apply_batch_sync(list(batch.values()), False)
        found |= {name: answer.error for name, answer in zip(batch, answers, strict=True)}
        found = {name: str(text).replace(f"Id: {car.id}", "Id: (car)") for name, text in found.items()}
    for name, show in (
        ("show a missing recording", lambda: client.show_recorder_file_info("parity-none.log", False)),
        ("replay a missing recording", lambda: client.replay_file("parity-none.log", 0.0, 0.0, 0)),
    ):
        found[name] = show()
    return found


def _error_of(call: Callable[[], object]) -> str:
    try:
        call()
    except RuntimeError as error:
        return str(error)
    return "no error"
