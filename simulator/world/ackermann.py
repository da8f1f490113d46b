"""Ackermann control: steering angle and speed wanted, pedals found by CARLA's two controllers in a row.

The first turns the error of the speed into a change of the wanted acceleration, the second the error of the
acceleration into a change of the pedals. Structure, limits, filter and default gains are CARLA's; they run
once per tick on the state that the last tick left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.world.errors import NotFiniteError
from simulator.world.world import World

MAX_ACCELERATION_MPS2 = 3.0
MAX_DECELERATION_MPS2 = 8.0
"""Limits when the client names none."""

_STANDSTILL_MPS = 0.1
_OLD_SHARE = 0.8  # of the last acceleration in the filtered one


@dataclass(frozen=True, slots=True)
class AckermannControl:
    """What a client wants; wire order.

    Attributes:
        steer_rad: of the wheels, positive to the right.
        steer_speed_radps: kept, not used, as in CARLA.
        speed_mps: negative backward.
        acceleration_mps2: limit, 0 for the highest.
        jerk_mps3: kept, not used, as in CARLA.
    """

    steer_rad: float
    steer_speed_radps: float
    speed_mps: float
    acceleration_mps2: float
    jerk_mps3: float


@dataclass(frozen=True, slots=True)
class AckermannGains:
    """Gains of both controllers; wire order."""

    speed_kp: float = 0.15
    speed_ki: float = 0.0
    speed_kd: float = 0.25
    acceleration_kp: float = 0.01
    acceleration_ki: float = 0.0
    acceleration_kd: float = 0.01


@dataclass(slots=True)
class _Memory:
    """Of one controller: integral, and the last measurement that it saw."""

    integral: float = 0.0
    last: float = 0.0

    def change(self, error: float, now: float, gains: tuple[float, float, float], dt_s: float) -> float:
        kp, ki, kd = gains
        self.integral += ki * error * dt_s
        derivative = (now - self.last) / dt_s
        self.last = now
        return kp * error + self.integral - kd * derivative


@dataclass(slots=True)
class _Driver:
    """One vehicle under Ackermann control."""

    wanted: AckermannControl
    speed: _Memory = field(default_factory=_Memory)
    acceleration: _Memory = field(default_factory=_Memory)
    speed_mps: float = 0.0
    acceleration_mps2: float = 0.0
    wanted_mps2: float = 0.0
    pedal: float = 0.0
    reverse: bool = False

    def pedals(self, now_mps: float, gains: AckermannGains, dt_s: float) -> tuple[float, float]:
        """Throttle and brake."""
        measured_mps2 = (now_mps - self.speed_mps) / dt_s
        self.acceleration_mps2 += (1.0 - _OLD_SHARE) * (measured_mps2 - self.acceleration_mps2)
        self.speed_mps = now_mps
        target_mps = self.wanted.speed_mps
        if abs(now_mps) < _STANDSTILL_MPS:
            if abs(target_mps) < _STANDSTILL_MPS:
                return 0.0, 1.0
            self.reverse = target_mps < 0.0
        if now_mps * target_mps < 0.0:  # first to a standstill, then the other way
            target_mps = 0.0
        limit = abs(self.wanted.acceleration_mps2)
        low, high = (limit, limit) if limit > 1e-4 else (MAX_DECELERATION_MPS2, MAX_ACCELERATION_MPS2)
        speed_gains = (gains.speed_kp, gains.speed_ki, gains.speed_kd)
        self.wanted_mps2 += self.speed.change(target_mps - now_mps, now_mps, speed_gains, dt_s)
        self.wanted_mps2 = min(max(self.wanted_mps2, -low), high)
        error = self.wanted_mps2 - self.acceleration_mps2
        pedal_gains = (gains.acceleration_kp, gains.acceleration_ki, gains.acceleration_kd)
        self.pedal += self.acceleration.change(error, self.acceleration_mps2, pedal_gains, dt_s)
        self.pedal = min(max(self.pedal, -1.0), 1.0)
        forward, against = max(self.pedal, 0.0), max(-self.pedal, 0.0)
        return (against, forward) if self.reverse else (forward, against)


class AckermannDrivers:
    """All vehicles of a world that are under Ackermann control."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._drivers: dict[int, _Driver] = {}
        self._gains: dict[int, AckermannGains] = {}

    def take(self, actor_id: int, wanted: AckermannControl) -> None:
        """Put a vehicle under control, or change what is wanted of it.

        Raises:
            UnknownActorError, WrongActorKindError: there is no such vehicle.
            NotFiniteError: a number is NaN or infinite.
        """
        self._world.vehicles.control(actor_id)
        if not all(math.isfinite(number) for number in (wanted.steer_rad, wanted.speed_mps)):
            raise NotFiniteError(actor_id, "Ackermann control")
        driver = self._drivers.get(actor_id)
        if driver is None:
            self._drivers[actor_id] = _Driver(wanted)
        else:
            driver.wanted = wanted

    def leave(self, actor_id: int) -> None:
        """Pedals come from the client again."""
        self._drivers.pop(actor_id, None)

    def leave_all(self, actor_ids: Iterable[int]) -> None:
        """`leave` for many; cheap where nobody is under Ackermann control."""
        if self._drivers:
            for actor_id in actor_ids:
                self.leave(actor_id)

    def gains(self, actor_id: int) -> AckermannGains:
        """Gains of a vehicle.

        Raises:
            UnknownActorError, WrongActorKindError: there is no such vehicle.
        """
        self._world.vehicles.control(actor_id)
        return self._gains.get(actor_id, AckermannGains())

    def set_gains(self, actor_id: int, gains: AckermannGains) -> None:
        """Change them.

        Raises:
            UnknownActorError, WrongActorKindError: there is no such vehicle.
        """
        self._world.vehicles.control(actor_id)
        self._gains[actor_id] = gains

    def drive(self, dt_s: float) -> None:
        """Set the controls of all of them for a tick of `dt_s`."""
        for actor_id, driver in list(self._drivers.items()):
            actor = self._world.actors.get(actor_id)
            if actor is None:
                del self._drivers[actor_id]
                continue
            yaw = math.radians(self._world.transform(actor_id)[4])
            vx, vy, _ = self._world.states[actor.row]["velocity"].tolist()
            now_mps = vx * math.cos(yaw) + vy * math.sin(yaw)
            throttle, brake = driver.pedals(now_mps, self.gains(actor_id), dt_s)
            wheels = self._world.vehicles.physics(actor_id).wheels
            lock_deg = max((wheel.max_steer_angle_deg for wheel in wheels), default=0.0)
            steer = driver.wanted.steer_rad / math.radians(lock_deg) if lock_deg > 0.0 else 0.0
            self._world.vehicles.apply_control(
                actor_id, (throttle, min(max(steer, -1.0), 1.0), brake, False, driver.reverse, False, 0)
            )
