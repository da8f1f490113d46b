"""The Leaderboard's agent: `--agent .../evaluated.py --agent-config NAME`, NAME of the pilot's manners.

It asks for the sensors without rays and refuses to drive when one of them says nonsense.
"""

from __future__ import annotations

from typing import Any

import carla
import numpy as np
from leaderboard.autoagents.autonomous_agent import AutonomousAgent, Track
from pilot import MANNERS, Pilot
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider

_SPEED_AGREES_MPS = 0.5


def get_entry_point() -> str:
    """Name of the class; the Leaderboard asks for it."""
    return "Evaluated"


class Evaluated(AutonomousAgent):
    """Follows the Leaderboard's route with ground truth, and looks at its sensors on the way."""

    def setup(self, path_to_conf_file: str) -> None:
        """Take the manners by name."""
        self.track = Track.MAP
        self._manners = MANNERS[path_to_conf_file or "autopilot"]
        self._pilot: Pilot | None = None

    def sensors(self) -> list[dict[str, Any]]:
        """GNSS, IMU, speedometer and the map."""
        mount = {"x": 0.0, "y": 0.0, "z": 1.6, "roll": 0.0, "pitch": 0.0, "yaw": 0.0}
        return [
            {"type": "sensor.other.gnss", "id": "gnss", **mount},
            {"type": "sensor.other.imu", "id": "imu", **mount},
            {"type": "sensor.speedometer", "id": "speed", "reading_frequency": 20},
            {"type": "sensor.opendrive_map", "id": "map", "reading_frequency": 1},
        ]

    def set_global_plan(self, global_plan_gps: Any, global_plan_world_coord: Any) -> None:
        """Keep the route as dense as it comes."""
        super().set_global_plan(global_plan_gps, global_plan_world_coord)
        self._route = np.array([(pose.location.x, pose.location.y) for pose, _ in global_plan_world_coord])

    def run_step(self, input_data: dict[str, Any], _timestamp: float) -> carla.VehicleControl:
        """Drive.

        Raises:
            ValueError: a sensor's values cannot be true.
        """
        hero = CarlaDataProvider.get_hero_actor()
        if self._pilot is None:
            self._pilot = Pilot(hero, self._route, self._manners)
        _check(input_data, hero)
        return self._pilot.step()


def _check(seen: dict[str, Any], hero: carla.Vehicle) -> None:
    position, inertia = np.asarray(seen["gnss"][1]), np.asarray(seen["imu"][1])
    if position.shape != (3,) or not np.isfinite(position).all() or not np.isfinite(inertia).all():
        raise ValueError(f"gnss {position}, imu {inertia}")
    velocity, ahead = hero.get_velocity(), hero.get_transform().get_forward_vector()
    truth = velocity.x * ahead.x + velocity.y * ahead.y + velocity.z * ahead.z
    if abs(seen["speed"][1]["speed"] - truth) > _SPEED_AGREES_MPS:
        raise ValueError(f"speedometer {seen['speed'][1]['speed']}, snapshot {truth}")
    if "OpenDRIVE" not in seen["map"][1]["opendrive"]:
        raise ValueError("the map is no OpenDRIVE text")
