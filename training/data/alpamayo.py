"""AlpamayoTeacher: labels from nvidia/Alpamayo-R1-10B through its published code.

The weights (22 GB, non-commercial licence, behind a consent form) and the code (github.com/NVlabs/alpamayo,
Apache-2.0) are the user's to get; it needs a GPU with 24 GB. Nothing of either is in this repository.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from policies.student.config import PLAN_STEPS
from training.data.files import roll_pitch_yaw
from training.data.layout import EGO_HISTORY
from training.data.sample import Sample, SampleError
from training.data.teacher import TeacherLabel

DEFAULT_MODEL = "nvidia/Alpamayo-R1-10B"
CAMERAS = ("cross_left", "front_wide", "cross_right", "front_tele")
"""In the order that the model was trained with (indices 0, 1, 2, 6)."""

_FRAMES = 4
_TOP_P, _TEMPERATURE, _MAX_TOKENS = 0.98, 0.6, 256
_REMEDY = (
    "The teacher 'alpamayo' needs its published code and weights: clone https://github.com/NVlabs/alpamayo,"
    " install it into this environment, accept the licence of nvidia/Alpamayo-R1-10B, and run on a GPU with"
    " 24 GB. Without them use --teacher expert."
)


class AlpamayoTeacher:
    """Runs the published model.

    Args:
        model: hub name or folder of the weights; the published ones if empty.
        device: where it runs.

    Raises:
        SampleError: the code, the GPU or the weights are missing; says how to get them.
    """

    name = "alpamayo"

    def __init__(self, model: str = "", device: str = "cuda") -> None:
        try:
            self._torch: Any = importlib.import_module("torch")
            self._helper: Any = importlib.import_module("alpamayo_r1.helper")
            module: Any = importlib.import_module("alpamayo_r1.models.alpamayo_r1")
        except ModuleNotFoundError as error:
            raise SampleError(f"{_REMEDY} (missing: {error.name})") from error
        if device.startswith("cuda") and not self._torch.cuda.is_available():
            raise SampleError(f"{_REMEDY} (missing: a CUDA GPU)")
        try:
            loaded = module.AlpamayoR1.from_pretrained(model or DEFAULT_MODEL, dtype=self._torch.bfloat16)
        except OSError as error:
            raise SampleError(f"{_REMEDY} (the weights cannot be read: {error})") from error
        self._device = device
        self._model: Any = loaded.to(device)
        self._processor: Any = self._helper.get_processor(self._model.tokenizer)

    def label(self, sample: Sample) -> TeacherLabel:
        """Draw one trajectory and its chain of causation, with the published sampling settings.

        Raises:
            SampleError: a camera is missing or has too few frames.
        """
        torch = self._torch
        messages = self._helper.create_message(torch.from_numpy(_frames(sample)))
        tokens = self._processor.apply_chat_template(
            messages,
            tokenize=True,
            add_generation_prompt=False,
            continue_final_message=True,
            return_dict=True,
            return_tensors="pt",
        )
        from policies.frames import rotation_matrix

        observation = sample.observation
        rotations = np.stack([rotation_matrix(*row) for row in observation.history_roll_pitch_yaw_rad])
        xyz = torch.from_numpy(observation.history_position_in_ego).float()
        if xyz.shape != EGO_HISTORY["ego_history_xyz"].shape:
            raise SampleError(f"clip {sample.clip_id}: the ego's history is {tuple(xyz.shape)}")
        inputs = {
            "tokenized_data": tokens,
            "ego_history_xyz": xyz[None, None],
            "ego_history_rot": torch.from_numpy(rotations).float()[None, None],
        }
        inputs = self._helper.to_device(inputs, self._device)
        kind = self._device.partition(":")[0]
        with torch.inference_mode(), torch.autocast(kind, dtype=torch.bfloat16):
            positions, turned, extra = self._model.sample_trajectories_from_data_with_vlm_rollout(
                data=inputs,
                top_p=_TOP_P,
                temperature=_TEMPERATURE,
                num_traj_samples=1,
                max_generation_length=_MAX_TOKENS,
                return_extra=True,
            )
        angles = roll_pitch_yaw(turned[0, 0, 0].float().cpu().numpy())
        return TeacherLabel(
            position_in_ego=positions[0, 0, 0, :PLAN_STEPS].double().cpu().numpy(),
            yaw_in_ego_rad=np.unwrap(angles[:PLAN_STEPS, 2]),
            text=str(np.asarray(extra["cot"][0], dtype=object).ravel()[0]).strip(),
        )


def _frames(sample: Sample) -> np.ndarray:
    """(16, 3, H, W) uint8, camera after camera, as the published helper takes them."""
    frames = []
    for name in CAMERAS:
        camera = sample.observation.cameras.get(name)
        if camera is None or len(camera.rgb) < _FRAMES:
            raise SampleError(
                f"clip {sample.clip_id} at {sample.t0_us} us: the teacher 'alpamayo' needs {_FRAMES} frames"
                f" of {', '.join(CAMERAS)}; collect with the rig alpamayo4"
            )
        frames.append(camera.rgb[-_FRAMES:].transpose(0, 3, 1, 2))
    return np.concatenate(frames)
