"""Spring arms: attachments whose yaw trails the parent's, as CARLA makes them from Unreal's component.

The arm points from the child to the parent's origin, keeps that pitch in the world, never rolls, and follows
the parent's yaw with a lag. The child sits at its end, turned by its own rotation. CARLA's plain arm starts
0.3 m above the parent's origin and shortens before obstacles; its ghost does neither. Nothing shortens an arm
here.
"""

from __future__ import annotations

import math

import numpy as np

from simulator.wire.layouts import ACTOR_STATE, AttachmentType
from simulator.world.actors import Transform
from simulator.world.bodies import BODY
from simulator.world.snapshot import ATTACHMENT, compose, write_attached

ARM_LIFT_M = 0.3
"""CARLA's offset of a plain arm, so that it clears bumpy ground."""


def hang(link: np.void, relative: Transform, attachment: int) -> None:
    """Write how something hangs on its parent into its () ATTACHMENT; rows and trailing yaw are for others.

    Args:
        link: its record.
        relative: pose in the parent's frame, as the client gave it.
        attachment: an `AttachmentType`.
    """
    x, y, z, *rotation = relative
    link["location"], link["rotation"] = (x, y, z), rotation
    link["arm"] = int(attachment != AttachmentType.RIGID)
    link["arm_m"] = math.sqrt(x * x + y * y + z * z)
    link["arm_pitch"] = math.degrees(math.atan2(-z, math.hypot(x, y)))
    link["arm_yaw"] = math.degrees(math.atan2(-y, -x)) if x or y else 0.0
    link["arm_lift_m"] = ARM_LIFT_M if attachment == AttachmentType.SPRING_ARM else 0.0


def straight_yaw(link: np.void, parent: Transform) -> float:
    """Where an arm points in the world, in degrees, when it does not trail."""
    return compose(parent, (0.0, 0.0, 0.0, float(link["arm_pitch"]), float(link["arm_yaw"]), 0.0))[4]


def place_of_child(parent: Transform, relative: Transform, attachment: int) -> Transform:
    """Where something attached begins: on an arm, at the end of one that has not turned yet.

    Args:
        parent: of the parent in the world.
        relative: pose in the parent's frame.
        attachment: an `AttachmentType`.
    """
    if attachment == AttachmentType.RIGID:
        return compose(parent, relative)
    states = np.zeros(2, ACTOR_STATE)
    states["location"][0], states["rotation"][0] = parent[:3], parent[3:]
    link = np.zeros(1, ATTACHMENT)
    link["row"], link["body"] = 1, -1
    hang(link[0], relative, attachment)
    link["trailing_yaw"] = straight_yaw(link[0], parent)
    write_attached(link, np.zeros(0, BODY), states, 0.0)
    x, y, z = states["location"][1].tolist()
    pitch, yaw, roll = states["rotation"][1].tolist()
    return (x, y, z, pitch, yaw, roll)
