"""Street lights: which of them are on, and how; CARLA's light manager works on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import Scene

NIGHT_BELOW_DEG = 0.0
"""Altitude of the sun below which the day-night cycle switches the lights on: our choice, CARLA's is in its
binary assets."""

STREET_GROUP = 2
"""CARLA's light group of street lights."""

INTENSITY = 3000.0
"""At first; ours, as CARLA's differ by lamp model."""

COLOUR = (255, 226, 178)
"""At first: warm white."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LightChange:
    """What a client wants of a light. Attributes: id, intensity, group, red/green/blue, whether it is on."""

    id: int
    intensity: float
    group: int
    colour: Colour
    is_on: bool


class StreetLights:
    """The lamps of a scene.

    Attributes:
        object_rows: (N,) the street light of each lamp among the scene's objects; lamp k has id k + 1.
        location: (N, 3) m.
        intensity: (N,).
        group: (N,) CARLA's light groups.
        colour: (N, 3) 0-255.
        is_on: (N,).
        changed: something changed since the last snapshot.
    """

    def __init__(self, scene: Scene) -> None:
        lamps = scene.lamps
        count = len(lamps)
        self.object_rows: NDArray[np.int64] = lamps["object"].copy()
        self.location: NDArray[np.float64] = np.stack([lamps["x"], lamps["y"], lamps["z"]], axis=1)
        self.intensity = np.full(count, INTENSITY)
        self.group = np.full(count, STREET_GROUP, np.int64)
        self.colour = np.tile(np.array(COLOUR, np.int64), (count, 1))
        self.is_on = np.zeros(count, np.bool_)
        self.changed = False
        self._follows_the_sun = True
        self._is_night: bool | None = False

    def change(self, changes: tuple[LightChange, ...]) -> None:
        """Take over what a client sends; unknown ids are ignored, as in CARLA."""
        for change in changes:
            k = change.id - 1
            if 0 <= k < len(self.is_on):
                self.intensity[k], self.group[k] = change.intensity, change.group
                self.colour[k], self.is_on[k] = change.colour, change.is_on
                self.changed = True

    def follow_the_sun(self, active: bool) -> None:
        """Let the lights go on and off with the sun, from the next weather on; or leave them alone."""
        self._follows_the_sun = active
        self._is_night = None

    def on_weather(self, sun_altitude_deg: float) -> None:
        """Switch all lights when night falls or ends; the first weather after `follow_the_sun` does too."""
        is_night = sun_altitude_deg < NIGHT_BELOW_DEG
        if self._follows_the_sun and is_night != self._is_night:
            self._is_night = is_night
            self.is_on[:] = is_night
            self.changed = True
