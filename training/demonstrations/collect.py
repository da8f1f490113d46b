"""Collect: routes -> drives over worker processes -> a data set. Every step can be taken up again.

    OUT/collect.json     what was asked for
    OUT/routes.xml       what is driven, and OUT/lanes/*.npz, the lanes of its towns
    OUT/runs/traffic-N/  a run of the harness, with a part of the data set beside each record
    OUT/meta, OUT/data   the data set; OUT/manifest.json, written last

A run's episodes are whole or absent, so a collection that is killed goes on with those that are missing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from harness.campaign.plan import Plan
from harness.campaign.run import RunRequest, run_campaign
from harness.client.rig import lane_map_of
from harness.client.session import Session
from harness.config import RunConfig, differences, load_config
from harness.errors import ConfigError, InfraError, ResumeMismatchError
from harness.record.files import write_atomically
from harness.servers.choice import choose_servers
from policies import registry
from policies.interface import LaneMap
from scenarios.lane_graph import LaneGraph
from scenarios.route import Route
from scenarios.route_writer import write_routes
from scenarios.route_xml import read_routes
from scenarios.suites import suite
from scenarios.weathers import keyframes
from training.demonstrations.assemble import Drive, assemble
from training.demonstrations.config import CollectConfig
from training.demonstrations.manifest import MANIFEST, Manifest, read_manifest
from training.demonstrations.routes import draw_routes
from training.demonstrations.settings import TARGET, DriverSettings

REQUEST, ROUTES, LANES, RUNS = "collect.json", "routes.xml", "lanes", "runs"


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """What the user asked for.

    Attributes:
        config: what to collect.
        machine: sections `drive` and `machine` of the harness, as given: server, workers.
        overrides: "key=value" for the harness.
        out: folder.
        resume: go on with what is in it.
    """

    config: CollectConfig
    machine: Mapping[str, object]
    overrides: tuple[str, ...]
    out: Path
    resume: bool


def collect(request: CollectRequest, console: Console) -> Manifest:
    """Collect demonstrations, or what is missing of them.

    Raises:
        ConfigError: the folder holds something else; ResumeMismatchError: it was begun otherwise.
        InfraError: episodes could not be driven. SampleError: what was driven is no data set.
    """
    config, out = request.config, request.out
    _begin(out, config, resume=request.resume)
    if (out / MANIFEST).is_file():
        console.print(f"{out} is complete already", highlight=False)
        return read_manifest(out)
    settings = _pinned(config.driver_settings())
    routes = _routes(request, console)
    drives = [
        _drive(request, settings, part, count, console)
        for count, part in _by_traffic(routes, config.routes.traffic).items()
    ]
    console.print("putting the data set together", highlight=False)
    return assemble(out, config, settings, drives)


def _by_traffic(routes: Sequence[Route], traffic: Sequence[int]) -> dict[int, tuple[Route, ...]]:
    """Background vehicles -> routes that are driven among them; the numbers are taken in turn."""
    parts: dict[int, tuple[Route, ...]] = {}
    for place, route in enumerate(routes):
        count = traffic[place % len(traffic)]
        parts[count] = (*parts.get(count, ()), route)
    return parts


def _pinned(settings: DriverSettings) -> DriverSettings:
    """Check the policy and write its checkpoint's hash into its arguments."""
    registry.check(settings.policy, settings.policy_args)
    args = registry.pin(settings.policy, settings.policy_args)
    return DriverSettings(**{**settings.__dict__, "policy_args": args})


def _begin(out: Path, config: CollectConfig, *, resume: bool) -> None:
    """Write the request, or make sure that the one that is there is the same."""
    path = out / REQUEST
    if not path.is_file():
        if out.exists() and any(out.iterdir()):
            raise ConfigError(f"{out} is not empty and holds no demonstrations; choose another --out.")
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(path, config.model_dump(mode="json"))
        return
    if not resume:
        raise ConfigError(
            f"{out} already holds demonstrations. Go on with them by --resume, or choose another --out."
        )
    stored = CollectConfig.model_validate(json.loads(path.read_text()))
    found = differences(stored, config)
    if found:
        raise ResumeMismatchError(
            f"The demonstrations in {out} were begun otherwise: {'; '.join(found)}. Use the same options, or"
            " another --out."
        )


