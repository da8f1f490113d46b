"""What the expert does in small hand-made worlds, one behaviour per test."""

from __future__ import annotations

import math

import numpy as np
import pytest

from policies.expert import ExpertPolicy, Reason
from policies.expert.policy import PrivilegeMissingError
from policies.interface import EpisodeContext, PrivilegedSpec
from policies.sensor_bundle import ActorKind, Command, LightState
from tests.support.policies_world import (
    DT_S,
    EGO,
    FRONT_M,
    Actor,
    Lane,
    Sample,
    World,
    arc,
    straight,
    straight_road,
)


def cruising(world: World, speed_mps: float = 9.0) -> World:
    world.speed_mps = speed_mps
    return world


def reasons(samples: list[Sample]) -> set[Reason]:
    return {sample.reason for sample in samples}


def test_cruises_below_the_limit_on_a_free_road() -> None:
    samples = straight_road().run(20.0)
    assert reasons(samples) == {Reason.CRUISE}
    assert samples[-1].speed_mps == pytest.approx(0.72 * 13.9, abs=0.1)
    assert max(sample.path_error_m for sample in samples) < 0.01


def test_stops_before_a_red_line_and_starts_on_green() -> None:
    world = cruising(straight_road())
    world.light_at_m = 120.0
    world.light_of = lambda t: LightState.RED if t < 25.0 else LightState.GREEN
    samples = world.run(32.0)
    waiting = [sample for sample in samples if 22.0 < sample.t_s < 25.0]
    assert {sample.speed_mps for sample in waiting} == {0.0}
    assert {sample.reason for sample in waiting} == {Reason.RED_LIGHT}
    bumper_to_line_m = 120.0 - (waiting[0].along_m + FRONT_M)
    assert 0.2 < bumper_to_line_m < 2.5
    assert samples[-1].along_m > 125.0
    assert min(sample.acceleration_mps2 for sample in samples) > -3.5


@pytest.mark.parametrize(("to_line_m", "stops"), [(35.0, True), (20.0, True), (9.0, False), (4.0, False)])
def test_yellow_stops_the_ego_only_where_it_can_stop(to_line_m: float, stops: bool) -> None:
    world = cruising(straight_road(), 10.0)
    world.light_at_m = to_line_m + FRONT_M
    world.light_of = lambda t: LightState.YELLOW if t < 3.0 else LightState.RED
    samples = world.run(12.0)
    if stops:
        assert samples[-1].along_m + FRONT_M < world.light_at_m
        return
    at_red = next(sample for sample in samples if sample.t_s >= 3.0)
    tail_m = at_red.along_m + EGO.center_from_rear_axle_m - 0.5 * EGO.length_m
    assert tail_m > world.light_at_m  # the criterion looks at the tail while the light is red


def test_follows_a_leader_without_contact_and_stops_behind_it() -> None:
    def speed(t_s: float) -> float:
        return 6.0 if t_s < 8.0 else max(6.0 - 5.0 * (t_s - 8.0), 0.0)

    world = straight_road()
    world.actors = [Actor(30.0, 0.0, 0.0, speed)]
    samples = world.run(20.0)
    assert Reason.FOLLOWING in reasons(samples)
    assert min(sample.clearance_m for sample in samples) > 1.5
    assert samples[-1].speed_mps == 0.0
    assert samples[-1].clearance_m < 5.0


def test_an_obstacle_seen_late_is_braked_for_with_all_there_is() -> None:
    world = cruising(straight_road(), 10.0)
    world.actors = [Actor(FRONT_M + 12.0 + 2.25, 0.0, 0.0)]
    samples = world.run(6.0)
    assert min(sample.clearance_m for sample in samples) > 0.3
    assert min(sample.acceleration_mps2 for sample in samples) < -4.0


def test_a_leader_round_the_bend_is_seen_before_the_bend() -> None:
    """The parked car stands across the end of a quarter turn: straight-line distance would look harmless."""
    first, turn, last = straight(0, 0, 0, 60), arc(60, 0, 0, 12, 90), straight(72, 12, 90, 60)
    route = np.vstack([first, turn[1:], last[1:]])
    world = cruising(World([Lane(first, (1,)), Lane(turn, (2,), in_junction=True), Lane(last)], route))
    world.actors = [Actor(72.0, 24.0, math.pi / 2)]
    samples = world.run(25.0)
    assert samples[-1].speed_mps == 0.0
    assert 1.0 < samples[-1].clearance_m < 5.0


def test_oncoming_traffic_in_its_own_lane_is_no_reason() -> None:
    ours, theirs = straight(0, 0, 0, 200), straight(200, 3.5, 180, 200)
    world = cruising(World([Lane(ours), Lane(theirs)], ours))
    world.actors = [Actor(180.0, 3.5, math.pi, lambda _t: 9.0), Actor(120.0, 3.5, math.pi, lambda _t: 5.0)]
    assert reasons(world.run(15.0)) == {Reason.CRUISE}


