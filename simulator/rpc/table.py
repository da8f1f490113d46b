"""How a remote method is described, and how a request becomes a reply."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import cast

from simulator.rpc.refusals import CarlaRefusalError, carla_text
from simulator.sensors.interface import BadAttributeError
from simulator.sensors.registry import UnsupportedSensorError
from simulator.simulation import NoGeneratedTownError, Simulation
from simulator.wire.arguments import BadArgumentError
from simulator.wire.rpc import (
    VOID_RESULT,
    BatchItem,
    Encoded,
    Request,
    Value,
    batch_result,
    encode_reply,
    encode_rpc_error,
    error_result,
    value_result,
    void_error_result,
)
from simulator.world.blueprints import UnknownBlueprintError
from simulator.world.errors import WorldError

logger = logging.getLogger(__name__)


class NotInThisVersionError(Exception):
    """A method is known, but this server does not do what it asks for."""


EXPECTED_ERRORS = (
    BadArgumentError,
    BadAttributeError,
    CarlaRefusalError,
    NoGeneratedTownError,
    NotInThisVersionError,
    UnknownBlueprintError,
    UnsupportedSensorError,
    WorldError,
)
"""What a client can bring about; anything else is a defect of the server and logged with its traceback."""


class Answer(Enum):
    """Envelope of a method's answer."""

    VALUE = "value"
    VOID = "void"
    BATCH = "batch"


class Coverage(StrEnum):
    """What a method does here; the words of COVERAGE.md."""

    IMPLEMENTED = "implemented"
    NO_EFFECT = "accepted without effect"
    REFUSED = "refused"


Converter = Callable[[Value], object]
Handler = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Method:
    """One remote method, or one command of a batch.

    Attributes:
        name: on the wire.
        answer: envelope of its answer.
        takes: one converter per argument; further arguments are ignored, as the client does with fields.
        handler: called with the simulation and the converted arguments.
        coverage: what it does here.
        note: what a user should know, for COVERAGE.md.
    """

    name: str
    answer: Answer
    takes: tuple[Converter, ...]
    handler: Handler
    coverage: Coverage = Coverage.IMPLEMENTED
    note: str = ""

    def call(self, simulation: Simulation, arguments: list[Value]) -> object:
        """Convert the arguments and call the handler.

        Raises:
            BadArgumentError: an argument is missing or wrong; and whatever the handler raises.
        """
        if len(arguments) < len(self.takes):
            raise BadArgumentError(f"{self.name} takes {len(self.takes)} arguments, got {len(arguments)}")
        converted = [convert(value) for convert, value in zip(self.takes, arguments, strict=False)]
        return self.handler(simulation, *converted)


def value(name: str, handler: Handler, *takes: Converter, note: str = "") -> Method:
    """An implemented method that answers a value."""
    return Method(name, Answer.VALUE, takes, handler, note=note)


def void(name: str, handler: Handler, *takes: Converter, note: str = "") -> Method:
    """An implemented method that answers nothing."""
    return Method(name, Answer.VOID, takes, handler, note=note)


def ignored(name: str, note: str = "") -> Method:
    """A method that answers nothing and does nothing."""
    return Method(name, Answer.VOID, (), _nothing, Coverage.NO_EFFECT, note)


def constant(name: str, answer: object, note: str = "") -> Method:
    """A method that always gives the same answer, because there is nothing to ask for here."""
    return Method(name, Answer.VALUE, (), lambda _simulation: answer, Coverage.NO_EFFECT, note)


def refused(name: str, answer: Answer, note: str) -> Method:
    """A method that tells the client that it is not in this version."""

    def refuse(_simulation: Simulation) -> object:
        raise NotInThisVersionError(f"{name} is not in this version of the headless server: {note}")

    return Method(name, answer, (), refuse, Coverage.REFUSED, note)


def _nothing(_simulation: Simulation) -> None:
    return None


class Dispatcher:
    """Turns requests into replies. Whatever a handler raises becomes an error answer; the server lives."""

    def __init__(
        self,
        simulation: Simulation,
        methods: Iterable[Method],
        on_first_call: Callable[[str], None] | None = None,
    ) -> None:
        """Answer calls of a simulation.

        Args:
            simulation: what the methods act on.
            methods: all that can be called.
            on_first_call: told the name of each method when it is called for the first time.
        """
        self._simulation = simulation
        self._methods = {method.name: method for method in methods}
        self._called: set[str] = set()
        self._on_first_call = on_first_call

    def reply(self, request: Request) -> bytes:
        """The whole reply to a request."""
        method = self._methods.get(request.method)
        if method is None:
            logger.error("unknown method %s from a client", ascii(request.method[:80]))
            count = len(request.arguments) + 1
            return encode_rpc_error(
                request.id,
                f"server could not find function {request.method[:80]!r} with argument count {count}",
            )
        if method.name not in self._called:
            self._called.add(method.name)
            if method.coverage is not Coverage.IMPLEMENTED:
                logger.info("%s: %s", method.name, method.coverage)
            if self._on_first_call is not None:
                self._on_first_call(method.name)
        return encode_reply(request.id, self._result(method, request.arguments))

    def _result(self, method: Method, arguments: list[Value]) -> bytes:
        try:
            answer = method.call(self._simulation, arguments)
        except Exception as error:
            message = explain(method.name, error)
            return void_error_result(message) if method.answer is Answer.VOID else error_result(message)
        if method.answer is Answer.VOID:
            return VOID_RESULT
        if method.answer is Answer.BATCH:
            return answer.data if isinstance(answer, Encoded) else batch_result(cast(list[BatchItem], answer))
        return value_result(answer)


def explain(name: str, error: Exception) -> str:
    """What the client is told about an error; a defect of the server is logged with its traceback.

    Args:
        name: of the method, or of the command of a batch.
        error: what its handler raised.
    """
    if isinstance(error, EXPECTED_ERRORS):
        logger.info("%s: %s", name, error)
        return carla_text(name, error)
    logger.error("%s failed", name, exc_info=error)
    return f"internal error of the headless server in {name}: {error!r}"


def run_command(simulation: Simulation, command: Method, arguments: list[Value]) -> BatchItem:
    """Run one command of a batch; its answer is the actor's id or an error."""
    try:
        actor_id = command.call(simulation, arguments)
    except Exception as error:
        return BatchItem(0, explain(command.name, error))
    return BatchItem(actor_id if isinstance(actor_id, int) else 0)
