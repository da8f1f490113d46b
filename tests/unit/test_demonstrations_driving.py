"""What is driven for demonstrations: routes, splits, weathers, disturbances, who drives, and the labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import carla
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.expert import Decision, Reason
from policies.plan import Control
from policies.sensor_bundle import Command, LightState
from scenarios.lane_graph import LaneGraph
from scenarios.planner import trace_route
from scenarios.route import Route
from scenarios.route_writer import write_routes
from scenarios.route_xml import read_routes
from scenarios.suites import routes_sha256
from scenarios.weathers import HELD_OUT, TRAINING, WEATHERS, keyframes
from tests.support.kinematic_town import town_map
from tests.support.opendrive_texts import STRAIGHT
from tests.support.policies_world import FRONT_M, World, straight_road
from training.demonstrations.config import CollectConfig
from training.demonstrations.disturbance import Disturbance
from training.demonstrations.features import Feature, block, column
from training.demonstrations.mixture import Mixture
from training.demonstrations.routes import RouteDrawError, draw_routes
from training.demonstrations.sentences import sentence
from training.demonstrations.splits import SplitError, assign_splits, check_disjoint, route_key

CRUISE = Control(throttle=0.4, steer=0.05, brake=0.0)


@pytest.fixture(scope="module")
def town01() -> LaneGraph:
    return LaneGraph.from_map(town_map("Town01"))


def test_weathers_are_those_of_the_client() -> None:
    default = carla.WeatherParameters()
    for name, values in WEATHERS.items():
        theirs = getattr(carla.WeatherParameters, name)
        ours = carla.WeatherParameters()
        for key, value in values.items():
            setattr(ours, key, value)
        names = [key for key in dir(default) if key.islower() and not key.startswith("_")]
        for key in names:
            assert getattr(ours, key) == pytest.approx(getattr(theirs, key), abs=1e-5), (name, key)
    assert not set(HELD_OUT) & set(TRAINING)


def test_drawn_routes_can_be_driven_and_do_not_depend_on_how_many(town01: LaneGraph, tmp_path: Path) -> None:
    routes = draw_routes(town01, "Town01", 12, 200.0, TRAINING, seed=4)
    assert len({route.id for route in routes}) == 12
    for route in routes:
        dense = trace_route(town01, route)
        assert 100.0 <= dense.length_m <= 310.0
    turns = {int(option) for route in routes for option in trace_route(town01, route).options}
    assert {1, 2, 3} <= turns, "left, right and straight on are all there"
    fewer = draw_routes(town01, "Town01", 5, 200.0, TRAINING, seed=4)
    assert routes_sha256(fewer) == routes_sha256(routes[:5])
    other = draw_routes(town01, "Town01", 5, 200.0, TRAINING, seed=5)
    assert {route_key(r) for r in other}.isdisjoint({route_key(r) for r in fewer})
    write_routes(tmp_path / "routes.xml", routes, "a -- b")
    read = read_routes(tmp_path / "routes.xml")
    assert [r.id for r in read] == [r.id for r in routes]
    assert [r.weather for r in read] == [r.weather for r in routes]
    assert np.abs(read[3].keypoints - routes[3].keypoints).max() <= 0.0005


def test_a_town_without_room_for_the_routes_is_told() -> None:
    road = LaneGraph.from_map(carla.Map("road", STRAIGHT))
    assert len(draw_routes(road, "road", 2, 100.0, TRAINING, seed=0)) == 2
    with pytest.raises(RouteDrawError, match="road gave 0 of 1 routes of 1000 m: ask for shorter ones"):
        draw_routes(road, "road", 1, 1000.0, TRAINING, seed=0)


def _route(number: int, town: str) -> Route:
    points = np.array([[float(number), 0.0, 0.0], [float(number), 50.0, 0.0]])
    return Route(f"{town}-{number}", town, points, keyframes("ClearNoon"), (), "test")


@settings(max_examples=60, deadline=None)
@given(
    ways=st.lists(st.integers(0, 9), min_size=1, max_size=30),
    val_share=st.sampled_from([0.0, 0.1, 0.3]),
    test_share=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 5),
)
def test_no_way_is_ever_in_two_splits(
    ways: list[int], val_share: float, test_share: float, seed: int
) -> None:
    routes = [
        replace(_route(way, town), id=f"{town}-{i}") for i, way in enumerate(ways) for town in ("A", "B", "V")
    ]
    found = assign_splits(routes, val_towns=["V"], val_share=val_share, test_share=test_share, seed=seed)
    assert set(found) == {route.id for route in routes}
    check_disjoint(
        {"town": r.town, "route_id": r.id, "route_key": route_key(r), "split": found[r.id]} for r in routes
    )
    assert {found[r.id] for r in routes if r.town == "V"} == {"val"}
    counts = len(set(ways))
    wanted = {"train"} | ({"val"} if val_share and counts > 1 else set())
    if counts > 2:
        assert wanted <= {found[r.id] for r in routes if r.town == "A"}


def test_the_same_way_under_another_name_is_noticed() -> None:
    one = {"town": "A", "route_id": "x", "route_key": route_key(_route(1, "A")), "split": "train"}
    two = one | {"route_id": "y", "split": "val", "route_key": route_key(replace(_route(1, "A"), id="y"))}
    with pytest.raises(
        SplitError, match="route y of A is in split val, and the same way in split train as x"
    ):
        check_disjoint([one, two])


@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from([(1,), (3,), (4, 2), (2, 3, 2)]),
    count=st.integers(0, 5),
    dtype=st.sampled_from(["float32", "int64"]),
)
def test_columns_give_back_what_was_put_in(shape: tuple[int, ...], count: int, dtype: str) -> None:
    feature = Feature(dtype, shape)
    inner = () if shape == (1,) else shape
    values = np.arange(count * int(np.prod(shape))).reshape(count, *inner).astype(dtype)
    array = column(feature, list(values))
    assert array.type.equals(feature.arrow)
    assert (block(feature, pa.chunked_array([array])) == values).all()


def test_disturbances_are_repeatable_bounded_and_leave_braking_alone() -> None:
    times = np.arange(0.0, 60.0, 0.05)
    one, two, other = Disturbance(1.0, 3), Disturbance(1.0, 3), Disturbance(1.0, 4)
    a = [one.disturb(CRUISE, t, 8.0) for t in times]
    assert a == [two.disturb(CRUISE, t, 8.0) for t in times]
    assert a != [other.disturb(CRUISE, t, 8.0) for t in times]
    steer = np.array([c.steer for c in a])
    assert steer.min() < -0.02
    assert steer.max() > 0.12
    assert (steer == CRUISE.steer).mean() > 0.3, "it has pauses"
    assert any(c.throttle != CRUISE.throttle for c in a)
    braking = Control(throttle=0.0, steer=0.0, brake=0.3)
    assert {Disturbance(1.0, 3).disturb(braking, t, 8.0).brake for t in times} == {0.3, 0.5}, "pulses do not"
    assert Disturbance(0.0, 3).disturb(CRUISE, 10.0, 8.0) is CRUISE


def test_disturbances_stop_the_car_now_and_then_until_it_stands() -> None:
    times, disturbance = np.arange(0.0, 300.0, 0.05), Disturbance(1.0, 5)
    halted = np.array([disturbance.disturb(CRUISE, t, 8.0).brake == 0.5 for t in times])
    edges = np.flatnonzero(np.diff(halted.astype(int)))
    lengths = np.diff(times[edges])[:: 2 if not halted[0] else 1]
    assert len(lengths) >= 5
    assert 3.0 - 0.06 <= lengths.min() <= lengths.max() <= 5.06
    assert 0.05 < halted.mean() < 0.3


def _decision(lateral_m: float = 0.0, acceleration: float = 0.5) -> Decision:
    return Decision(Reason.CRUISE, acceleration, 0.0, None, lateral_m, 0.0)


def test_the_expert_takes_over_when_it_gets_dangerous_and_gives_back() -> None:
    alone = Mixture(1.0, 0)
    assert all(alone.expert_drives(t, _decision(5.0), 5.0) for t in np.arange(0.0, 20.0, 0.05))
    never = Mixture(0.0, 0)
    assert not any(never.expert_drives(t, _decision(), 5.0) for t in np.arange(0.0, 5.0, 0.05))
    assert never.expert_drives(5.0, _decision(2.0), 5.0)
    assert never.expert_drives(6.0, _decision(0.1), 5.0), "for two seconds at least"
    assert never.expert_drives(8.0, _decision(0.8), 5.0), "and until the car is back"
    assert not never.expert_drives(8.1, _decision(0.1), 5.0)
    stands = [never.expert_drives(t, _decision(acceleration=1.0), 0.0) for t in np.arange(10.0, 25.0, 0.05)]
    assert not stands[0]
    assert stands[-1], "who stands where the expert would drive is helped on"
    share = Mixture(0.5, 1)
    expert = [share.expert_drives(t, _decision(), 5.0) for t in np.arange(0.0, 400.0, 0.05)]
    assert 0.3 < np.mean(expert) < 0.7


def drive_aside(world: World, lateral_m: float) -> np.ndarray:
    """The expert's intent from beside a straight road along x, (64, 2) in the ego frame."""
    world.y += lateral_m
    world.speed_mps = 8.0
    world.policy.step(world._bundle(0, 0.0))
    intent = world.policy.intent()
    assert intent is not None
    return np.column_stack([intent.position_in_ego, intent.yaw_in_ego_rad])


