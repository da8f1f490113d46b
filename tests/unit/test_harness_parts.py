"""Seeds, weather, collision log, progress along the route: the small parts of the harness."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pytest

from harness.client.collisions import CollisionLog
from harness.client.route_progress import RouteProgress, lights_on_route, stop_signs_on_route
from harness.client.weather import DEFAULT_WEATHER, weather_at
from harness.facts import StopLine, StopSignFacts, TrafficLightFacts
from harness.seeds import derive_seed, episode_seed
from scenarios.route import DenseRoute, WeatherKeyframe


def test_seeds_differ_by_route_repeat_and_purpose_and_stay_the_same() -> None:
    seeds = {episode_seed(c, r, n) for c in (0, 1) for r in ("1", "11") for n in (0, 1, 11)}
    assert len(seeds) == 12
    assert derive_seed(0, "a", "bc") != derive_seed(0, "ab", "c")
    assert derive_seed(0, "1") != derive_seed(0, 1)
    assert episode_seed(0, "3", 1) == 857981229


def test_weather_follows_its_key_frames() -> None:
    frames = (
        WeatherKeyframe(0.0, {"fog_density": 0.0, "wetness": 5.0}),
        WeatherKeyframe(50.0, {"fog_density": 80.0}),
    )
    assert weather_at((), 30.0) == DEFAULT_WEATHER
    assert weather_at(frames, 0.0) == {"fog_density": 0.0, "wetness": 5.0}
    assert weather_at(frames, 25.0) == {"fog_density": 40.0, "wetness": 5.0}
    assert weather_at(frames, 99.0) == {"fog_density": 80.0}


@dataclass
class _Vector:
    x: float = 1.0
    y: float = 2.0
    z: float = 3.0


@dataclass
class _Other:
    id: int
    type_id: str = "vehicle.audi.tt"


class _Message:
    """Shaped like `carla.CollisionEvent`, which cannot be made without a server."""

    def __init__(self, frame: int, other: int) -> None:
        self.frame = frame
        self.other_actor = _Other(other)
        self.normal_impulse = _Vector()


def test_collisions_are_handed_over_once_with_their_frame_and_in_order() -> None:
    log = CollisionLog()
    for frame, other in ((7, 1), (7, 2), (8, 3)):
        log.on_message(_Message(frame, other))
    assert [message.other_id for message in log.take(7)] == [1, 2]
    assert log.take(7) == ()
    assert [message.other_id for message in log.take(8)] == [3]
    assert log.late_count == 0


def test_a_late_collision_is_not_lost_but_counted() -> None:
    log = CollisionLog()
    log.on_message(_Message(7, 1))
    log.on_message(_Message(8, 2))
    assert [message.other_id for message in log.take(8)] == [1, 2]
    assert log.late_count == 1


def test_a_burst_of_collisions_is_waited_for() -> None:
    log = CollisionLog()
    first_is_in = threading.Event()

    def burst() -> None:
        for other in range(200):
            log.on_message(_Message(7, other))
            first_is_in.set()

    thread = threading.Thread(target=burst)
    thread.start()
    first_is_in.wait()
    taken = log.take(7)
    thread.join()
    assert len(taken) == 200


def _straight(count: int = 101) -> DenseRoute:
    """A route along the x axis, a point per metre."""
    location = np.stack([np.arange(count), np.zeros(count), np.zeros(count)], axis=1).astype(np.float64)
    return DenseRoute(location, np.zeros((count, 3)), np.full(count, 4), np.arange(count, dtype=np.float64))


def test_progress_goes_forward_along_the_route_and_never_back() -> None:
    progress = RouteProgress(_straight())
    for x_m, index, along_m in ((-0.4, 0, -0.4), (0.3, 0, 0.3), (0.7, 0, 0.7), (5.2, 5, 5.2), (3.0, 5, 3.0)):
        progress.update(np.array([x_m, 1.5, 0.0]))
        assert progress.index == index
        assert progress.along_m == pytest.approx(along_m)


def _light(line: StopLine) -> TrafficLightFacts:
    return TrafficLightFacts("1", (0.0, 0.0, 5.0), (0.0, 0.0, 0.0), (line,))


@pytest.mark.parametrize(
    ("location", "yaw_deg", "found"),
    [
        ((40.3, 0.2, 0.0), 2.0, [40.3]),
        ((40.3, 3.5, 0.0), 0.0, []),  # the lane beside
        ((40.3, 0.2, 0.0), 180.0, []),  # against the route
        ((40.3, 0.2, 9.0), 0.0, []),  # on the bridge above
        ((200.0, 0.0, 0.0), 0.0, []),  # beyond the end
    ],
)
def test_only_stop_lines_that_the_route_crosses_are_its_lights(
    location: tuple[float, float, float], yaw_deg: float, found: list[float]
) -> None:
    line = StopLine(location, (0.0, yaw_deg, 0.0), 1, -1, 3.5)
    stops = lights_on_route(_straight(), (_light(line),))
    assert stops.along_m.tolist() == pytest.approx(found)


def test_lights_ahead_are_those_in_the_stretch() -> None:
    lights = tuple(
        _light(StopLine((x_m, 0.0, 0.0), (0.0, 0.0, 0.0), 1, -1, 3.5)) for x_m in (80.0, 20.0, 50.0)
    )
    stops = lights_on_route(_straight(), lights)
    assert stops.between(18.0, 60.0) == [(20.0, 1), (50.0, 2)]


def test_a_stop_sign_is_placed_abreast_of_its_volume() -> None:
    sign = StopSignFacts("7", (33.0, 4.0, 0.0), (30.4, 1.0, 0.5), (1.5, 1.5, 1.0))
    aside = StopSignFacts("8", (33.0, 4.0, 0.0), (30.4, 3.0, 0.5), (1.5, 1.5, 1.0))
    stops = stop_signs_on_route(_straight(), (sign, aside))
    assert (stops.along_m.tolist(), stops.index.tolist()) == ([30.0], [0])
