"""Cast: the moving actors of a world as objects of the store, posed for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.render.fleet import OWN_COLORS, model_of, wheel_places
from simulator.render.labels import PALETTE_SIZE, Slot
from simulator.render.people import HIP, SHOULDER
from simulator.render.poses import rotation_matrices
from simulator.render.store import Drawn, TriangleStore
from simulator.world.blueprints import Blueprint

_STRIDE_M = 1.5  # of two steps
_SWING_RAD = 0.55  # of a leg at walking pace
_WALK_MPS = 1.4
_BLINK_S = 0.4

# CARLA's VehicleLightState.
_POSITION, _LOW, _HIGH, _BRAKE, _RIGHT, _LEFT, _REVERSE = 1, 2, 4, 8, 16, 32, 64
_SPECIAL = 512 | 1024

# Linear colour and glow of each lamp when it is off and when it is on.
_OFF = {
    Slot.BRAKE: (0.28, 0.012, 0.012, 0.0), Slot.LEFT: (0.45, 0.16, 0.03, 0.0),
    Slot.RIGHT: (0.45, 0.16, 0.03, 0.0),
    Slot.HEAD: (0.62, 0.64, 0.66, 0.0), Slot.REVERSE: (0.45, 0.45, 0.45, 0.0),
    Slot.BEACON_RED: (0.35, 0.02, 0.02, 0.0), Slot.BEACON_BLUE: (0.02, 0.04, 0.35, 0.0),
}  # fmt: skip
_ON = {
    Slot.BRAKE: (1.0, 0.035, 0.02, 3.2), Slot.LEFT: (1.0, 0.38, 0.02, 3.0),
    Slot.RIGHT: (1.0, 0.38, 0.02, 3.0),
    Slot.HEAD: (1.0, 0.96, 0.85, 4.5), Slot.REVERSE: (1.0, 1.0, 0.95, 2.5),
    Slot.BEACON_RED: (1.0, 0.04, 0.03, 5.0), Slot.BEACON_BLUE: (0.05, 0.15, 1.0, 5.0),
}  # fmt: skip
_TAIL = (1.0, 0.03, 0.02, 0.8)  # the rear position lamp shares the brake lamp's glass


class Player(NamedTuple):
    """One actor to be drawn.

    Attributes:
        actor_id: its instance number.
        blueprint: what it is.
        color: linear paint, None for the blueprint's own.
    """

    actor_id: int
    blueprint: Blueprint
    color: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How N actors stand and move.

    Attributes:
        transform: (N, 6) x, y, z m, pitch, yaw, roll deg.
        steer_rad: (N,) of the front wheels, positive to the right.
        rolled_m: (N,) distance travelled since the actor was spawned, for wheels and legs.
        speed_mps: (N,) for the length of a walker's step.
        lights: (N,) CARLA's VehicleLightState flags.
    """

    transform: NDArray[np.float64]
    steer_rad: NDArray[np.float64]
    rolled_m: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    lights: NDArray[np.int64]

    @classmethod
    def standing(cls, transform: NDArray[np.float64]) -> Motion:
        """Everything at rest with its lights off."""
        count = len(transform)
        nothing = np.zeros(count)
        return cls(np.asarray(transform, float), nothing, nothing, nothing, np.zeros(count, np.int64))


def linear(rgb: Sequence[int]) -> tuple[float, float, float]:
    """A colour of 0 .. 255 as CARLA's attributes give it, as linear reflectance."""
    value = np.asarray(rgb, np.float64) / 255.0
    flat = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4) * 0.85 + 0.008
    return (float(flat[0]), float(flat[1]), float(flat[2]))


