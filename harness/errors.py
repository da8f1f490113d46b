"""The errors of the harness, by who is to blame. A message names the thing and the remedy.

`UsageError`: the command or its input is wrong; the user must change something (exit code 2).
`InfraError`: a server, a stream or a worker failed; the episode is repeated and never held against the
policy. `PolicyFaultError`: the policy raised or answered nonsense; the episode is scored as it stands.
"""

from __future__ import annotations

from enum import StrEnum


class DrivegateError(Exception):
    """Anything that the harness reports as one paragraph instead of a traceback."""


class UsageError(DrivegateError):
    """The command, a configuration or an input file is wrong."""


class ConfigError(UsageError):
    """A configuration value is unknown or out of range."""


class ResumeMismatchError(UsageError):
    """A run folder holds a run with another configuration."""


class MergeError(UsageError):
    """Run folders are not the shards of one run."""


class TownMissingError(UsageError):
    """A route needs a town that the server does not have."""

    def __init__(self, town: str, route_ids: tuple[str, ...], available: tuple[str, ...]) -> None:
        routes = ", ".join(route_ids[:6]) + (", ..." if len(route_ids) > 6 else "")
        super().__init__(
            f"The server has no town {town}, which route {routes} needs. It has:"
            f" {', '.join(available) or 'none'}. Choose a suite without that town, or a server that has it"
            " (CARLA keeps the towns beyond 01-05 and 10HD in its additional maps)."
        )
        self.town = town


class RouteStartError(UsageError):
    """The ego vehicle cannot be put on the first point of its route."""


class EngineError(UsageError):
    """Docker cannot do what was asked, and would not at the next try either."""


class NoEngineError(EngineError):
    """No Docker engine answers."""


class EngineDeniedError(EngineError):
    """The user may not talk to the Docker engine."""


class ImageMissingError(EngineError):
    """An image is neither here nor to be had."""


class GpuMissingError(EngineError):
    """The Docker engine cannot hand a GPU to a container, or the container cannot draw with it."""


class InfraFaultKind(StrEnum):
    """What kind of infrastructure failed."""

    SERVER_START = "server_start"
    SERVER_DIED = "server_died"
    SERVER_HUNG = "server_hung"
    SERVER_ERROR = "server_error"
    NOT_CARLA = "not_carla"
    SERVER_VERSION = "server_version"
    TICK_GAP = "tick_gap"
    SENSOR_LOST = "sensor_lost"
    CRITERION = "criterion"
    RECORD = "record"
    WALL_LIMIT = "wall_limit"
    WORKER_DIED = "worker_died"
    HARNESS = "harness"


class InfraError(DrivegateError):
    """The infrastructure failed; nothing can be said about the policy."""

    kind = InfraFaultKind.HARNESS


class ServerStartError(InfraError):
    """A server did not become ready."""

    kind = InfraFaultKind.SERVER_START


class PortTakenError(ServerStartError):
    """The ports that a server was given belong to somebody else."""


class NotCarlaError(ServerStartError):
    """Whatever listens at the address does not speak CARLA's protocol."""

    kind = InfraFaultKind.NOT_CARLA


class ServerVersionError(ServerStartError):
    """The server is a CARLA, but of another version than the client."""

    kind = InfraFaultKind.SERVER_VERSION


class ServerLostError(InfraError):
    """A server that was ready died or stopped answering."""

    def __init__(self, message: str, *, died: bool) -> None:
        super().__init__(message)
        self.kind = InfraFaultKind.SERVER_DIED if died else InfraFaultKind.SERVER_HUNG


class ServerAnswerError(InfraError):
    """The server answered a request with an error."""

    kind = InfraFaultKind.SERVER_ERROR


class TickGapError(InfraError):
    """The world advanced by more than the one tick that was asked for."""

    kind = InfraFaultKind.TICK_GAP


class SensorLostError(InfraError):
    """A sensor that was subscribed to does not send, or an actor that must exist is gone."""

    kind = InfraFaultKind.SENSOR_LOST


class CriterionFailedError(InfraError):
    """A criterion could not judge the facts: never a pass, never an infraction."""

    kind = InfraFaultKind.CRITERION


class RecordFailedError(InfraError):
    """The record of an episode could not be written."""

    kind = InfraFaultKind.RECORD


class WallLimitError(InfraError):
    """An episode took more wall-clock time than it may."""

    kind = InfraFaultKind.WALL_LIMIT


class StopRequested(DrivegateError):  # noqa: N818 - it is a request, not an error
    """Somebody asked the campaign to stop; the episode in progress is abandoned."""


class PolicyFaultError(DrivegateError):
    """The policy raised, or answered something that is not finite or not in range."""
