"""Runs one of ScenarioRunner's example scenarios with a pilot at the wheel, in step with its ticks.

ScenarioRunner's command line takes an agent for routes only; its documentation has a person drive the hero
from a second program. Here ScenarioRunner's class is used as it is, with an agent that drives the hero, so
that a run can be repeated exactly. Called as

    python drive_scenario.py OPTIONS

with ScenarioRunner's options as a JSON object, `agentConfig` for `driver.py` among them.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from driver import Driver
from scenario_runner import ScenarioRunner

_DEFAULTS: dict[str, Any] = {
    "host": "127.0.0.1",
    "timeout": "60",
    "trafficManagerSeed": "0",
    "sync": True,
    "frameRate": 20.0,
    "scenario": None,
    "openscenario": None,
    "openscenarioparams": None,
    "openscenario2": None,
    "route": None,
    "route_id": "",
    "agent": str(Path(__file__).with_name("driver.py")),
    "output": True,
    "file": False,
    "junit": False,
    "json": False,
    "configFile": "",
    "additionalScenario": "",
    "outputDir": "",
    "debug": False,
    "reloadWorld": True,
    "record": "",
    "randomize": False,
    "repetitions": 1,
    "waitForEgo": False,
}


def main() -> int:
    """Run what the options say.

    Returns:
        0 if ScenarioRunner ran it to its end, 1 otherwise. What its criteria said is in the table that it
        prints.
    """
    runner = ScenarioRunner(Namespace(**(_DEFAULTS | json.loads(sys.argv[1]))))
    Driver.stop_scenario = runner.manager.stop_scenario
    try:
        return 0 if runner.run() else 1
    finally:
        runner.destroy()


if __name__ == "__main__":
    sys.exit(main())
