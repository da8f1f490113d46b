"""The agent of `drive_scenario.py`: drives from where an example scenario puts the hero.

Its configuration is JSON: `manners` (name), `turn` (`left`, `right`, `straight`) and `limit_s`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, ClassVar

import carla
from autopilot import Autopilot
from pilot import Pilot, path_ahead
from srunner.scenariomanager.carla_data_provider import CarlaDataProvider
from srunner.scenariomanager.timer import GameTime


class Driver(Autopilot):
    """Drives on along the lane, and ends scenarios that have no end of their own."""

    stop_scenario: ClassVar[Callable[[], None]]
    """Set by `drive_scenario.py`: what ends the running scenario."""

    def setup(self, path_to_conf_file: str) -> None:
        """Read the configuration."""
        options = json.loads(path_to_conf_file)
        super().setup(options["manners"])
        self._turn = options["turn"]
        self._limit_s = options["limit_s"]
        self._last: carla.Location | None = None
        self._driven_m = 0.0

    def run_step(self, _input_data: Any, _timestamp: float) -> carla.VehicleControl:
        """Drive, or end the scenario when its time is over."""
        if GameTime.get_time() > self._limit_s:
            print(f"COMPAT limit {self._limit_s:.0f} s", flush=True)
            type(self).stop_scenario()
        here = self._hero().get_location()
        if self._last is not None:
            self._driven_m += math.hypot(here.x - self._last.x, here.y - self._last.y)
        self._last = here
        if self._pilot is None:
            path = path_ahead(CarlaDataProvider.get_map(), here, turn=self._turn)
            self._pilot = Pilot(self._hero(), path, self._manners)
        return self._pilot.step()

    def destroy(self) -> None:
        """Say how far the hero came."""
        print(f"COMPAT drove {self._driven_m:.0f} m", flush=True)

    def _hero(self) -> carla.Vehicle:
        return CarlaDataProvider.get_hero_actor()
