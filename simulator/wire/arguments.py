"""Reads CARLA's positional structs from decoded msgpack: the world never sees NaN or a wrong type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from simulator.wire.rpc import Value, shown

Vector = tuple[float, float, float]
Pose = tuple[float, float, float, float, float, float]

T = TypeVar("T")

MAX_NUMBER = 3.4028234663852886e38
"""Largest 32-bit float. CARLA's numbers are no larger, and the world's sums of their squares stay finite."""

MAX_TEXT = 4096
"""Longest string that is kept: an attribute, a host name, a file name."""

_MAX_U32 = 0xFFFF_FFFF


class BadArgumentError(ValueError):
    """An argument of a call has the wrong type, shape or value."""


def number(value: Value) -> float:
    """A finite number.

    Raises:
        BadArgumentError: another type, NaN, infinite, or beyond the range of a 32-bit float.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadArgumentError(f"expected a number, got {shown(value)}")
    if not math.isfinite(value):
        raise BadArgumentError(f"expected a finite number, got {value}")
    if abs(value) > MAX_NUMBER:
        raise BadArgumentError(f"{value} is beyond the range of a 32-bit float")
    return float(value)


def integer(value: Value) -> int:
    """A whole number.

    Raises:
        BadArgumentError: another type.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadArgumentError(f"expected a whole number, got {shown(value)}")
    return value


def unsigned(value: Value) -> int:
    """A 32-bit number, as actor and stream ids are.

    Raises:
        BadArgumentError: another type or out of range.
    """
    result = integer(value)
    if not 0 <= result <= _MAX_U32:
        raise BadArgumentError(f"{result} is no 32-bit number")
    return result


def signed(value: Value) -> int:
    """A 32-bit number with a sign, as gears are.

    Raises:
        BadArgumentError: another type or out of range.
    """
    result = integer(value)
    if not -(1 << 31) <= result < 1 << 31:
        raise BadArgumentError(f"{result} is no 32-bit number")
    return result


def flag(value: Value) -> bool:
    """A boolean.

    Raises:
        BadArgumentError: another type.
    """
    if not isinstance(value, bool):
        raise BadArgumentError(f"expected a boolean, got {shown(value)}")
    return value


def text(value: Value) -> str:
    """A string; bytes are read as UTF-8.

    Raises:
        BadArgumentError: another type.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise BadArgumentError(f"expected a string, got {shown(value)}")
    return value


def short_text(value: Value) -> str:
    """A string that the server keeps.

    Raises:
        BadArgumentError: another type, or longer than `MAX_TEXT`.
    """
    result = text(value)
    if len(result) > MAX_TEXT:
        raise BadArgumentError(f"a text of {len(result)} characters, at most {MAX_TEXT} are taken")
    return result


def array(value: Value, length: int | None = None) -> list[Value]:
    """An array; trailing fields beyond `length` are ignored, as the client does.

    Raises:
        BadArgumentError: another type, or shorter than `length`.
    """
    if not isinstance(value, list):
        raise BadArgumentError(f"expected an array, got {shown(value)}")
    if length is not None and len(value) < length:
        raise BadArgumentError(f"expected {length} fields, got {len(value)}")
    return value


def array_of(item: Callable[[Value], T], value: Value) -> tuple[T, ...]:
    """An array whose items are all of one kind.

    Raises:
        BadArgumentError: see `array` and `item`.
    """
    return tuple(item(element) for element in array(value))


def optional(item: Callable[[Value], T], value: Value) -> T | None:
    """`[false]` or `[true, item]`.

    Raises:
        BadArgumentError: another shape.
    """
    fields = array(value, 1)
    if not flag(fields[0]):
        return None
    return item(array(value, 2)[1])


def vector(value: Value) -> Vector:
    """Three finite numbers.

    Raises:
        BadArgumentError: see `number` and `array`.
    """
    x, y, z, *_ = array(value, 3)
    return number(x), number(y), number(z)


def point(value: Value) -> tuple[float, float]:
    """Two finite numbers.

    Raises:
        BadArgumentError: see `number` and `array`.
    """
    x, y, *_ = array(value, 2)
    return number(x), number(y)


def pose(value: Value) -> Pose:
    """A transform: location (m), then pitch, yaw, roll (deg).

    Raises:
        BadArgumentError: see `vector`.
    """
    location, rotation, *_ = array(value, 2)
    return vector(location) + vector(rotation)
