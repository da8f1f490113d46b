"""Proposals for what stands right beside the road: rails, street lights, furniture, fences, street trees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.scene.objects import Kind
from simulator.scene.verges import Setting, Verges, propose, propose_chain

_Proposals = NDArray[np.void]

LINK_M = 4.0
"""Length of a link of a rail, fence or wall."""

RAIL_OUT_M = 0.75
"""From the edge of the road to the middle of a guard rail."""

CROWN_SPARE_M = 0.6
"""Between the crown of a tree and the road."""

LIGHT_HALF_M = (0.12, 0.12, 4.0)
"""Pole of a street light."""

LIGHT_ARM_M = 2.2
"""From the pole of a street light to its lamp, towards the road."""

_LIGHT_OUT_M = {Setting.TOWN: 0.75, Setting.COUNTRY: 1.0, Setting.HIGHWAY: 1.5}
_LIGHT_SPACING_M = {Setting.TOWN: 28.0, Setting.COUNTRY: 45.0, Setting.HIGHWAY: 45.0}
_SMALL_THINGS = (
    Kind.BIN,
    Kind.BENCH,
    Kind.PLANT_POT,
    Kind.BIN,
    Kind.MAILBOX,
    Kind.ADVERTISEMENT,
    Kind.VENDING_MACHINE,
    Kind.KIOSK,
)


def rails(verges: Verges) -> _Proposals:
    """Guard rails beside highways and on bridges, open where roads come in."""
    where = verges.every(LINK_M, shift=0.0)
    begin, end = verges.at(where), verges.at(where + LINK_M)
    fenced = (begin.setting == Setting.HIGHWAY) | begin.raised
    rows = propose_chain(Kind.GUARD_RAIL, begin.only(fenced), end.only(fenced), RAIL_OUT_M, 0.12, 0.4)
    rows["grounded"] = 0
    return rows


def street_lights(verges: Verges) -> _Proposals:
    """Lights on both sides, those of the second side halfway between those of the first."""
    found = []
    for setting in Setting:
        where = verges.every(_LIGHT_SPACING_M[setting], end_m=4.0, shift=verges.halfway)
        places = verges.at(where)
        places = places.only((places.setting == setting) & ~places.raised)
        found.append(propose(Kind.STREET_LIGHT, places, _LIGHT_OUT_M[setting], LIGHT_HALF_M))
    return np.concatenate(found)


def bus_stops(verges: Verges, random: np.random.Generator) -> _Proposals:
    """Shelters behind the sidewalk."""
    places = verges.at(verges.every(160.0, end_m=25.0, shift=random.uniform(0.2, 0.8, len(verges))))
    places = places.only(places.setting == Setting.TOWN)
    return propose(Kind.BUS_STOP, places, 1.6, junction_m=12.0)


def furniture(verges: Verges, random: np.random.Generator) -> _Proposals:
    """Benches, bins and other small things behind the sidewalk."""
    where = verges.every(11.0, end_m=3.0)
    places = verges.at(where + random.uniform(-4.0, 4.0, len(where)))
    choice = random.integers(0, 2 * len(_SMALL_THINGS), len(where))
    variant = random.integers(0, 1 << 16, len(where))
    found = []
    for number, kind in enumerate(_SMALL_THINGS):
        chosen = (choice == number) & (places.setting == Setting.TOWN)
        out_m = 1.5 if kind is Kind.KIOSK else 1.2
        found.append(propose(kind, places.only(chosen), out_m, junction_m=5.0, variant=variant[chosen]))
    return np.concatenate(found)


def fences(verges: Verges, random: np.random.Generator) -> _Proposals:
    """Garden fences and walls in town, long pasture fences in the country; lot by lot, or not at all."""
    where = verges.every(LINK_M, shift=0.0)
    begin, end = verges.at(where), verges.at(where + LINK_M)
    lot = (where // 28.0).astype(np.int64)
    style = random.random(int(lot.max()) + 2 if len(lot) else 1)[lot]
    town, country = begin.setting == Setting.TOWN, (begin.setting == Setting.COUNTRY) & ~begin.raised
    fence = (town & (style < 0.22)) | (country & (style < 0.55))
    wall = town & (style > 0.86)
    rows = [
        propose_chain(Kind.FENCE, begin.only(fence), end.only(fence), 2.6, 0.06, 0.65),
        propose_chain(Kind.WALL, begin.only(wall), end.only(wall), 2.6, 0.15, 0.95),
    ]
    both = np.concatenate(rows)
    both["junction_m"] = 9.0  # nothing may hide who comes to a junction
    return both


def street_trees(verges: Verges, random: np.random.Generator) -> _Proposals:
    """Trees in a row, with their crowns beside the road."""
    where = verges.every(13.0, end_m=4.0)
    places = verges.at(where + random.uniform(-3.0, 3.0, len(where)))
    planted = (random.random(len(where)) < 0.6) & (places.setting != Setting.HIGHWAY) & ~places.raised
    crown_m, half_m = random.uniform(1.0, 1.7, len(where)), random.uniform(2.2, 3.6, len(where))
    variant = random.integers(0, 1 << 16, len(where))
    return propose(
        Kind.TREE,
        places.only(planted),
        (crown_m + CROWN_SPARE_M)[planted],
        (crown_m[planted], crown_m[planted], half_m[planted]),
        junction_m=8.0,
        variant=variant[planted],
    )
