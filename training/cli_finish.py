"""How commands of training end."""

from __future__ import annotations

from collections.abc import Callable

from harness.cli_finish import EXIT_USAGE, complain, finish


def finish_training(work: Callable[[], int], when_interrupted: str = "") -> None:
    """End a command; what the user can mend in data, models and checkpoints is a paragraph."""
    from policies.checkpoint import CheckpointError
    from policies.student.config import StudentConfigError
    from policies.student.features import ObservationError
    from training.data.sample import SampleError

    def told() -> int:
        try:
            return work()
        except ModuleNotFoundError as error:
            return complain(
                f"This needs {error.name}: pip install torch==2.13.0 && pip install"
                " 'drivegate[train,export]'",
                EXIT_USAGE,
            )
        except (CheckpointError, StudentConfigError, ObservationError, SampleError) as error:
            return complain(str(error), EXIT_USAGE)

    finish(told, when_interrupted)
