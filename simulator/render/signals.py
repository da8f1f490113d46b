"""Traffic lights and signs: poles, heads whose lit lamp is known only when they are drawn, faces to read."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.render.labels import LIGHT_GREEN, LIGHT_RED, LIGHT_YELLOW, PALETTE_SIZE, Label, Material
from simulator.render.lettering import outlines
from simulator.render.mesh import Mesh, Rgb, joined, make_mesh
from simulator.render.poses import rotation_matrices
from simulator.render.shapes import box, loft, plate, rectangle, ring, rod
from simulator.render.store import Drawn
from simulator.world.landmarks import SignalPlan
from simulator.world.town import Town

HEAD_KEY = "signal/head"
_HEAD_ABOVE_M = 4.0  # as `simulator.world.level.light_heads`
_HEAD_HALF_M = (0.14, 0.19, 0.55)
_ARM_ABOVE_M = 5.9
_ARM_MOST_M, _ARM_LEAST_M = 8.0, 2.2
_STEEL_RGB: Rgb = (0.22, 0.23, 0.24)
_HOUSING_RGB: Rgb = (0.018, 0.02, 0.02)
_BACK: Rgb = (0.25, 0.25, 0.25)
_RED: Rgb = (0.50, 0.015, 0.02)
_WHITE: Rgb = (0.80, 0.80, 0.78)
_BLACK: Rgb = (0.015, 0.015, 0.015)
_SIGN_ABOVE_M = 2.3

_OFF = ((0.10, 0.008, 0.008, 0.0), (0.10, 0.07, 0.008, 0.0), (0.008, 0.09, 0.03, 0.0))
_ON = ((1.0, 0.03, 0.02, 4.5), (1.0, 0.55, 0.03, 4.5), (0.05, 1.0, 0.35, 4.0))
_RED_STATE, _YELLOW_STATE, _GREEN_STATE = 0, 1, 2


def signal_templates() -> list[tuple[str, Mesh]]:
    """The head of a traffic light; it looks along its own x axis, its origin in its middle."""
    label = Label.TRAFFIC_LIGHT
    hx, hy, hz = _HEAD_HALF_M
    parts = [
        make_mesh(box((0.0, 0.0, 0.0), (hx, hy, hz)), _HOUSING_RGB, label),
        make_mesh(box((-hx, 0.0, 0.0), (0.012, hy + 0.12, hz + 0.12)), _HOUSING_RGB, label),
    ]
    for slot, z in ((LIGHT_RED, 0.355), (LIGHT_YELLOW, 0.0), (LIGHT_GREEN, -0.355)):
        disc = ring((hx + 0.015, 0.0, z), 0.145, 14, axis=0)
        parts.append(
            make_mesh(
                loft([ring((hx, 0.0, z), 0.145, 14, axis=0), disc]),
                (0.1, 0.1, 0.1),
                label,
                Material.LAMP,
                slot=slot,
            )
        )
        visor = np.linspace(0.0, np.pi, 7)
        inner = np.column_stack([np.full(7, hx), 0.165 * np.cos(visor), z + 0.165 * np.sin(visor)])
        outer = inner + np.array([0.20, 0.0, 0.0])
        skin = np.concatenate(
            [[[inner[k], inner[k + 1], outer[k + 1]], [inner[k], outer[k + 1], outer[k]]] for k in range(6)]
        )
        parts.append(make_mesh(np.concatenate([skin, skin[:, ::-1]]), _HOUSING_RGB, label))
    return [(HEAD_KEY, joined(parts))]


def travel_yaw(plan: SignalPlan) -> float:
    """Direction of travel that a signal is for, rad: its x axis points to the right of it."""
    return math.radians(plan.transform[4]) - math.pi / 2.0


class LightHeads:
    """Heads of a town's traffic lights, in the order of `Town.lights`: at the pole and over the lanes."""

    def __init__(self, town: Town) -> None:
        places, owners, yaws = [], [], []
        for number, plan in enumerate(town.lights):
            for place in _head_places(plan):
                places.append(place)
                owners.append(number)
                yaws.append(math.degrees(travel_yaw(plan)) + 180.0)
        self._places = np.array(places).reshape(-1, 3)
        self._owners = np.array(owners, np.int32)
        turn = np.zeros((len(yaws), 3))
        turn[:, 1] = yaws
        self._rotation = rotation_matrices(turn)

    def drawn(self, states: NDArray[np.int64], actor_ids: NDArray[np.int64]) -> Drawn:
        """All heads.

        Args:
            states: (L,) CARLA's TrafficLightState: 0 red, 1 yellow, 2 green, others dark.
            actor_ids: (L,) instance numbers.
        """
        palettes = np.zeros((len(states), PALETTE_SIZE, 4), np.float32)
        rows = (LIGHT_RED, LIGHT_YELLOW, LIGHT_GREEN)
        for row, state, off, on in zip(
            rows, (_RED_STATE, _YELLOW_STATE, _GREEN_STATE), _OFF, _ON, strict=True
        ):
            palettes[:, row] = np.where((states == state)[:, None], on, off)
        return Drawn(
            [HEAD_KEY] * len(self._owners),
            self._rotation,
            self._places,
            np.asarray(actor_ids, np.int32)[self._owners],
            self._owners,
            palettes,
        )


