"""Vehicles of CARLA 0.9.16, one row each.

Ids and half sizes are those that a CARLA 0.9.16 server reports (as published by the Scenic project in
`tools/carla/snapshots/blueprints_0.9.16.json.gz`). Masses, wheelbases, tracks and wheel radii are typical
figures of the real models, rounded and not looked up one by one; the wheelbase is scaled by the ratio of
CARLA's length to the real one.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class VehicleRow(NamedTuple):
    """One vehicle; lengths in metres, half sizes x forward, y right, z up."""

    model: str
    base_type: str
    special_type: str
    generation: int
    colors: str
    half_x: float
    half_y: float
    half_z: float
    mass_kg: float
    wheelbase_m: float
    track_m: float
    wheel_radius_m: float


COLORS: dict[str, tuple[str, ...]] = {
    "": (),
    "car": ("137,0,0", "17,37,103", "0,0,0", "255,255,255", "105,105,105", "180,44,44", "61,86,47"),
    "bike": ("10,10,10", "188,0,0", "17,37,103"),
}
"""Palette name -> recommended colours "r,g,b"; an empty palette means a vehicle that cannot be painted."""

_TABLE = """
# model                   base       special   gen color half_x half_y half_z  mass wheelb track wheel
audi.a2                   car        -         1   car   1.8527 0.8943 0.7745  1030   2.33  1.45  0.30
audi.etron                car        electric  1   car   2.4279 1.0164 0.8247  2490   2.90  1.65  0.37
audi.tt                   car        -         1   car   2.0906 0.9971 0.6926  1335   2.50  1.55  0.33
bh.crossbike              bicycle    -         1   bike  0.7547 0.4330 0.8062    90   1.03  0.00  0.34
bmw.grandtourer           car        -         1   car   2.3055 1.1209 0.8336  1495   2.81  1.56  0.33
carlamotors.carlacola     truck      -         1   -     2.6019 1.3135 1.2337  5500   3.00  1.75  0.45
carlamotors.european_hgv  truck      -         2   car   3.9679 1.4455 1.7310  9000   4.60  2.10  0.52
carlamotors.firetruck     truck      emergency 2   -     4.2340 1.4455 1.9137 14000   4.80  2.10  0.52
chevrolet.impala          car        -         1   car   2.6787 1.0166 0.7053  1660   2.97  1.58  0.36
citroen.c3                car        -         1   car   1.9938 0.9254 0.8086  1090   2.49  1.46  0.31
diamondback.century       bicycle    -         1   bike  0.8281 0.2912 0.8099    85   1.00  0.00  0.34
dodge.charger_2020        car        -         2   car   2.5039 0.9408 0.7674  1920   3.03  1.62  0.36
dodge.charger_police      car        emergency 1   car   2.4871 1.0192 0.7711  1850   2.98  1.60  0.36
dodge.charger_police_2020 car        emergency 2   -     2.6188 0.9649 0.8192  1950   3.05  1.62  0.36
ford.ambulance            van        emergency 2   -     3.1828 1.1756 1.2157  4500   3.90  1.75  0.38
ford.crown                car        taxi      2   -     2.6828 0.9004 0.7875  1870   2.90  1.61  0.35
ford.mustang              car        -         1   car   2.3588 0.9474 0.6505  1270   2.80  1.42  0.32
gazelle.omafiets          bicycle    -         1   bike  0.9217 0.3295 0.8879    95   1.12  0.00  0.35
harley-davidson.low_rider motorcycle -         1   bike  1.1751 0.3831 0.8247   380   1.61  0.00  0.33
jeep.wrangler_rubicon     car        -         1   car   1.9331 0.9526 0.9390  1720   2.42  1.57  0.40
kawasaki.ninja            motorcycle -         1   bike  1.0218 0.3985 0.7616   270   1.41  0.00  0.31
lincoln.mkz_2017          car        -         1   car   2.4508 1.0642 0.7554  1696   2.84  1.58  0.36
lincoln.mkz_2020          car        -         2   car   2.4462 0.9184 0.7451  1760   2.84  1.58  0.36
mercedes.coupe            car        -         1   car   2.5134 1.0758 0.8253  2100   2.95  1.60  0.37
mercedes.coupe_2020       car        -         2   car   2.3368 0.9059 0.7210  1650   2.83  1.57  0.35
mercedes.sprinter         van        -         2   car   2.9576 0.9942 1.2803  2300   3.66  1.71  0.35
micro.microlino           car        electric  1   car   1.1036 0.7405 0.6880   513   1.45  1.10  0.25
mini.cooper_s             car        -         1   car   1.9029 0.9851 0.7375  1210   2.50  1.46  0.30
mini.cooper_s_2021        car        -         2   car   2.2763 1.0485 0.8836  1500   2.80  1.60  0.35
mitsubishi.fusorosa       bus        -         2   -     5.1363 1.9721 2.1264  9000   5.90  2.20  0.45
nissan.micra              car        -         1   car   1.8167 0.9226 0.7506  1020   2.36  1.47  0.30
nissan.patrol             car        -         1   car   2.3023 0.9658 0.9274  2100   2.65  1.56  0.39
nissan.patrol_2021        car        -         2   car   2.7829 1.0750 1.0226  2750   3.20  1.71  0.40
seat.leon                 car        -         1   car   2.0964 0.9081 0.7369  1250   2.60  1.54  0.32
tesla.cybertruck          truck      electric  2   -     3.1368 1.1948 1.0491  3000   4.00  1.75  0.44
tesla.model3              car        electric  1   car   2.3959 1.0817 0.7438  1845   2.94  1.58  0.35
toyota.prius              car        electric  1   car   2.2568 1.0034 0.7624  1395   2.72  1.53  0.32
vespa.zx125               motorcycle -         1   bike  0.9086 0.4330 0.7950   190   1.28  0.00  0.25
volkswagen.t2             van        -         1   car   2.2402 1.0347 1.0189  1300   2.39  1.42  0.33
volkswagen.t2_2021        van        -         2   car   2.2211 0.8873 0.9936  1350   2.37  1.42  0.33
yamaha.yzf                motorcycle -         1   bike  1.0954 0.4330 0.7652   270   1.40  0.00  0.31
"""
"""Columns are the fields of `VehicleRow`; "-" is an empty text."""


def _parse(line: str) -> VehicleRow:
    model, base_type, special, generation, colors, *numbers = line.split()
    half_x, half_y, half_z, mass_kg, wheelbase_m, track_m, wheel_radius_m = map(float, numbers)
    return VehicleRow(
        model,
        base_type,
        special.strip("-"),
        int(generation),
        colors.strip("-"),
        half_x,
        half_y,
        half_z,
        mass_kg,
        wheelbase_m,
        track_m,
        wheel_radius_m,
    )


VEHICLES = tuple(_parse(line) for line in _TABLE.strip().splitlines()[1:])
"""All vehicles, by id."""

WITH_DOORS = frozenset(
    {
        "carlamotors.firetruck",
        "dodge.charger_2020",
        "dodge.charger_police_2020",
        "ford.ambulance",
        "ford.crown",
        "lincoln.mkz_2020",
        "mercedes.coupe_2020",
        "mercedes.sprinter",
        "mini.cooper_s_2021",
        "nissan.patrol_2021",
        "volkswagen.t2_2021",
    }
)
"""Models whose doors open, from the vehicle catalogue of CARLA's documentation."""