def crossing_world(other_speed_mps: float, other_from_m: float) -> World:
    ours, theirs = straight(0, 0, 0, 160), straight(70, -80, 90, 160)
    world = cruising(World([Lane(ours), Lane(theirs)], ours))
    world.actors = [Actor(70.0, -other_from_m, math.pi / 2, lambda _t: other_speed_mps)]
    return world


@pytest.mark.parametrize("other_from_m", [30.0, 40.0, 48.0, 56.0, 64.0, 72.0])
def test_a_crossing_car_is_never_touched(other_from_m: float) -> None:
    samples = crossing_world(8.0, other_from_m).run(25.0)
    assert min(sample.clearance_m for sample in samples) > 0.3
    assert samples[-1].along_m > 100.0


def test_brakes_for_a_crossing_car_and_says_so() -> None:
    samples = crossing_world(8.0, 60.0).run(25.0)
    assert Reason.YIELD_VEHICLE in reasons(samples)


def test_two_cars_that_wait_for_each_other_do_not_wait_for_ever() -> None:
    """The other stands at its line and does not start: the ego goes."""
    world = crossing_world(0.0, 12.0)
    assert world.run(20.0)[-1].along_m > 100.0


def test_lets_a_walker_cross_and_goes_on() -> None:
    world = cruising(straight_road())
    walker = Actor(
        60.0, -6.0, math.pi / 2, lambda t: 1.4 if t > 3.0 else 0.0, ActorKind.WALKER, (0.5, 0.5, 1.8)
    )
    world.actors = [walker]
    samples = world.run(25.0)
    assert Reason.YIELD_PEDESTRIAN in reasons(samples)
    assert min(sample.clearance_m for sample in samples) > 0.7
    assert samples[-1].along_m > 90.0


def test_stops_at_a_stop_sign_once() -> None:
    world = cruising(straight_road())
    world.sign_at_m = 80.0
    samples = world.run(30.0)
    still = [sample for sample in samples if sample.speed_mps < 0.05]
    assert len(still) * DT_S >= 0.3
    assert all(0.0 <= 80.0 - (sample.along_m + FRONT_M) < 3.0 for sample in still)
    assert samples[-1].along_m > 120.0


@pytest.mark.parametrize("radius_m", [4.0, 6.0, 10.0, 25.0])
@pytest.mark.parametrize("turn_deg", [90.0, -90.0])
def test_turns_stay_near_the_path_and_within_comfort(radius_m: float, turn_deg: float) -> None:
    side = math.copysign(1.0, turn_deg)
    first, turn = straight(0, 0, 0, 60), arc(60, 0, 0, radius_m, turn_deg)
    last = straight(60 + radius_m, side * radius_m, turn_deg, 60)
    route = np.vstack([first, turn[1:], last[1:]])
    world = World([Lane(first, (1,)), Lane(turn, (2,), in_junction=True), Lane(last)], route)
    samples = world.run(40.0)
    assert samples[-1].along_m > 100.0
    assert max(sample.path_error_m for sample in samples) < 0.5
    yaws = np.unwrap([sample.yaw_rad for sample in samples])
    lateral = np.abs(np.diff(yaws)) / DT_S * [sample.speed_mps for sample in samples[1:]]
    assert lateral.max() < 3.5
    assert Reason.CURVE in reasons(samples)


def two_lane_world(jump: bool, others: list[Actor]) -> World:
    """Two lanes; the route goes to the left one at x = 80, at once or over 30 m. A junction is at 200."""
    right, left = straight(0, 0, 0, 200), straight(0, 3.5, 0, 200)
    beyond = straight(200, 3.5, 0, 60)
    x = np.arange(0.0, 260.0)
    y = np.where(x < 80.0, 0.0, 3.5) if jump else np.interp(x, [80.0, 110.0], [0.0, 3.5])
    route = np.column_stack([x, y, np.zeros(len(x))])
    changing = (x >= 80.0) & (x <= 110.0)
    commands = np.where(changing, Command.CHANGE_LANE_LEFT, Command.LANE_FOLLOW)
    lanes = [Lane(right, left=1), Lane(left, (2,), right=0), Lane(beyond, in_junction=True)]
    world = cruising(World(lanes, route, commands=[int(command) for command in commands]))
    world.actors = others
    return world


@pytest.mark.parametrize("jump", [True, False])
def test_a_free_lane_change_is_smooth_and_ends_in_the_new_lane(jump: bool) -> None:
    samples = two_lane_world(jump, []).run(30.0)
    assert samples[-1].y == pytest.approx(3.5, abs=0.1)
    assert max(abs(sample.yaw_rad) for sample in samples) < 0.3
    began = next(sample for sample in samples if sample.y > 0.2)
    ended = next(sample for sample in samples if sample.y > 3.3)
    assert began.x > 70.0
    assert ended.x - began.x > 15.0
    assert min(sample.acceleration_mps2 for sample in samples) > -3.0


