"""ScenarioRunner's agent: `--agent .../autopilot.py --agentConfig NAME`, NAME of the pilot's manners.

ScenarioRunner takes the class that is named like its file.
"""

from __future__ import annotations

from typing import Any

import carla
import numpy as np
from pilot import MANNERS, Pilot
from srunner.autoagents.autonomous_agent import AutonomousAgent
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider


class Autopilot(AutonomousAgent):
    """Follows ScenarioRunner's route with ground truth. No sensors."""

    def setup(self, path_to_conf_file: str) -> None:
        """Take the manners by name."""
        self._manners = MANNERS[path_to_conf_file or "autopilot"]
        self._pilot: Pilot | None = None
        self._route = np.empty((0, 2))

    def sensors(self) -> list[dict[str, Any]]:
        """None."""
        return []

    def set_global_plan(self, global_plan_gps: Any, global_plan_world_coord: Any) -> None:
        """Keep the route as dense as it comes."""
        super().set_global_plan(global_plan_gps, global_plan_world_coord)
        self._route = np.array([(pose.location.x, pose.location.y) for pose, _ in global_plan_world_coord])

    def run_step(self, _input_data: Any, _timestamp: float) -> carla.VehicleControl:
        """Drive."""
        if self._pilot is None:
            self._pilot = Pilot(CarlaDataProvider.get_hero_actor(), self._route, self._manners)
        return self._pilot.step()