@pytest.mark.parametrize("lateral_m", [-0.8, 0.0, 0.8])
def test_the_label_leads_back_to_the_path(lateral_m: float) -> None:
    plan = drive_aside(straight_road(), lateral_m)
    assert plan[-1, 1] == pytest.approx(-lateral_m, abs=0.02)
    assert plan[9, 1] == pytest.approx(0.0, abs=0.75 * abs(lateral_m) + 1e-6), "not at once"
    assert (np.diff(plan[:, 0]) > 0.5).all()
    assert plan[-1, 2] == pytest.approx(0.0, abs=0.02)


def test_the_label_stops_before_a_red_light_and_is_what_the_expert_then_drives() -> None:
    world = straight_road()
    world.speed_mps, world.light_at_m = 9.0, 45.0
    world.light_of = lambda _t: LightState.RED
    world.policy.step(world._bundle(0, 0.0))
    intent = world.policy.intent()
    assert intent is not None
    x0 = world.x
    bumper_m = intent.position_in_ego[-1, 0] + FRONT_M
    assert 41.0 < bumper_m < 45.0
    samples = world.run(6.5)
    for at_s in (1.0, 3.0, 6.4):
        driven = next(s.x for s in samples if s.t_s >= at_s) - x0
        assert intent.position_in_ego[round(at_s * 10) - 1, 0] == pytest.approx(driven, abs=1.0)


def test_sentences_tell_what_and_why() -> None:
    text = sentence(Reason.RED_LIGHT, Command.LEFT, 0.0, -1.0)
    assert text == "Turning left at the junction, waiting because the traffic light ahead is red."
    every = {
        sentence(reason, command, speed, acceleration)
        for reason in Reason
        for command in Command
        for speed, acceleration in ((0.0, -1.0), (0.0, 1.0), (5.0, 0.0), (5.0, 1.0), (5.0, -1.0))
    }
    assert len(every) == len(Reason) * len(Command) * 5


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"routes": {"weathers": "Sunny"}}, "no weather 'Sunny'"),
        ({"routes": {"towns": "Town01", "val_towns": "Town01"}}, "for training and for val"),
        ({"sensors": {"rig": "none"}}, "no rig 'none'"),
        ({"driver": {"policy": "student"}}, "name the student's checkpoint"),
        ({"routes": {"val_share": 0.6, "test_share": 0.5}}, "leave nothing to train on"),
    ],
)
def test_a_wrong_request_is_told(values: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        CollectConfig.model_validate(values)
