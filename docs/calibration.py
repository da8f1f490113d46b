"""Draw our Lincoln MKZ against the published fit: `calibration.svg` and the table of `calibration.md`.

The numbers come from the same functions as those of tests/unit/test_world_calibration.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # `tests` is not installed

from tests.support import kinematic_fit as fit  # noqa: E402
from tests.support.calibration_sweep import TICKS, accelerations_mps2, drive_ours, drives, errors_m  # noqa: E402

BEGIN, END = "<!-- sweep: begin -->", "<!-- sweep: end -->"
THROTTLES = (0.3, 0.5, 0.75, 1.0)
DRIVES, SEED = 1000, 0
SPEED_BANDS_MPS = ((0, 8), (8, 16), (16, 22), (22, 28))


def draw_throttle(axes: Axes) -> None:
    """Acceleration over speed for some throttles."""
    kmh = np.arange(0.0, 151.0, 2.0)
    for number, throttle in enumerate(THROTTLES):
        colour = f"C{number}"
        within = kmh[kmh <= 100.0]
        axes.plot(within, [fit.throttle_mps2(v, throttle) for v in within], "--", color=colour)
        axes.plot(
            kmh, accelerations_mps2(kmh, throttle, brake=0.0), color=colour, label=f"throttle {throttle}"
        )
    axes.set(title="Throttle", xlabel="speed, km/h", ylabel="acceleration, m/s²")
    axes.legend(title="solid: ours, dashed: fit")


def draw_brake(axes: Axes) -> None:
    """Deceleration over speed under full brakes."""
    kmh = np.arange(1.0, 101.0, 1.0)
    axes.plot(kmh, [-fit.full_brake_mps2(v) for v in kmh], "--", color="C3", label="fit")
    axes.plot(kmh, -accelerations_mps2(kmh, throttle=0.0, brake=1.0), color="C3", label="ours")
    axes.axvspan(0.0, fit.BRAKE_FROM_KMH, color="0.92")
    axes.text(fit.BRAKE_FROM_KMH / 2.0, 1.0, "decided,\nnot fitted", ha="center")
    axes.set(title="Full brake", xlabel="speed, km/h", ylabel="deceleration, m/s²", ylim=(0.0, None))
    axes.legend()


def draw_sweep(axes: Axes, errors: np.ndarray) -> None:
    """How the position error of the sweep grows within its second."""
    seconds = fit.STEP_S * np.arange(1, TICKS + 1)
    axes.plot(seconds, errors.mean(axis=0), color="C0", label="mean")
    axes.plot(seconds, np.percentile(errors, 95, axis=0), ":", color="C0", label="95 % below")
    axes.axhline(0.15, color="0.6", lw=1.0)
    axes.text(0.05, 0.155, "0.15 m", color="0.4")
    axes.set(title=f"{DRIVES} random drives", xlabel="time, s", ylabel="position error, m")
    axes.legend()


def sweep_table(speeds_mps: np.ndarray, final_m: np.ndarray) -> str:
    """Errors after one second, by speed at the start, as Markdown."""
    rows = ["| speed at the start, m/s | drives | mean, m | 95 % below, m |", "|---|---|---|---|"]
    for low, high in SPEED_BANDS_MPS:
        chosen = final_m[(speeds_mps >= low) & (speeds_mps < high)]
        rows.append(
            f"| {low}-{high} | {len(chosen)} | {chosen.mean():.3f} | {np.percentile(chosen, 95):.3f} |"
        )
    rows.append(f"| all | {len(final_m)} | {final_m.mean():.3f} | {np.percentile(final_m, 95):.3f} |")
    return "\n".join(rows)


def main() -> None:
    """Write the figure and the table."""
    mpl.rcParams["svg.hashsalt"] = "drivegate"
    plan = drives(DRIVES, SEED)
    errors = errors_m(plan, drive_ours(plan))
    figure = Figure(figsize=(13, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_throttle(left)
    draw_brake(middle)
    draw_sweep(right, errors)
    figure.savefig(DOCS / "calibration.svg", metadata={"Date": None})
    page = DOCS / "calibration.md"
    head, rest = page.read_text().split(BEGIN)
    table = sweep_table(np.array([drive.speed_mps for drive in plan]), errors[:, -1])
    page.write_text(f"{head}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