WITH_LAMPS = WITH_DOORS | {"mitsubishi.fusorosa"}
"""Models whose lamps can be switched, from the same catalogue; ScenarioRunner's traffic is chosen by it."""

DRIVER_IDS = ("0", "1")
"""Drivers of a two-wheeler. The attribute is documented, how many there are is not: an estimate."""

MEASURED_BOX_CENTERS: dict[str, tuple[float, float, float]] = {
    "lincoln.mkz_2017": (0.004, 0.0, 0.719),
}
"""Box centres that were published by somebody with a CARLA server; the others stand on the ground."""

FRONT_AXLE_SHARE = 0.52
"""Share of the wheelbase that lies ahead of the origin: 1.4775 m of 2.84, measured for lincoln.mkz_2017."""


class Power(NamedTuple):
    """How a vehicle drives and brakes, relative to the reference car.

    Attributes:
        drive: share of the driving acceleration.
        brake: share of the braking.
        top_kmh: speed at which it pushes no more; the last fifth of it is a struggle.
    """

    drive: float
    brake: float
    top_kmh: float


_POWER_OF_BASE_TYPE = {
    "car": Power(1.0, 1.0, math.inf),
    "van": Power(0.75, 1.0, math.inf),
    "truck": Power(0.45, 0.75, 130.0),
    "bus": Power(0.4, 0.75, 120.0),
    "motorcycle": Power(1.1, 0.9, math.inf),
    "bicycle": Power(0.25, 0.55, 38.0),
}
_POWER_OF_MODEL = {
    "carlamotors.european_hgv": Power(0.3, 0.7, 110.0),
    "carlamotors.firetruck": Power(0.35, 0.7, 120.0),
    "tesla.cybertruck": Power(0.9, 0.95, 180.0),
    "vespa.zx125": Power(0.5, 0.8, 105.0),
}
"""Estimates: what such vehicles usually do. Nothing was measured at CARLA's."""


def power_of(row: VehicleRow) -> Power:
    """How a vehicle drives and brakes."""
    return _POWER_OF_MODEL.get(row.model, _POWER_OF_BASE_TYPE[row.base_type])
