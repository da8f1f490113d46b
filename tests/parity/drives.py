"""The part of the questionnaire that moves: manoeuvres of one car, and what its sensors say when."""

from __future__ import annotations

import math

import carla

from tests.parity.questions import Answers, Probe
from tests.parity.transformers import rounded
from tests.support.carla_client import DELTA_S
from tests.support.mailbox import Mailbox

CAR = "vehicle.lincoln.mkz_2020"
SECOND = round(1.0 / DELTA_S)


def _along(vector: carla.Vector3D, axis: carla.Vector3D) -> float:
    return float(vector.x * axis.x + vector.y * axis.y + vector.z * axis.z)


def _track(probe: Probe, car: carla.Vehicle, seconds: int) -> list[list[float | str]]:
    """Each second: distance ahead, distance to the right, yaw, speed, as seen from where the car began."""
    start = car.get_transform()
    ahead, right = start.get_forward_vector(), start.get_right_vector()
    rows = []
    for _ in range(seconds):
        probe.ticks(SECOND)
        gone = car.get_location() - start.location
        turned = (car.get_transform().rotation.yaw - start.rotation.yaw + 180.0) % 360.0 - 180.0
        speed = _along(car.get_velocity(), car.get_transform().get_forward_vector())
        rows.append(
            [rounded(_along(gone, ahead)), rounded(_along(gone, right)), rounded(turned), rounded(speed)]
        )
    return rows


def _straight_place(probe: Probe) -> carla.Transform:
    """The spawn point of Town01 from which a lane goes straight on the longest."""

    def straight_m(place: carla.Transform) -> float:
        town = probe.world.get_map()
        point, length_m = town.get_waypoint(place.location), 0.0
        yaw = point.transform.rotation.yaw
        while length_m < 300.0:
            ahead = point.next(5.0)
            if len(ahead) != 1 or abs((ahead[0].transform.rotation.yaw - yaw + 180.0) % 360.0 - 180.0) > 0.5:
                break
            point, length_m = ahead[0], length_m + 5.0
        return length_m

    return max(probe.world.get_map().get_spawn_points(), key=straight_m)


def manoeuvres(probe: Probe) -> Answers:
    """Controls of a Lincoln MKZ on the longest straight of Town01; each begins at rest."""
    place = _straight_place(probe)
    control = carla.VehicleControl
    driven: Answers = {"columns": ["ahead m", "right m", "yaw deg", "speed m/s"]}
    for name, steps in {
        "full throttle, then full brake": [(control(throttle=1.0), 8), (control(brake=1.0), 5)],
        "half throttle": [(control(throttle=0.5), 6)],
        "steer 0.1 at throttle 0.4": [(control(throttle=0.4, steer=0.1), 4)],
        "steer -0.5 at throttle 0.3": [(control(throttle=0.3, steer=-0.5), 4)],
        "reverse": [(control(throttle=0.5, reverse=True), 4)],
        "coasting from full throttle": [(control(throttle=1.0), 4), (control(), 5)],
    }.items():
        with probe.actor(CAR, place) as car:
            probe.ticks(SECOND)
            rows: list[object] = []
            for command, seconds in steps:
                car.apply_control(command)
                rows += _track(probe, car, seconds)
            driven[name] = rows
    with probe.actor(CAR, place) as car:
        probe.ticks(SECOND)
        car.enable_constant_velocity(carla.Vector3D(8.0, 0.0, 0.0))
        driven["constant velocity of 8 m/s"] = list(_track(probe, car, 3))
        car.disable_constant_velocity()
        car.set_target_velocity(carla.Vector3D())
        probe.ticks(SECOND)
        mass = car.get_physics_control().mass
        ahead = car.get_transform().get_forward_vector()
        car.add_impulse(carla.Vector3D(ahead.x * 5.0 * mass, ahead.y * 5.0 * mass, 0.0))
        driven["pushed to 5 m/s"] = list(_track(probe, car, 2))
    return driven


def sensors(probe: Probe) -> Answers:
    """Which frames sensors answer for, and what they say of a car that stands."""
    found: Answers = {}
    with probe.actor(CAR) as car:
        probe.ticks(2 * SECOND)
        for name, tick_s in (("imu", 0.0), ("imu", 0.2), ("gnss", 0.0), ("gnss", 0.1), ("obstacle", 0.0)):
            blueprint = probe.world.get_blueprint_library().find(f"sensor.other.{name}")
            blueprint.set_attribute("sensor_tick", str(tick_s))
            sensor = probe.world.spawn_actor(blueprint, carla.Transform(carla.Location(z=1.0)), attach_to=car)
            mail = Mailbox(sensor)
            ticked = [probe.world.tick() for _ in range(20)]
            if name != "obstacle":
                mail.wait_for_count(round(20 * DELTA_S / max(tick_s, DELTA_S)))
            frames = [message.frame - ticked[0] for message in mail.messages]  # type: ignore[attr-defined]
            found[f"{name} every {tick_s} s"] = {"frames": frames, "last": _content(mail)}
            mail.close()
    return found


def _content(mail: Mailbox) -> object:
    """The numbers of the last message."""
    if not mail.messages:
        return None
    last = mail.messages[-1]
    if isinstance(last, carla.IMUMeasurement):
        turning, pull = last.gyroscope, last.accelerometer
        return {
            "accelerometer": [rounded(value) for value in (pull.x, pull.y, pull.z)],
            "gyroscope": [rounded(value) for value in (turning.x, turning.y, turning.z)],
            "compass deg": rounded(math.degrees(last.compass)),
        }
    if isinstance(last, carla.GnssMeasurement):
        return [round(last.latitude, 6), round(last.longitude, 6), rounded(last.altitude)]
    return type(last).__name__
