"""Methods about the server, the map, the episode and time."""

from __future__ import annotations

import msgpack

from simulator.rpc.environment_objects import map_layers
from simulator.rpc.table import Method, NotInThisVersionError, constant, ignored, value, void
from simulator.scene.objects import MapLayer
from simulator.simulation import GENERATED_TOWN, Simulation
from simulator.wire.arguments import (
    BadArgumentError,
    Pose,
    array,
    flag,
    integer,
    number,
    short_text,
    text,
    unsigned,
)
from simulator.wire.rpc import Encoded, Value
from simulator.wire.settings import EpisodeSettings
from simulator.world.town import available_towns
from simulator.world.walls import MAX_HEIGHT_M, MAX_WIDTH_M, WallSpec

CARLA_VERSION = "0.9.16"
"""Version whose protocol this server speaks; the client warns when it differs from its own."""


def version(_simulation: Simulation) -> str:
    """Version of the protocol."""
    return CARLA_VERSION


def get_episode_info(simulation: Simulation) -> list[object]:
    """Episode id and the world stream."""
    return [simulation.shown_episode_id, [simulation.stream_token(simulation.world_stream)]]


def get_sensor_token(simulation: Simulation, stream_id: int) -> list[object]:
    """Where a stream can be had; the client subscribes next."""
    simulation.expect_subscriber(stream_id)
    return [simulation.stream_token(stream_id)]


def get_episode_settings(simulation: Simulation) -> list[object]:
    """The settings in force."""
    return simulation.settings.to_wire()


def set_episode_settings(simulation: Simulation, settings: EpisodeSettings) -> int:
    """Take new settings; answers the frame."""
    simulation.settings = settings
    return simulation.frame


def tick_cue(simulation: Simulation) -> int:
    """Tick in synchronous mode; otherwise name the frame that the clock will make next."""
    if simulation.settings.synchronous_mode:
        return simulation.tick()
    return simulation.frame + 1


def get_available_maps(_simulation: Simulation) -> list[str]:
    """Towns with the path that CARLA gives them."""
    return [f"/Game/Carla/Maps/{name}" for name in available_towns()]


def get_map_info(simulation: Simulation) -> list[object]:
    """Name of the map and its recommended spawn points."""
    town = simulation.world.town
    return [f"Carla/Maps/{town.name}", [pose_to_wire(pose) for pose in town.spawn_points]]


def get_map_data(simulation: Simulation) -> str:
    """The OpenDRIVE text."""
    return simulation.world.town.opendrive


def load_new_episode(simulation: Simulation, name: str, reset_settings: bool, layers: MapLayer) -> None:
    """Load a town with some of its layers and start a new episode in it."""
    simulation.load(simulation.find_town(name), reset_settings=reset_settings, layers=layers)


_GENERATION_DEFAULTS: list[Value] = [2.0, 50.0, 1.0, 0.6]
"""Distance of vertices, longest piece of road, height of walls, additional width; m, CARLA's own."""


def generation_parameters(wire: Value) -> WallSpec:
    """What can be felt of `OpendriveGenerationParameters`: the walls, and how far off the road they stand.

    Raises:
        BadArgumentError: wrong types.
    """
    given = array(wire)
    wall_height, additional_width = [*given, *_GENERATION_DEFAULTS[len(given) :]][2:4]
    return WallSpec(
        height_m=min(max(number(wall_height), 0.0), MAX_HEIGHT_M),
        setback_m=min(max(number(additional_width), 0.0), MAX_WIDTH_M),
    )


def copy_opendrive_to_file(simulation: Simulation, opendrive: str, walls: WallSpec) -> None:
    """Keep a map that a client brings; it loads it as "OpenDriveMap" next."""
    simulation.keep_generated_town(opendrive, walls)


def request_file(_simulation: Simulation, name: str) -> bytes:
    """This server requires no files of the client and has none."""
    raise NotInThisVersionError(f"this server has no file {name!r}")


