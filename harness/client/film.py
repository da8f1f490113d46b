"""Film: what a small front camera sees once a second, as JPEG, for people who read the report.

It is no sensor of the policy, and nothing waits for it: a picture that comes late is kept for its own tick.
"""

from __future__ import annotations

import io
import threading
from typing import Any

import carla
from PIL import Image

from harness.client.eyes import CAMERA, attributes_of, mount_of
from harness.client.session import Session
from harness.facts import Vector
from policies.interface import CameraSpec

PERIOD_S = 1.0
_SPEC = CameraSpec("film", 384, 216, 100.0, position_in_ego=(3.7, 0.0, 1.2))
_JPEG_QUALITY = 62


class Film:
    """The camera of one episode. It goes with the other actors when the session is cleared.

    Args:
        session: at the server.
        ego: what it is mounted on.
        rear_axle_in_actor: origin of the ego frame in the actor's axes, m.

    Raises:
        InfraError: the server refuses it.
    """

    def __init__(self, session: Session, ego: carla.Vehicle, rear_axle_in_actor: Vector) -> None:
        self._lock = threading.Lock()
        self._exposed: list[Any] = []
        blueprint = session.blueprint(CAMERA)
        for name, value in (*attributes_of(_SPEC).items(), ("sensor_tick", repr(PERIOD_S))):
            blueprint.set_attribute(name, value)
        session.listen(session.spawn(blueprint, mount_of(_SPEC, rear_axle_in_actor), ego), self._keep)

    def _keep(self, message: Any) -> None:
        """Take a message; called in the client's I/O thread."""
        with self._lock:
            self._exposed.append(message)

    def develop(self) -> list[tuple[int, bytes]]:
        """The pictures that came since the last call: (the server's frame, JPEG)."""
        with self._lock:
            exposed, self._exposed = self._exposed, []
        return [(int(message.frame), _jpeg(message)) for message in exposed]


def _jpeg(message: Any) -> bytes:
    picture = Image.frombuffer(
        "RGBX", (message.width, message.height), message.raw_data, "raw", "BGRX", 0, 1
    ).convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return buffer.getvalue()
