"""Where a student's samples come from, by its configuration."""

from __future__ import annotations

from policies.student.config import StudentConfig
from training.data.dummy import DummySource
from training.data.files import FileSource
from training.data.sample import SampleSource
from training.demonstrations.source import Selection, open_demonstrations
from training.student.config import DataSection

_VALIDATION_SEED = 1_000_003


def sources(data: DataSection, student: StudentConfig, seed: int = 0) -> tuple[SampleSource, SampleSource]:
    """Open the training and the validation split.

    Raises:
        SampleError: a file is missing or wrong.
    """
    if data.offline:
        train: SampleSource = DummySource(student, data.offline_samples, seed)
        val: SampleSource = DummySource(student, max(data.offline_samples // 4, 2), _VALIDATION_SEED)
    elif data.demonstrations:
        chosen = Selection(every=data.every)
        train, val = (
            open_demonstrations(data.demonstrations, split, student, chosen) for split in ("train", "val")
        )
    else:
        train = FileSource(data.train_labels, data.ego_history_dir, data.frames_dir, student)
        val = FileSource(data.val_labels, data.ego_history_dir, data.frames_dir, student)
    return (train, train) if data.overfit_tiny else (train, val)