def pose_to_wire(pose: Pose) -> list[object]:
    """A `Transform`."""
    return [list(pose[:3]), list(pose[3:])]


# ---- traffic managers: the registry by which clients find each other's


def _endpoint(wire: Value) -> tuple[str, int]:
    host, port, *_ = array(wire, 2)
    return short_text(host), _port(port)


def _port(wire: Value) -> int:
    port = integer(wire)
    if not 0 < port < 1 << 16:
        raise BadArgumentError(f"{port} is no TCP port")
    return port


def is_traffic_manager_running(simulation: Simulation, port: int) -> bool:
    """Whether a client announced a traffic manager on that port."""
    return port in simulation.traffic_managers


def get_traffic_manager_running(simulation: Simulation, port: int) -> list[object]:
    """Host and port of an announced traffic manager."""
    return list(simulation.traffic_managers.get(port, ("", 0)))


def add_traffic_manager_running(simulation: Simulation, endpoint: tuple[str, int]) -> bool:
    """Announce a traffic manager; False if the port is taken by another."""
    _, port = endpoint
    if port in simulation.traffic_managers:
        return False
    simulation.traffic_managers[port] = endpoint
    return True


def destroy_traffic_manager(simulation: Simulation, port: int) -> bool:
    """A traffic manager has gone; False if nobody knew it."""
    return simulation.traffic_managers.pop(port, None) is not None


# ---- recordings: there are none, and the client is told in CARLA's words


def no_such_file(_simulation: Simulation, name: str) -> str:
    """What CARLA answers, as an ordinary text, about a recording that it cannot open."""
    return f"File {name} not found on server\n"


def _encoded(answer: object) -> Encoded:
    return Encoded(bytes(msgpack.packb(answer)))


_NO_RECORDINGS = "there are no recordings: answers CARLA's text about a missing file"

METHODS: tuple[Method, ...] = (
    value("version", version),
    value("get_episode_info", get_episode_info),
    value("get_sensor_token", get_sensor_token, unsigned),
    value("get_episode_settings", get_episode_settings),
    value("set_episode_settings", set_episode_settings, EpisodeSettings.from_wire),
    value("tick_cue", tick_cue),
    value("get_available_maps", get_available_maps),
    value("get_map_info", get_map_info),
    value("get_map_data", get_map_data),
    constant("get_required_files", _encoded([]), "the client has all it needs"),
    value("request_file", request_file, text, note="there are no files: always an error"),
    constant("get_navigation_mesh", b"", "no navigation mesh: walker controllers do not move"),
    void(
        "load_new_episode",
        load_new_episode,
        text,
        flag,
        map_layers,
        note=f"packaged towns and `{GENERATED_TOWN}`",
    ),
    void(
        "copy_opendrive_to_file",
        copy_opendrive_to_file,
        text,
        generation_parameters,
        note="walls are built; the other parameters shape meshes, and the surface is the text's own",
    ),
    value("is_traffic_manager_running", is_traffic_manager_running, _port),
    value("get_traffic_manager_running", get_traffic_manager_running, _port),
    value("add_traffic_manager_running", add_traffic_manager_running, _endpoint),
    value("destroy_traffic_manager", destroy_traffic_manager, _port),
    constant("start_recorder", "", "there is no recorder: CARLA's answer when it cannot open the file"),
    ignored("stop_recorder", "nothing is recorded"),
    value("show_recorder_file_info", no_such_file, text, note=_NO_RECORDINGS),
    value("show_recorder_collisions", no_such_file, text, note=_NO_RECORDINGS),
    value("show_recorder_actors_blocked", no_such_file, text, note=_NO_RECORDINGS),
    value("replay_file", no_such_file, text, note=_NO_RECORDINGS),
    ignored("stop_replayer", "nothing is replayed"),
    ignored("set_replayer_time_factor", "nothing is replayed"),
    ignored("set_replayer_ignore_hero", "nothing is replayed"),
    ignored("set_replayer_ignore_spectator", "nothing is replayed"),
)
