"""Hypothesis strategies: whole drives on a straight road with everything that criteria look at."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from harness.facts import CollisionFact, EpisodeFacts, OtherActors, TickFacts
from tests.support.facts_builder import (
    episode_facts,
    lane_facts,
    light_at,
    stop_line_at,
    stop_sign_at,
    straight_route,
    tick_facts,
)

ACTOR_TYPES = ("vehicle.audi.tt", "walker.pedestrian.0001", "static.prop.box", "static.sidewalk", "sensor.x")
DT_S = 0.5
"""Coarse, so that the long clocks (5 s, 180 s, 300 s) run out within few ticks."""

NUMBERS = st.floats(-1e6, 1e6)


@st.composite
def others(draw: st.DrawFn) -> OtherActors:
    """Up to five other actors with any float32 values."""
    count = draw(st.integers(0, 5))
    floats = draw(st.lists(st.floats(width=32), min_size=7 * count, max_size=7 * count))
    table = np.array(floats, np.float32).reshape(count, 7)
    return OtherActors(
        index=np.array(draw(st.permutations(range(count))), np.int32),
        location=table[:, 0:3],
        yaw_deg=table[:, 3],
        velocity_mps=table[:, 4:7],
    )


@st.composite
def drives(draw: st.DrawFn, max_ticks: int = 40) -> tuple[EpisodeFacts, list[TickFacts]]:
    """A drive along 30 m with a light, a stop sign, contacts, bad lanes and stops."""
    facts = episode_facts(
        straight_route(30),
        lights=(light_at(10.0, "a"), light_at(20.0, "b", lines=(stop_line_at(20.0), stop_line_at(20.5)))),
        stop_signs=(stop_sign_at(15.0),),
        dt_s=DT_S,
    )
    # Drawn once: a whole drive of fresh numbers would be more than Hypothesis can shrink.
    crowds = draw(st.lists(others(), min_size=1, max_size=3))
    impulses = draw(st.lists(NUMBERS, min_size=1, max_size=3))
    slopes_deg = draw(st.lists(st.floats(-5, 5), min_size=1, max_size=3))
    heights = draw(st.lists(st.floats(-1, 1), min_size=1, max_size=3))
    ticks = []
    x = draw(st.floats(-2, 2))
    for number in range(draw(st.integers(0, max_ticks))):
        x += draw(st.sampled_from([0.0, 0.1, 0.7, 1.3, 3.0]))
        y = draw(st.sampled_from([0.0, 0.3, 2.6, -4.0, 16.0]))
        yaw_deg = draw(st.sampled_from([0.0, 3.0, 95.0, 180.0]))
        lane = lane_facts(
            x,
            road_id=draw(st.integers(1, 2)),
            is_junction=draw(st.booleans()),
            rotation_deg=(draw(st.sampled_from(slopes_deg)), draw(st.sampled_from([0.0, 180.0, 151.0])), 0.0),
            parking_distance_m=draw(st.sampled_from([math.inf, 0.5, 3.0])),
        )
        impulse = (draw(st.sampled_from(impulses)), 0.0, -0.0)
        collisions = tuple(
            CollisionFact(other, ACTOR_TYPES[other] if other >= 0 else "static.road", impulse)
            for other in draw(st.lists(st.integers(-1, 4), max_size=2))
        )
        ticks.append(
            tick_facts(
                number,
                x,
                y,
                draw(st.sampled_from(heights)),
                yaw_deg=yaw_deg,
                speed_mps=draw(st.sampled_from([0.0, 0.1, 5.0, -3.0])),
                lane=lane,
                light_states=draw(st.tuples(st.integers(0, 4), st.integers(0, 4))),
                collisions=collisions,
                others=draw(st.sampled_from(crowds)),
                dt_s=DT_S,
            )
        )
    return facts, ticks
