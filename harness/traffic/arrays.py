"""Tables that the compiled kernels share: plain arrays in named tuples, one row per driver or body."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harness.traffic.network import Bool, Float, Int

MAX_CROSSINGS = 8
"""Crossings that one passage may hold; longer chains of junctions are asked for piece by piece."""

NEVER = -1.0e9


class Bodies(NamedTuple):
    """Everything with a box: the N background vehicles first, then the others. CARLA's frame.

    Attributes:
        x, y, z: box centre, m.
        cos, sin: of the yaw.
        half_length, half_width: m.
        vx, vy: m/s, world axes.
    """

    x: Float
    y: Float
    z: Float
    cos: Float
    sin: Float
    half_length: Float
    half_width: Float
    vx: Float
    vy: Float


class Traits(NamedTuple):
    """How each driver likes to drive.

    Attributes:
        limit_share: share of the speed limit that it wants.
        headway_s: time gap to the car ahead.
        accel_mps2: acceleration from a standstill on a free road.
        lateral_mps2: acceleration that it accepts in curves.
        wheelbase_m: of its car.
    """

    limit_share: Float
    headway_s: Float
    accel_mps2: Float
    lateral_mps2: Float
    wheelbase_m: Float

    @classmethod
    def draw(cls, generators: tuple[np.random.Generator, ...], half_length: Float) -> Traits:
        """Draw the traits of every driver from its own generator."""
        low_high = ((0.75, 0.9), (1.2, 1.7), (1.4, 2.0), (1.8, 2.4))
        rows = [[generator.uniform(low, high) for low, high in low_high] for generator in generators]
        table = np.array(rows, dtype=np.float64).reshape(-1, len(low_high))
        # CARLA's cars: wheelbase 0.58 of the length (Lincoln MKZ 2.84 m of 4.89 m).
        limit_share, headway_s, accel_mps2, lateral_mps2 = (np.ascontiguousarray(c) for c in table.T)
        return cls(limit_share, headway_s, accel_mps2, lateral_mps2, 2.0 * 0.58 * half_length)


class Claims(NamedTuple):
    """Crossings that each driver holds.

    Attributes:
        crossing: (N, 8) the first `size` entries hold.
        until_m: (N, 8) arc length that the car's rear must pass to free it.
        size: (N,).
        gate_m: (N,) arc length of the gate that the last claim opened.
        exit_m: (N,) arc length where the last claim ends; NEVER without one.
        kept: (N,) entries that were there before the last claim, kept if that one is taken back.
        kept_exit_m: (N,) likewise `exit_m`.
        asked_tick: (N,) when the driver began to wait at its present gate, or -1.
    """

    crossing: Int
    until_m: Float
    size: Int
    gate_m: Float
    exit_m: Float
    kept: Int
    kept_exit_m: Float
    asked_tick: Int

    @classmethod
    def none(cls, size: int) -> Claims:
        """Nobody holds anything."""
        return cls(
            np.zeros((size, MAX_CROSSINGS), dtype=np.int64),
            np.zeros((size, MAX_CROSSINGS)),
            np.zeros(size, dtype=np.int64),
            np.full(size, NEVER),
            np.full(size, NEVER),
            np.zeros(size, dtype=np.int64),
            np.full(size, NEVER),
            np.full(size, -1, dtype=np.int64),
        )


class Gates(NamedTuple):
    """The next junction that each driver comes to; rewritten at every tick.

    Attributes:
        wish: (N,) whether there is one within reach that the driver has not yet been let into.
        gate_m: (N,) arc length of the last point before it.
        stop_m: (N,) arc length where the front must stop: the stop line, or the gate where there is none.
        light: (N,) light that governs it, or -1.
        crossing, until_m, size: as in `Claims`, for the passage asked for.
        exit_m: (N,) arc length where the passage ends.
        exit_point: (N,) index of the window's first point behind it.
        open: (N,) whether the driver may pass; else it stops at `stop_m`.
    """

    wish: Bool
    gate_m: Float
    stop_m: Float
    light: Int
    crossing: Int
    until_m: Float
    size: Int
    exit_m: Float
    exit_point: Int
    open: Bool

    @classmethod
    def none(cls, size: int) -> Gates:
        """No gates yet."""
        return cls(
            np.zeros(size, dtype=np.bool_),
            np.zeros(size),
            np.zeros(size),
            np.full(size, -1, dtype=np.int64),
            np.zeros((size, MAX_CROSSINGS), dtype=np.int64),
            np.zeros((size, MAX_CROSSINGS)),
            np.zeros(size, dtype=np.int64),
            np.zeros(size),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.bool_),
        )


class Leaders(NamedTuple):
    """Who is ahead of each driver on its path; rewritten at every tick.

    Attributes:
        body: (N,) row of the body, or -1.
        rear_m: (N,) arc length of the driver's path where it begins.
        speed_mps: (N,) its speed along the path.
        begin: (N,) first point of the window at or ahead of the driver's own front.
    """

    body: Int
    rear_m: Float
    speed_mps: Float
    begin: Int

    @classmethod
    def none(cls, size: int) -> Leaders:
        """Free road."""
        return cls(
            np.full(size, -1, dtype=np.int64), np.zeros(size), np.zeros(size), np.zeros(size, dtype=np.int64)
        )


class Pedals(NamedTuple):
    """What each driver's foot remembers, and what it does now.

    Attributes:
        aim_mps: (N,) speed that the car should have had by now.
        trim: (N,) slowly learnt correction of the throttle.
        throttle, steer, brake: (N,) the controls; steer is positive to the right.
    """

    aim_mps: Float
    trim: Float
    throttle: Float
    steer: Float
    brake: Float

    @classmethod
    def none(cls, size: int) -> Pedals:
        """Feet off."""
        return cls(*(np.zeros(size) for _ in range(5)))
