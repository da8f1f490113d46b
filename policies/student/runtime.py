"""Two ways to run a student: torch, and ONNX Runtime (which needs no torch at all)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from policies.checkpoint import ONNX, WEIGHTS, Checkpoint, CheckpointError
from policies.student.config import Light, StudentConfig
from policies.student.features import Features

RUNTIMES = ("auto", "torch", "onnx")
OUTPUT_NAMES = ("plan", "mode_logits", "actions", "action_logits", "text", "light_logits")
_ANSWER = ("plan", "mode_logits", "text", "light_logits")


@dataclass(frozen=True, slots=True)
class StudentAnswer:
    """What a student answers for one moment.

    Attributes:
        plan: (K, 64, 4) x, y m, sine and cosine of yaw.
        mode_logits: (K,).
        text: (384,) embedding.
        light_logits: (3,) of `policies.student.config.Light`; (0,) without the light head.
    """

    plan: NDArray[np.float32]
    mode_logits: NDArray[np.float32]
    text: NDArray[np.float32]
    light_logits: NDArray[np.float32]

    @property
    def sees_red(self) -> bool:
        """Whether the light ahead says stop, as far as the student can tell."""
        return self.light_logits.size > 0 and int(np.argmax(self.light_logits)) == Light.STOP

    @property
    def best(self) -> NDArray[np.float32]:
        """(64, 4) the likeliest mode's plan."""
        return np.asarray(self.plan[int(np.argmax(self.mode_logits))])


class StudentRuntime(Protocol):
    """Something that runs a student."""

    def answer(self, features: Features) -> StudentAnswer:
        """Answer one moment."""
        ...


class OnnxRuntime:
    """ONNX Runtime on the CPU, one thread: deterministic, and workers share the cores among them."""

    def __init__(self, model: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        onnxruntime.disable_telemetry_events()
        self._session = onnxruntime.InferenceSession(
            model.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {value.name for value in self._session.get_inputs()}

    def answer(self, features: Features) -> StudentAnswer:
        """Answer one moment."""
        given = {
            name: np.asarray(value)[None] for name, value in features.arrays().items() if name in self._inputs
        }
        return StudentAnswer(*(value[0] for value in self._session.run(list(_ANSWER), given)))


class TorchRuntime:
    """Torch in eval mode.

    Args:
        config: of the network.
        weights: file of named tensors.
        device: such as "cpu" or "cuda:0".
    """

    def __init__(self, config: StudentConfig, weights: Path, device: str = "cpu") -> None:
        import torch

        from policies.nets.student import Student
        from policies.nets.weights import load_tensors

        self._torch = torch
        self._device = device
        self._net = Student(config)
        try:
            self._net.load_state_dict(load_tensors(weights))
        except RuntimeError as error:
            raise CheckpointError(f"{weights} does not fit its manifest's model: {error}") from error
        self._net.eval().to(device)

    def answer(self, features: Features) -> StudentAnswer:
        """Answer one moment."""
        torch = self._torch
        with torch.inference_mode():
            given = {
                name: torch.from_numpy(np.asarray(value)[None]).to(self._device)
                for name, value in features.arrays().items()
            }
            output = self._net(**given)
        return StudentAnswer(*(getattr(output, name)[0].cpu().numpy() for name in _ANSWER))


def open_runtime(checkpoint: Checkpoint, config: StudentConfig, runtime: str, device: str) -> StudentRuntime:
    """Build what runs a checkpoint; "auto" takes ONNX Runtime if it was exported, torch otherwise.

    Raises:
        CheckpointError: a file is missing or damaged, or the library that it needs is not installed.
    """
    if runtime == "auto":
        runtime = "onnx" if ONNX in checkpoint.manifest.files and device == "cpu" else "torch"
    try:
        if runtime == "onnx":
            return OnnxRuntime(checkpoint.file(ONNX))
        return TorchRuntime(config, checkpoint.file(WEIGHTS), device)
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"The student needs {error.name} to run: pip install torch==2.13.0, or export it to ONNX"
        ) from error