class Cast:
    """A fixed set of actors. Make a new one when an actor comes or goes; pose it every tick."""

    def __init__(self, store: TriangleStore, players: Sequence[Player]) -> None:
        """Find the parts of every actor.

        Raises:
            KeyError: the store has no template of a blueprint.
        """
        self._keys: list[str] = []
        rows: list[tuple[float, ...]] = []  # actor, x, y, z, steered, rolls (1 / radius), swing
        for number, player in enumerate(players):
            rows += self._parts(number, player)
        for key in self._keys:
            if key not in store.templates:
                raise KeyError(key)
        table = np.array(rows, np.float64).reshape(-1, 7)
        self._actor = table[:, 0].astype(np.int64)
        self._place = np.ascontiguousarray(table[:, 1:4])
        self._steered, self._rolls, self._swing = table[:, 4], table[:, 5], table[:, 6]
        self._instance = np.array([player.actor_id for player in players], np.int32)
        self._paint = np.array(
            [p.color or OWN_COLORS.get(model_of(p.blueprint.id), (0.45, 0.45, 0.45)) for p in players],
            np.float32,
        ).reshape(-1, 3)

    def _parts(self, number: int, player: Player) -> list[tuple[float, ...]]:
        blueprint = player.blueprint
        spec = blueprint.vehicle
        if spec is not None:
            self._keys += [blueprint.id]
            rows: list[tuple[float, ...]] = [(number, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
            for x, y, z, steered in wheel_places(spec):
                self._keys.append(f"{blueprint.id}/wheel")
                rows.append((number, x, y, z, float(steered), 1.0 / spec.wheel_radius_m, 0.0))
            return rows
        if not blueprint.id.startswith("walker.") or blueprint.box is None:
            self._keys.append(blueprint.id)
            return [(number, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
        half = blueprint.box[1]
        feet, tall = blueprint.box[0][2] - half[2], 2.0 * half[2]
        rows = [(number, 0.0, 0.0, feet, 0.0, 0.0, 0.0)]
        self._keys.append(f"{blueprint.id}/trunk")
        for part, height, side, swing in (("leg", HIP, 0.052, 1.0), ("arm", SHOULDER, 0.118, -0.7)):
            for sign in (-1.0, 1.0):
                self._keys.append(f"{blueprint.id}/{part}")
                rows.append((number, 0.0, sign * side * tall, feet + height * tall, 0.0, 0.0, sign * swing))
        return rows

    def per_part(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """One row for every object that `drawn` makes, of values with one row for every actor."""
        return np.asarray(values)[self._actor]

    def drawn(self, motion: Motion, time_s: float = 0.0) -> Drawn:
        """All actors as objects of the store; `time_s` makes indicators and beacons blink."""
        body = rotation_matrices(motion.transform[:, 3:])[self._actor]
        origin = motion.transform[self._actor, :3] + np.einsum("nij,nj->ni", body, self._place)
        steer = motion.steer_rad[self._actor] * self._steered
        pace = np.minimum(motion.speed_mps / _WALK_MPS, 1.6)[self._actor]
        stride = np.sin(motion.rolled_m[self._actor] * (2.0 * np.pi / _STRIDE_M))
        turn = motion.rolled_m[self._actor] * self._rolls + _SWING_RAD * self._swing * pace * stride
        turn = np.fmod(turn, 2.0 * np.pi)
        rotation = body @ _steered_and_turned(steer, turn)
        return Drawn(
            self._keys,
            rotation,
            origin,
            self._instance[self._actor],
            self._actor.astype(np.int32),
            self._palettes(motion.lights, time_s),
        )

    def _palettes(self, lights: NDArray[np.int64], time_s: float) -> NDArray[np.float32]:
        """(N, PALETTE_SIZE, 4)."""
        palettes = np.zeros((len(lights), PALETTE_SIZE, 4), np.float32)
        palettes[:, Slot.BODY, :3] = self._paint
        blink = int(time_s / _BLINK_S) % 2 == 0
        flash = int(time_s / 0.2) % 2 == 0
        special = (lights & _SPECIAL) != 0
        on = {
            Slot.BRAKE: (lights & _BRAKE) != 0,
            Slot.LEFT: ((lights & _LEFT) != 0) & blink,
            Slot.RIGHT: ((lights & _RIGHT) != 0) & blink,
            Slot.HEAD: (lights & (_LOW | _HIGH)) != 0,
            Slot.REVERSE: (lights & _REVERSE) != 0,
            Slot.BEACON_RED: special & flash,
            Slot.BEACON_BLUE: special & (not flash),
        }
        for slot, burns in on.items():
            palettes[:, slot] = np.where(burns[:, None], _ON[slot], _OFF[slot])
        tail = ((lights & (_POSITION | _LOW | _HIGH)) != 0) & ~on[Slot.BRAKE]
        palettes[tail, Slot.BRAKE] = _TAIL
        return palettes


def _steered_and_turned(steer: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3, 3): a turn about the part's own axle (y), then a steering angle about the vertical.

    A wheel that rolls forwards turns its top towards +x.
    """
    cs, ss, ct, st = np.cos(steer), np.sin(steer), np.cos(turn), np.sin(turn)
    zero = np.zeros_like(cs)
    rows = ((cs * ct, -ss, cs * st), (ss * ct, cs, ss * st), (-st, zero, ct))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
