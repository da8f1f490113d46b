"""What a sensor of the real client received."""

from __future__ import annotations

import threading
from collections.abc import Callable

import carla

WAIT_S = 30.0
"""Only a message that never comes takes so long."""


_open: list[Mailbox] = []


def close_all() -> None:
    """Stop and destroy every sensor that is still listened to.

    The 0.9.16 client may abort ("close: Bad file descriptor") when a world is loaded while one listens.
    """
    while _open:
        _open.pop().close()


class _Inbox:
    """Where the client's thread leaves messages. It must not know the sensor.

    The client's thread may hold a callback longest. What dies with it there, the sensor and with the last
    sensor the whole client, dies in one of the client's own threads: `std::terminate`.
    """

    def __init__(self) -> None:
        self.messages: list[object] = []
        self.changed = threading.Condition()

    def take(self, message: object) -> None:
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()


class Mailbox:
    """Messages of a sensor, with a wait that ends as soon as a condition holds."""

    def __init__(self, sensor: carla.Sensor) -> None:
        self._inbox = _Inbox()
        self._sensor = sensor  # the client stops listening when the last reference goes
        sensor.listen(self._inbox.take)
        _open.append(self)

    @property
    def messages(self) -> list[object]:
        """What has come so far."""
        return self._inbox.messages

    def close(self) -> None:
        """Listen no more."""
        if self._sensor.is_listening:
            self._sensor.stop()
        if self._sensor.is_alive:  # it may have gone with its parent
            self._sensor.destroy()

    def wait(self, condition: Callable[[list[object]], bool]) -> None:
        with self._inbox.changed:
            assert self._inbox.changed.wait_for(lambda: condition(self.messages), WAIT_S), self.messages

    def wait_for_count(self, count: int) -> None:
        """Wait until there are so many."""
        self.wait(lambda messages: len(messages) >= count)

    def wait_for_frame(self, frame: int) -> object:
        """The first message of a frame."""
        self.wait(lambda messages: any(message.frame >= frame for message in messages))  # type: ignore[attr-defined]
        return next(message for message in self.messages if message.frame == frame)  # type: ignore[attr-defined]


def attach(
    world: carla.World,
    parent: carla.Actor | None,
    name: str,
    *,
    at: carla.Transform | None = None,
    how: carla.AttachmentType = carla.AttachmentType.Rigid,
    **attributes: str,
) -> carla.Sensor:
    """Spawn a sensor, 1 m above the origin of its parent unless told otherwise."""
    blueprint = world.get_blueprint_library().find(name)
    for key, value in attributes.items():
        blueprint.set_attribute(key, value)
    place = carla.Transform(carla.Location(z=1.0)) if at is None else at
    if parent is None:
        return world.spawn_actor(blueprint, place)
    return world.spawn_actor(blueprint, place, attach_to=parent, attachment_type=how)