@pytest.mark.parametrize("jump", [True, False])
def test_a_lane_change_waits_for_a_gap(jump: bool) -> None:
    """A car drives abreast, as fast as the ego: it is let go ahead before the ego changes."""
    world = two_lane_world(jump, [Actor(3.0, 3.5, 0.0, lambda _t: 9.5)])
    samples = world.run(60.0)
    assert Reason.LANE_CHANGE in reasons(samples)
    assert min(sample.clearance_m for sample in samples) > 0.6
    before_junction = [sample for sample in samples if sample.x > 198.0]
    assert before_junction[0].y == pytest.approx(3.5, abs=0.5)


def test_a_lane_change_lets_a_faster_car_from_behind_pass() -> None:
    world = two_lane_world(False, [Actor(-15.0, 3.5, 0.0, lambda _t: 13.0)])
    samples = world.run(60.0)
    assert min(sample.clearance_m for sample in samples) > 0.6
    assert samples[-1].y == pytest.approx(3.5, abs=0.2)


def test_a_lane_change_pushes_into_a_queue_that_never_opens_a_gap() -> None:
    """Cars creep 3.5 m apart and stop only for a nose that is in their lane before them."""
    world = two_lane_world(False, [])

    class Queued(Actor):
        def move(self, t_s: float) -> None:
            bumper_m = self.x + 0.5 * self.size_m[0]
            ahead = [other.x - 0.5 * other.size_m[0] for other in world.actors if other.x > self.x]
            nose_x = world.x + FRONT_M * math.cos(world.yaw)
            nose_y = world.y + FRONT_M * math.sin(world.yaw)
            nosed_out = nose_y > 1.0 and bumper_m < nose_x < bumper_m + EGO.length_m + 2.0
            blocked = nosed_out or min(ahead, default=math.inf) - bumper_m < 2.0
            self.speed_of = lambda _t: 0.0 if blocked else 1.5
            super().move(t_s)

    world.actors = [Queued(230.0 - 8.0 * i, 3.5, 0.0) for i in range(30)]
    samples = world.run(120.0)
    assert min(sample.clearance_m for sample in samples) > 0.1
    before_junction = [sample for sample in samples if sample.x > 198.0]
    assert before_junction
    assert before_junction[0].y == pytest.approx(3.5, abs=0.6)


def test_a_car_that_cuts_in_is_followed_before_it_is_there() -> None:
    ours, theirs = straight(0, 0, 0, 250), straight(0, 3.5, 0, 250)

    class CutsIn(Actor):
        def move(self, t_s: float) -> None:
            self.yaw_rad = -0.12 if t_s > 1.0 and self.y > 0.1 else 0.0
            super().move(t_s)

    world = cruising(World([Lane(ours, left=1), Lane(theirs, right=0)], ours))
    world.actors = [CutsIn(14.0, 3.5, 0.0, lambda _t: 7.0)]
    samples = world.run(15.0)
    first_brake = next(sample for sample in samples if sample.acceleration_mps2 < -0.5)
    assert first_brake.t_s < 3.0
    assert min(sample.clearance_m for sample in samples) > 1.5


def test_the_same_world_gives_the_same_drive() -> None:
    def drive() -> list[Sample]:
        world = crossing_world(8.0, 52.0)
        world.light_at_m = 130.0
        world.light_of = lambda t: LightState.RED if t < 14.0 else LightState.GREEN
        return world.run(20.0)

    assert drive() == drive()


def test_without_ground_truth_the_expert_says_what_it_needs() -> None:
    policy = ExpertPolicy()
    assert any(isinstance(spec, PrivilegedSpec) for spec in policy.sensors())
    with pytest.raises(PrivilegeMissingError, match="lane map"):
        policy.reset(EpisodeContext(seed=0, dt_s=DT_S, ego=EGO, lane_map=None))


def test_a_red_line_stays_where_it_is_while_the_ego_is_beside_the_route() -> None:
    """The route jumps sideways 3 m before the line, and its own measure by 2.6 m; the line does not."""
    x = np.arange(0.0, 260.0)
    route = np.column_stack([x, np.where(x < 193.0, 0.0, 3.5), np.zeros(len(x))])
    commands = [int(Command.CHANGE_LANE_LEFT if 193.0 <= at <= 195.0 else Command.LANE_FOLLOW) for at in x]
    right, left, beyond = straight(0, 0, 0, 196), straight(0, 3.5, 0, 196), straight(196, 3.5, 0, 64)
    lanes = [Lane(right, left=1), Lane(left, (2,), right=0), Lane(beyond, in_junction=True)]
    world = cruising(World(lanes, route, commands=commands))
    world.light_at_m = 196.0 + math.hypot(1.0, 3.5) - 1.0
    world.light_of = lambda _t: LightState.RED
    samples = world.run(45.0)
    assert samples[-1].speed_mps == 0.0
    assert samples[-1].y == pytest.approx(3.5, abs=0.3)
    assert 0.0 < 196.0 - (samples[-1].x + FRONT_M) < 3.0
