"""How every command ends: an exit code, and a paragraph instead of a traceback for what the user can mend."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import typer
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from harness.errors import DrivegateError, InfraError, UsageError

EXIT_USAGE, EXIT_INVALID, EXIT_INTERRUPTED = 2, 4, 130


def console() -> Console:
    """Standard output; outside a terminal lines are as long as they need to be."""
    return Console(width=None if sys.stdout.isatty() else 200)


def finish(work: Callable[[], int], when_interrupted: str = "") -> NoReturn:
    """Run a command and leave with its exit code; what the user can mend is a paragraph, not a traceback."""
    from harness.record.errors import RecordError
    from policies.registry import PolicyArgumentError, UnknownPolicyError
    from scenarios.planner import RouteError
    from scenarios.route_xml import RouteXmlError
    from scenarios.suites import UnknownSuiteError

    try:
        code = work()
    except InfraError as error:
        code = complain(str(error), EXIT_INVALID)
    except (
        UsageError,
        UnknownSuiteError,
        RouteXmlError,
        RouteError,
        UnknownPolicyError,
        PolicyArgumentError,
    ) as error:
        code = complain(_plain(error), EXIT_USAGE)
    except (DrivegateError, RecordError) as error:
        code = complain(str(error), EXIT_INVALID)
    except KeyboardInterrupt:
        code = complain(f"Interrupted. {when_interrupted}".strip(), EXIT_INTERRUPTED)
    raise typer.Exit(code)


def _plain(error: Exception) -> str:
    """The message alone: `str` of a LookupError would put it into quotation marks."""
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else str(error)


def complain(message: str, code: int) -> int:
    """Say what is wrong on standard error, and hand the exit code on."""
    errors = Console(stderr=True)
    if errors.is_terminal:
        errors.print(Panel(Text(message), title="drivegate", title_align="left", border_style="red"))
    else:
        print(f"drivegate: {message}", file=sys.stderr)
    return code