def _arm(plan: SignalPlan) -> float:
    """How far the mast reaches over the governed lanes, to the right of travel; 0 for no mast."""
    middle = plan.box.center[0]
    if plan.box.extent[0] <= 0.0 or abs(middle) < _ARM_LEAST_M:
        return 0.0
    return math.copysign(min(abs(middle), _ARM_MOST_M), middle)


def _head_places(plan: SignalPlan) -> list[tuple[float, float, float]]:
    x, y, z, _, yaw_deg, _ = plan.transform
    reach = _arm(plan)
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    travel = travel_yaw(plan)
    fx, fy = -0.32 * math.cos(travel), -0.32 * math.sin(travel)
    places = [(x + fx, y + fy, z + _HEAD_ABOVE_M)]
    if reach != 0.0:
        places.append((x + reach * c + fx, y + reach * s + fy, z + _ARM_ABOVE_M - 0.15))
    return places


def sign_meshes(town: Town) -> list[Mesh]:
    """Poles of lights, and whole signs, in the world."""
    made = []
    for plan in town.lights:
        x, y, z, _, yaw_deg, _ = plan.transform
        reach = _arm(plan)
        high = _ARM_ABOVE_M + 0.35 if reach else _HEAD_ABOVE_M + 0.7
        pole = [rod((0.0, 0.0, -1.0), (0.0, 0.0, high), 0.11, 8, 0.08)]
        if reach:
            pole.append(
                rod((0.0, 0.0, _ARM_ABOVE_M), (reach * 1.06, 0.0, _ARM_ABOVE_M + 0.25), 0.07, 6, 0.045)
            )
        made.append(
            make_mesh(np.concatenate(pole), _STEEL_RGB, Label.POLES).at(x, y, z, math.radians(yaw_deg))
        )
    for plan in town.signs:
        x, y, z, *_ = plan.transform
        face = _face(plan.blueprint_id)
        post = make_mesh(
            rod((0.05, 0.0, -1.0), (0.05, 0.0, _SIGN_ABOVE_M + 0.3), 0.035, 6), _STEEL_RGB, Label.POLES
        )
        made.append(joined([post, face]).at(x, y, z, travel_yaw(plan)))
    return made


def _face(blueprint_id: str) -> Mesh:
    """A sign in a frame whose x axis is the direction of travel: it is read from behind its origin."""
    kind = blueprint_id.split(".")[1]
    if kind == "stop":
        outline = _polygon(8, 0.42, math.pi / 8.0)
        return joined(
            [
                _sheet(outline, _WHITE, 0.0),
                _sheet(outline * 0.94, _RED, 0.006),
                *_text("STOP", 0.56, 0.24, 0.045, _WHITE),
            ]
        )
    if kind == "yield":
        outline = _polygon(3, 0.52, -math.pi / 2.0)
        return joined([_sheet(outline, _RED, 0.0), _sheet(outline * 0.62, _WHITE, 0.006)])
    number = blueprint_id.rsplit(".", 1)[1]
    parts = [_sheet(rectangle(0.34, 0.44), _BLACK, 0.0), _sheet(rectangle(0.325, 0.425), _WHITE, 0.005)]
    parts += _text("SPEED", 0.44, 0.12, 0.028, _BLACK, 0.30)
    parts += _text("LIMIT", 0.42, 0.12, 0.028, _BLACK, 0.12)
    parts += _text(number, 0.20 * len(number), 0.34, 0.055, _BLACK, -0.20)
    return joined(parts)


def _polygon(count: int, radius: float, turn: float) -> NDArray[np.float64]:
    angle = turn + np.arange(count) * (2.0 * np.pi / count)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def _sheet(outline: NDArray[np.float64], rgb: Rgb, off: float) -> Mesh:
    """A plate, `off` metres in front, with a grey back behind the first one."""
    label = Label.TRAFFIC_SIGNS
    front = plate((-off, 0.0, _SIGN_ABOVE_M), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), outline)
    parts = [make_mesh(front, rgb, label)]
    if off == 0.0:
        parts.append(make_mesh(front[:, ::-1] + np.array([0.004, 0.0, 0.0]), _BACK, label))
    return joined(parts)


def _text(text: str, width: float, height: float, stroke: float, rgb: Rgb, up: float = 0.0) -> list[Mesh]:
    return [
        _sheet(shape + np.array([0.0, up]), rgb, 0.011) for shape in outlines(text, width, height, stroke)
    ]
