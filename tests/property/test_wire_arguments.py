"""Positional structs: what is accepted, what is refused, and settings there and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.arguments import (
    MAX_NUMBER,
    MAX_TEXT,
    BadArgumentError,
    array,
    flag,
    integer,
    number,
    optional,
    pose,
    short_text,
    signed,
    text,
    unsigned,
)
from simulator.wire.settings import EpisodeSettings

finite = st.floats(-MAX_NUMBER, MAX_NUMBER)


@given(st.lists(finite, min_size=6, max_size=6))
def test_pose_is_location_then_rotation(numbers: list[float]) -> None:
    assert list(pose([numbers[:3], numbers[3:]])) == numbers


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 3.5e38, -1e300, True, None, "1", b"1", [1.0]])
def test_what_is_no_finite_number_is_refused(bad: object) -> None:
    with pytest.raises(BadArgumentError):
        number(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [True, 1.0, "1", None])
def test_what_is_no_integer_is_refused(bad: object) -> None:
    with pytest.raises(BadArgumentError):
        integer(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [-1, 2**32])
def test_ids_have_32_bits(bad: int) -> None:
    with pytest.raises(BadArgumentError):
        unsigned(bad)


@pytest.mark.parametrize("bad", [-(2**31) - 1, 2**31])
def test_gears_have_31_bits_and_a_sign(bad: int) -> None:
    with pytest.raises(BadArgumentError):
        signed(bad)
    assert signed(-1) == -1


def test_what_is_kept_is_short() -> None:
    assert short_text("x" * MAX_TEXT) == "x" * MAX_TEXT
    with pytest.raises(BadArgumentError):
        short_text("x" * (MAX_TEXT + 1))


@pytest.mark.parametrize("bad", [0, 1, None, "true"])
def test_what_is_no_boolean_is_refused(bad: object) -> None:
    with pytest.raises(BadArgumentError):
        flag(bad)  # type: ignore[arg-type]


def test_fields_beyond_the_known_ones_are_ignored() -> None:
    assert array([1, 2, 3], 2) == [1, 2, 3]
    with pytest.raises(BadArgumentError):
        array([1], 2)


def test_optional() -> None:
    assert optional(number, [False]) is None
    assert optional(number, [True, 0.5]) == 0.5
    with pytest.raises(BadArgumentError):
        optional(number, [True])


def test_text_takes_bytes_too() -> None:
    assert text(b"Town01") == "Town01"


settings = st.builds(
    EpisodeSettings,
    synchronous_mode=st.booleans(),
    no_rendering_mode=st.booleans(),
    fixed_delta_s=st.none() | st.floats(1e-4, 1.0),
    substepping=st.booleans(),
    max_substep_s=st.floats(1e-4, 1.0),
    max_substeps=st.integers(1, 100),
    max_culling_distance_m=finite,
    deterministic_ragdolls=st.booleans(),
    tile_stream_distance_m=finite,
    actor_active_distance_m=finite,
    spectator_as_ego=st.booleans(),
)


@given(settings)
def test_settings_round_trip(original: EpisodeSettings) -> None:
    assert EpisodeSettings.from_wire(original.to_wire()) == original  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("position", "bad"),
    [(2, [True, -0.05]), (4, 0.0), (5, 0), (2, [True, 1e-9]), (2, [True, 1e9]), (4, 1e-9), (5, 10**6)],
)
def test_settings_without_progress_or_without_end_are_refused(position: int, bad: object) -> None:
    fields = EpisodeSettings().to_wire()
    fields[position] = bad
    with pytest.raises(BadArgumentError):
        EpisodeSettings.from_wire(fields)  # type: ignore[arg-type]


def test_a_zero_time_step_means_none() -> None:
    fields = EpisodeSettings().to_wire()
    fields[2] = [True, 0.0]
    assert EpisodeSettings.from_wire(fields).fixed_delta_s is None  # type: ignore[arg-type]