def _routes(request: CollectRequest, console: Console) -> tuple[Route, ...]:
    """Draw the routes, or read those drawn before; save the lanes of their towns."""
    path = request.out / ROUTES
    if path.is_file():
        return read_routes(path)
    config = request.config
    given = [route for name in config.routes.suites for route in suite(name).routes]
    towns = sorted({route.town for route in given} or {*config.routes.towns, *config.routes.val_towns})
    console.print(f"looking at the lanes of {', '.join(towns)}", highlight=False)
    graphs = _survey(request, towns, console)
    for town, graph in graphs.items():
        save_lanes(request.out / LANES / f"{town}.npz", lane_map_of(graph))
    weathers = config.routes.weather_names()
    routes = _dressed(given, weathers) if given else _drawn(config, graphs, weathers)
    write_routes(path, routes, f"drivegate collect, seed {config.run.seed}")
    return read_routes(path)


def _drawn(
    config: CollectConfig, graphs: Mapping[str, LaneGraph], weathers: Sequence[str]
) -> tuple[Route, ...]:
    routes: list[Route] = []
    for place, (town, graph) in enumerate(graphs.items()):
        share = len(range(place, config.routes.episodes, len(graphs)))
        if share:
            routes += draw_routes(graph, town, share, config.routes.length_m, weathers, config.run.seed)
    return tuple(routes)


def _dressed(routes: Sequence[Route], weathers: Sequence[str]) -> tuple[Route, ...]:
    """Routes of suites under the weathers, in turn."""
    return tuple(
        Route(route.id, route.town, route.keypoints, keyframes(weathers[i % len(weathers)]), (), route.source)
        for i, route in enumerate(routes)
    )


def _survey(request: CollectRequest, towns: Sequence[str], console: Console) -> dict[str, LaneGraph]:
    """Ask a server for the lanes of towns."""
    config = _run_config(request, request.out / ROUTES, {}, 0)
    machine, drive = config.machine, config.drive
    servers = choose_servers(config, request.out, console)
    with servers.make(0, machine.first_port) as server:
        session = Session(
            server.endpoint,
            is_alive=server.is_alive,
            dt_s=drive.dt_s,
            tick_deadline_s=machine.tick_deadline_s,
            request_deadline_s=machine.request_deadline_s,
        )
        found = {town: LaneGraph.from_map(session.load(town)) for town in towns}
        session.release()
    return found


def save_lanes(path: Path, lanes: LaneMap) -> None:
    """Write a town's lanes, in the map frame: with a frame's pose they are labels."""
    lengths = np.array([len(following) for following in lanes.successors], dtype=np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            points_in_map=lanes.points_in_map.astype(np.float32),
            yaw_in_map_rad=lanes.yaw_in_map_rad.astype(np.float32),
            width_m=lanes.width_m.astype(np.float32),
            segment_start=lanes.segment_start,
            in_junction=lanes.in_junction,
            successors=np.array([s for following in lanes.successors for s in following], dtype=np.int64),
            successor_start=np.concatenate([[0], np.cumsum(lengths)]),
            left=lanes.left,
            right=lanes.right,
        )


def _run_config(request: CollectRequest, routes: Path, args: Mapping[str, str], traffic: int) -> RunConfig:
    """The harness's configuration for the drives with one number of background vehicles."""
    given = {section: dict(values) for section, values in request.machine.items() if isinstance(values, dict)}
    given["drive"] = given.get("drive", {}) | {
        "suites": [str(routes)],
        "policies": [{"name": TARGET, "args": dict(args)}],
        "traffic": traffic,
        "seed": request.config.run.seed,
        "light_times_s": request.config.routes.light_times_s or None,
    }
    return load_config(None, given, request.overrides)


def _drive(
    request: CollectRequest,
    settings: DriverSettings,
    routes: Sequence[Route],
    traffic: int,
    console: Console,
) -> Drive:
    """Drive routes that are still to be driven."""
    folder = request.out / RUNS / f"traffic-{traffic}"
    path = request.out / RUNS / f"traffic-{traffic}.xml"
    write_routes(path, routes)
    config = _run_config(request, path, {"settings": settings.to_json()}, traffic)
    given = {"drive": config.drive.model_dump(mode="json"), "machine": config.machine.model_dump(mode="json")}
    result = run_campaign(RunRequest(None, given, (), folder, resume=True), console)
    if result.lost:
        raise InfraError(
            f"{len(result.lost)} of {result.planned} episodes could not be driven because of the"
            f" infrastructure (see {folder / 'infra.jsonl'}). Go on with --resume."
        )
    return Drive(folder, Plan.of(config), traffic)


def remove_parts(out: Path) -> None:
    """Throw the runs away that a finished data set was made from."""
    shutil.rmtree(out / RUNS, ignore_errors=True)
