"""MetaDrive: an ego and its IDM traffic, 100 Bullet vehicles on three straight lanes.

Physics steps of 0.025 s (its default is 0.02), two per step, no observation. Its models and textures are
pictures only: without a window nothing reads them, so that they are not downloaded here.
"""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

from harness.bench.peers.timing import DT_S, VEHICLES, rate_hz, tell

_ENDS_M = 8.0
_APART_M = 14.0
_SPEED_MPS = 8.0


def main() -> None:
    """Measure and tell."""
    base_engine = importlib.import_module("metadrive.engine.base_engine")
    base_engine.BaseEngine.try_pull_asset = staticmethod(lambda: None)
    environments = importlib.import_module("metadrive.envs.metadrive_env")
    observations = importlib.import_module("metadrive.obs.observation_base")
    idm = importlib.import_module("metadrive.policy.idm_policy")
    environment = environments.MetaDriveEnv(
        {
            "use_render": False,
            "log_level": 50,
            "map": "S" * 12,
            "num_scenarios": 1,
            "traffic_density": 0.0,
            "horizon": 10**9,
            "physics_world_step_size": DT_S / 2,
            "decision_repeat": 2,
            "agent_observation": observations.DummyObservation,
        }
    )
    environment.reset()
    manager = environment.engine.traffic_manager
    roads = environment.current_map.road_network.graph
    lanes = [
        lane for start in roads if not start.startswith("-") for end in roads[start].values() for lane in end
    ]
    vehicles: list[Any] = []
    for lane in lanes:
        along_m = _ENDS_M
        while along_m < lane.length - _ENDS_M and len(vehicles) < VEHICLES - 1:
            place = {"spawn_lane_index": lane.index, "spawn_longitude": along_m}
            vehicle = manager.spawn_object(manager.random_vehicle_type(), vehicle_config=place)
            vehicle.set_velocity(vehicle.heading, _SPEED_MPS)
            manager.add_policy(vehicle.id, idm.IDMPolicy, vehicle, manager.generate_seed())
            manager._traffic_vehicles.append(vehicle)  # the property is a copy
            vehicles.append(vehicle)
            along_m += _APART_M
    rates = {"its own traffic": rate_hz(lambda: environment.step([0.0, 0.2]))}
    speeds = [float(vehicle.speed) for vehicle in (environment.agent, *manager.traffic_vehicles)]
    tell(metadata.version("metadrive-simulator"), rates, speeds)


if __name__ == "__main__":
    main()
