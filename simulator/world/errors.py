"""What can go wrong in the world, typed. Each message names the thing and says what to do about it."""

from __future__ import annotations


class WorldError(Exception):
    """Base of every error that the world raises on purpose."""


class UnknownTownError(WorldError):
    """A town that is not packaged was asked for."""

    def __init__(self, name: str, towns: tuple[str, ...]) -> None:
        self.name = name
        self.towns = towns
        super().__init__(f"unknown town {name!r}: this server has {', '.join(towns)}")


class OpenDriveError(WorldError):
    """An OpenDRIVE text that cannot become a town.

    Attributes:
        town: the name it was given.
        element: what is wrong, as a path such as `road 12 / signal 7`.
    """

    def __init__(self, town: str, element: str, problem: str) -> None:
        self.town = town
        self.element = element
        super().__init__(f"OpenDRIVE of {town!r}: {element}: {problem}")


class UnknownActorError(WorldError):
    """No live actor has this id."""

    def __init__(self, actor_id: int) -> None:
        self.actor_id = actor_id
        super().__init__(f"no actor has id {actor_id}: it was destroyed or never spawned")


class WrongActorKindError(WorldError):
    """The actor exists, but the call makes no sense for its kind."""

    def __init__(self, actor_id: int, blueprint_id: str, wanted: str) -> None:
        self.actor_id = actor_id
        super().__init__(f"actor {actor_id} is a {blueprint_id}, not a {wanted}")


class NoBodyError(WrongActorKindError):
    """The call needs something that forces can move: a vehicle, a walker or a prop."""

    def __init__(self, actor_id: int, blueprint_id: str) -> None:
        super().__init__(actor_id, blueprint_id, "thing with a body")


class UnknownParentError(WorldError):
    """An actor was to be attached to one that does not exist."""

    def __init__(self, parent_id: int) -> None:
        self.parent_id = parent_id
        super().__init__(f"unable to attach actor: parent actor {parent_id} not found")


class SpawnCollisionError(WorldError):
    """The place where an actor was to be spawned is taken. The text is CARLA's own: clients compare it."""

    def __init__(self, blueprint_id: str, blocker_id: int) -> None:
        self.blueprint_id = blueprint_id
        self.blocker_id = blocker_id
        super().__init__("Spawn failed because of collision at spawn position")


class OutsideWorldError(WorldError):
    """An actor was to be put beyond the edge of the world."""

    def __init__(self, actor_id: int, limit_m: float) -> None:
        self.actor_id = actor_id
        super().__init__(f"actor {actor_id} cannot be put farther than {limit_m:.0f} m from the origin")


class TooManyActorsError(WorldError):
    """The world is full."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit} actors already: destroy some first")


class NotFiniteError(WorldError):
    """A client sent NaN or infinity. One such number would spread through the whole world."""

    def __init__(self, actor_id: int, what: str) -> None:
        self.actor_id = actor_id
        super().__init__(f"{what} for actor {actor_id} has a value that is not finite: nothing was changed")
