"""Settings of the expert."""

from __future__ import annotations

from dataclasses import dataclass, field

from policies.control.lateral import PathTracking


@dataclass(frozen=True, slots=True)
class ExpertConfig:
    """Settings of the expert; the defaults are those that its acceptance figures were measured with.

    Attributes:
        limit_factor: share of the legal speed to drive.
        top_speed_mps: never faster.
        lateral_acceleration_mps2: bound in curves.
        acceleration_mps2: strongest wanted acceleration.
        comfortable_brake_mps2: for everything that is seen in time.
        hardest_brake_mps2: for everything else.
        horizon_m: how far the route and the actors are asked for.
        headway_s, standstill_gap_m: of the intelligent driver model.
        stop_margin_m: from the front bumper to a stop line.
        yellow_brake_mps2: stop at a yellow light when no more than this is needed.
        side_margin_m: kept free on each side of the car.
        walker_margin_m: likewise against walkers.
        time_margin_s: between the ego and a crossing road user.
        forecast_s, forecast_step_s: how far and how finely others are rolled forward.
        squeeze_after_s: standing this long before something that only touches the side margin, the margin is
            given up (the boxes themselves never overlap).
        stop_sign_wait_s: how long to stand at a stop sign.
        tracking: gains of the path tracker.
    """

    limit_factor: float = 0.72
    top_speed_mps: float = 14.0
    lateral_acceleration_mps2: float = 2.2
    acceleration_mps2: float = 2.2
    comfortable_brake_mps2: float = 2.2
    hardest_brake_mps2: float = 8.0
    horizon_m: float = 90.0
    headway_s: float = 1.0
    standstill_gap_m: float = 3.0
    stop_margin_m: float = 1.0
    yellow_brake_mps2: float = 4.0
    side_margin_m: float = 0.25
    walker_margin_m: float = 0.7
    time_margin_s: float = 0.6
    forecast_s: float = 4.8
    forecast_step_s: float = 0.2
    squeeze_after_s: float = 8.0
    stop_sign_wait_s: float = 0.6
    tracking: PathTracking = field(default_factory=PathTracking)
