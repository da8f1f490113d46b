"""Weather along a route: key frames by share of the route, values between them in proportion."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from scenarios.route import WeatherKeyframe

DEFAULT_WEATHER: Mapping[str, float] = {"sun_altitude_angle": 70.0, "cloudiness": 50.0}
"""For a route without weather; source: `RouteParser.parse_weather` of the Leaderboard (branch
leaderboard-2.0)."""


def weather_at(keyframes: tuple[WeatherKeyframe, ...], route_percentage: float) -> Mapping[str, float]:
    """Return CARLA's weather parameters at a share of the route.

    Args:
        keyframes: by increasing percentage; may be empty.
        route_percentage: 0..100. Before the first and after the last key frame theirs hold.
    """
    if not keyframes:
        return DEFAULT_WEATHER
    if route_percentage <= keyframes[0].route_percentage:
        return keyframes[0].parameters
    for before, after in pairwise(keyframes):
        if route_percentage < after.route_percentage:
            return _blend(before, after, route_percentage)
    return keyframes[-1].parameters


def _blend(before: WeatherKeyframe, after: WeatherKeyframe, route_percentage: float) -> Mapping[str, float]:
    width = after.route_percentage - before.route_percentage
    share = (route_percentage - before.route_percentage) / width
    return {
        name: value + share * (after.parameters.get(name, value) - value)
        for name, value in before.parameters.items()
    }
