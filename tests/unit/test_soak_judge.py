"""What `make soak` calls off the lane, in one another, at red, and stuck: on tapes made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scenarios.lane_graph import LaneGraph
from tests.soak.judge import judge
from tests.soak.tape import Cast, Tape
from tests.support.kinematic_town import town_map

DT_S = 0.05
TICKS = 200
RED, YELLOW, GREEN = 0, 1, 2


@pytest.fixture(scope="module")
def graph() -> LaneGraph:
    return LaneGraph.from_map(town_map("Town04"))


@pytest.fixture(scope="module")
def lane(graph: LaneGraph) -> np.ndarray:
    """(P, 4) x, y, z m, yaw rad of a long straight lane outside junctions with a neighbour to its right."""
    for segment in np.flatnonzero(~graph.in_junction & (graph.length_m > 120.0) & (graph.beside[:, 1] >= 0)):
        points = graph.points(int(segment))
        yaw = np.unwrap(np.radians(graph.rotation_deg[points, 1]))
        if np.ptp(yaw) < 0.01:
            return np.column_stack((graph.location[points], yaw))
    raise AssertionError("Town04 has motorways")


@pytest.fixture(scope="module")
def verge(graph: LaneGraph) -> np.ndarray:
    """As `lane`, 3.5 m wide, and nothing to drive on to its right."""
    free = ~graph.in_junction & (graph.length_m > 120.0) & (graph.beside[:, 1] < 0)
    for segment in np.flatnonzero(free):
        points = graph.points(int(segment))
        yaw = np.unwrap(np.radians(graph.rotation_deg[points, 1]))
        if (
            np.ptp(yaw) < 0.01
            and np.ptp(graph.width_m[points]) < 0.01
            and abs(graph.width_m[points][0] - 3.5) < 0.01
        ):
            return np.column_stack((graph.location[points], yaw))
    raise AssertionError("Town04 has verges")


def tape_of(*poses: np.ndarray, speed: float = 10.0, lights: np.ndarray | None = None) -> Tape:
    """Vehicles of 4 m x 2 m with the given (TICKS, 4) poses."""
    count = len(poses)
    cast = Cast("Town04", DT_S, count, ("vehicle.test",) * count, ((2.0, 1.0, 0.8, 0.0, 0.8),) * count, ())
    return Tape(
        cast,
        np.stack(poses, axis=1).astype(np.float32),
        np.full((TICKS, count), speed, np.float32),
        np.full((TICKS, count), GREEN, np.uint8),
        np.zeros((TICKS, 0), np.uint8) if lights is None else lights,
    )


def driven(lane: np.ndarray, aside_m: np.ndarray | float) -> np.ndarray:
    """(TICKS, 4) poses along the lane at 10 m/s, so far to its right."""
    away = 30.0 + 10.0 * DT_S * np.arange(TICKS)
    start, yaw = lane[0], lane[0, 3]
    aside = np.broadcast_to(aside_m, TICKS)
    x = start[0] + away * np.cos(yaw) - aside * np.sin(yaw)
    y = start[1] + away * np.sin(yaw) + aside * np.cos(yaw)
    return np.column_stack((x, y, np.full(TICKS, start[2]), np.full(TICKS, yaw)))


def test_on_the_lane_is_not_off(lane: np.ndarray, graph: LaneGraph) -> None:
    found = judge(tape_of(driven(lane, 0.8)), graph)
    assert found.off_share == pytest.approx([0.0])
    assert found.centre_share == pytest.approx([0.0])


def test_beside_the_middle_of_the_lane_is_off_the_centre_line_only(
    lane: np.ndarray, graph: LaneGraph
) -> None:
    aside = np.where(np.arange(TICKS) < 20, 1.2, 0.0)
    found = judge(tape_of(driven(lane, aside)), graph)
    assert found.centre_share == pytest.approx([0.1])
    assert found.off_share == pytest.approx([0.0])


@pytest.mark.parametrize(("over_m", "share"), [(0.9, 0.0), (1.1, 0.1)])
def test_a_side_more_than_a_metre_beyond_the_border_is_off_the_lane(
    verge: np.ndarray, graph: LaneGraph, over_m: float, share: float
) -> None:
    """Half of a lane of 3.5 m, less half of the vehicle's 2 m, and so far over."""
    aside = np.where(np.arange(TICKS) < 20, 1.75 - 1.0 + over_m, 0.0)
    assert judge(tape_of(driven(verge, aside)), graph).off_share == pytest.approx([share])


