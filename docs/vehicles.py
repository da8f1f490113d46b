"""Drive every vehicle and write what it can do: the table of `vehicles.md`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from simulator.world.actors import Actor
from simulator.world.blueprints import VehicleSpec
from simulator.world.town import Town
from simulator.world.world import World

PAGE = Path(__file__).resolve().parent / "vehicles.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

DT_S = 0.05
SPRINT_S = 60.0
BRAKE_FROM_KMH = 50.0
CIRCLE_MPS = 2.0


class Trial:
    """One vehicle on level ground beside a town, where nothing is in its way.

    Args:
        blueprint_id: of the vehicle.
        spec: of the vehicle.
        town: any.
    """

    def __init__(self, blueprint_id: str, spec: VehicleSpec, town: Town) -> None:
        self.world = World(town, seed=0)
        self._spec = spec
        blueprint = self.world.library[blueprint_id]
        self.actor: Actor = self.world.spawn(blueprint, (), (5000.0, 0.0, 0.0, 0.0, 0.0, 0.0))
        self._tick(10)

    def _tick(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.world.tick(DT_S)

    def _control(self, throttle: float, steer: float, brake: float) -> None:
        self.world.vehicles.apply_control(self.actor.id, (throttle, steer, brake, False, False, False, 0))

    @property
    def _speed_mps(self) -> float:
        return float(np.hypot(*self.world.states["velocity"][self.actor.row][:2]))

    def sprint(self) -> tuple[float | None, float | None, float]:
        """Seconds from 0 to 50 and to 100 km/h, None if never reached, and the speed at the end, km/h."""
        self._control(1.0, 0.0, 0.0)
        reached: dict[float, float] = {}
        for tick in range(round(SPRINT_S / DT_S)):
            self._tick()
            for kmh in (50.0, 100.0):
                if self._speed_mps * 3.6 >= kmh:
                    reached.setdefault(kmh, (tick + 1) * DT_S)
        return reached.get(50.0), reached.get(100.0), self._speed_mps * 3.6

    def stopping_m(self) -> float:
        """Way to a standstill under full brakes."""
        self._control(0.0, 0.0, 1.0)
        self.world.set_target_velocity(self.actor.id, (BRAKE_FROM_KMH / 3.6, 0.0, 0.0))
        began = float(self.world.transform(self.actor.id)[0])
        while True:
            self._tick()
            if self._speed_mps == 0.0:
                return float(self.world.transform(self.actor.id)[0]) - began

    def turning_circle_m(self) -> float:
        """Diameter of the circle of the outer front corner at full lock and walking pace."""
        self._control(0.3, 1.0, 0.0)
        self._tick(20)
        for _ in range(20):
            yaw = math.radians(self.world.transform(self.actor.id)[4])
            self.world.set_target_velocity(
                self.actor.id, (CIRCLE_MPS * math.cos(yaw), CIRCLE_MPS * math.sin(yaw), 0.0)
            )
            self._tick()
        state = self.world.states[self.actor.row]
        rate = math.radians(float(state["angular_velocity"][2]))
        yaw = math.radians(float(state["rotation"][1]))
        along = float(state["velocity"][0]) * math.cos(yaw) + float(state["velocity"][1]) * math.sin(yaw)
        return 2.0 * math.hypot(
            along / rate + self._spec.extent[1], self._spec.extent[0] - self._spec.rear_axle_x_m
        )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def table() -> str:
    """One row per vehicle, as Markdown."""
    town = Town.load("Town01")
    rows = [
        "| vehicle | type | mass, kg | 0-50 km/h, s | 0-100 km/h, s | after 60 s, km/h | 50-0 km/h, m"
        " | turning circle, m |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for blueprint in World(town, seed=0).library:
        spec = blueprint.vehicle
        if spec is None:
            continue
        to_50, to_100, top_kmh = Trial(blueprint.id, spec, town).sprint()
        stopping_m = Trial(blueprint.id, spec, town).stopping_m()
        circle_m = Trial(blueprint.id, spec, town).turning_circle_m()
        rows.append(
            f"| {blueprint.id} | {spec.base_type} | {spec.mass_kg:.0f} | {_seconds(to_50)}"
            f" | {_seconds(to_100)} | {top_kmh:.0f} | {stopping_m:.1f} | {circle_m:.1f} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Write the table."""
    head, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