def test_a_lane_change_does_not(lane: np.ndarray, graph: LaneGraph) -> None:
    change = np.clip((np.arange(TICKS) - 50) / 60.0, 0.0, 1.0) * 3.5
    assert judge(tape_of(driven(lane, change)), graph).centre_share == pytest.approx([0.0])


def test_to_drive_between_two_lanes_does(lane: np.ndarray, graph: LaneGraph) -> None:
    found = judge(tape_of(driven(lane, np.where(np.arange(TICKS) < 150, 1.6, 0.0))), graph)
    assert found.centre_share == pytest.approx([0.75])


@pytest.mark.parametrize(("ticks", "expected"), [(15, 0), (25, 1)])
def test_lasting_overlaps_count(lane: np.ndarray, graph: LaneGraph, ticks: int, expected: int) -> None:
    other = driven(lane, np.where(np.arange(TICKS) < ticks, 1.9, 8.0))
    found = judge(tape_of(driven(lane, 0.0), other), graph)
    assert len(found.overlaps) == expected
    assert len(found.contacts) == 1


@pytest.mark.parametrize(("state", "before", "red"), [(RED, RED, 1), (RED, YELLOW, 0), (GREEN, RED, 0)])
def test_crossings_of_stop_lines(
    lane: np.ndarray, graph: LaneGraph, state: int, before: int, red: int
) -> None:
    pose = driven(lane, 0.0)
    x, y = pose[100, :2] + 2.1 * np.array([np.cos(lane[0, 3]), np.sin(lane[0, 3])])
    tick = 101  # the front, 2 m ahead, is 0.1 m before the line at tick 100
    lights = np.where(np.arange(TICKS) < tick, before, state).astype(np.uint8)[:, None]
    tape = tape_of(pose, lights=lights)
    line = (float(x), float(y), float(lane[0, 2]), float(lane[0, 3]), 3.5, 0.0)
    found = judge(replace(tape, cast=replace(tape.cast, lines=(line,))), graph)
    assert [(one.tick, one.vehicle, one.light) for one in found.crossings] == [(tick, 0, 0)]
    assert len(found.red) == red


def test_who_comes_to_rest_on_the_painted_line_has_not_crossed_it(lane: np.ndarray, graph: LaneGraph) -> None:
    pose = driven(lane, 0.0)
    pose[101:] = pose[101]
    x, y = pose[101, :2] + 1.9 * np.array([np.cos(lane[0, 3]), np.sin(lane[0, 3])])
    line = (float(x), float(y), float(lane[0, 2]), float(lane[0, 3]), 3.5, 0.0)  # 0.1 m behind its front
    tape = tape_of(pose, lights=np.full((TICKS, 1), RED, np.uint8))
    assert not judge(replace(tape, cast=replace(tape.cast, lines=(line,))), graph).crossings


def test_who_is_gone_is_removed_and_who_waits_at_red_is_not_stuck(lane: np.ndarray, graph: LaneGraph) -> None:
    gone = driven(lane, 0.0)
    gone[150:] = np.nan
    standing = np.repeat(driven(lane, 20.0)[:1], TICKS, axis=0)
    tape = tape_of(gone, standing, speed=0.0)
    tape.told[:100, 1] = 4 + RED
    found = judge(tape, graph)
    assert found.removed == (0,)
    assert found.stuck[1] == pytest.approx(100 * DT_S)


def test_a_tape_comes_back_from_its_file(lane: np.ndarray, tmp_path) -> None:  # type: ignore[no-untyped-def]
    tape = tape_of(driven(lane, 0.0))
    tape.save(tmp_path / "tape.npz")
    again = Tape.load(tmp_path / "tape.npz")
    assert again.cast == tape.cast
    assert np.array_equal(again.pose, tape.pose)
