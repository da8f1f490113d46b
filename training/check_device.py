"""`python -m training.check_device`: does the student train on this device?

Takes one and a few more training steps of every size with mixed precision, torch.compile and gradient
checkpointing,
prints throughput and peak memory, and checks that going on from saved state equals never stopping. Needs
torch and NumPy only, and runs from a checkout: no data, no Lightning, no network.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from policies.nets.student import Student
from policies.sensor_bundle import Command
from policies.student.config import HISTORY_STEPS, PLAN_STEPS, SIZES, TEXT_DIM, StudentConfig
from training.losses.reasoning import info_nce
from training.losses.trajectory import position_loss, yaw_loss

_BATCHES = {"nano": 64, "110m": 16, "250m": 16, "500m": 16}
_FAR_FORWARD = 2.0


@dataclass(frozen=True, slots=True)
class StepResult:
    """Of one size: parameters, time of the first step (it compiles) and of later ones, memory, losses."""

    size: str
    parameters_m: float
    batch: int
    first_step_s: float
    step_s: float
    samples_per_s: float
    peak_gib: float
    first_loss: float
    last_loss: float


def random_batch(config: StudentConfig, count: int, device: torch.device, seed: int = 0) -> dict[str, Tensor]:
    """Inputs of the right shapes; a camera matrix that really sees ground in front of it."""
    make = torch.Generator().manual_seed(seed)
    cameras = len(config.cameras)
    shape = (count, cameras, 3 * config.frames, config.image_height, config.image_width)
    look = torch.tensor([[0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.5], [1.0, 0.0, 0.0, -_FAR_FORWARD]])
    inputs = {
        "images": torch.randint(0, 256, shape, generator=make, dtype=torch.uint8),
        "ego_to_image": look.expand(count, cameras, 3, 4).contiguous(),
        "ego_history": torch.randn(count, HISTORY_STEPS, 6, generator=make),
        "v0_mps": torch.rand(count, generator=make) * 10.0,
        "route": torch.randn(count, config.route_count, 2, generator=make),
        "command": torch.zeros(count, len(Command)),
    }
    return {name: value.to(device) for name, value in inputs.items()}


def random_target(inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """A straight drive at the present speed, and a text for every sample."""
    v0 = inputs["v0_mps"]
    x = v0[:, None] * torch.arange(1, PLAN_STEPS + 1, device=v0.device) * 0.1
    zero = torch.zeros_like(x)
    text = torch.nn.functional.normalize(torch.eye(TEXT_DIM, device=v0.device)[: len(v0)], dim=-1)
    return torch.stack([x, zero, zero, zero + 1.0], -1), text


def make_step(
    net: torch.nn.Module, optimizer: torch.optim.Optimizer, device: torch.device, dtype: torch.dtype | None
) -> Callable[[dict[str, Tensor], tuple[Tensor, Tensor]], Tensor]:
    """A training step: forward in mixed precision, backward, clip, update."""

    def step(inputs: dict[str, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        plan_target, text_target = target
        with torch.autocast(device.type, dtype=dtype) if dtype is not None else contextlib.nullcontext():
            output = net(**inputs)
        plan = plan_target.unsqueeze(1)
        loss = (position_loss(output.plan, plan) + 0.3 * yaw_loss(output.plan, plan)).mean()
        loss = loss + 0.25 * info_nce(output.text, text_target)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return step


def check_size(size: str, device: torch.device, steps: int, batch: int, *, compiled: bool) -> StepResult:
    """Train one size for a few steps."""
    config = replace(SIZES[size], reasoning=True, gradient_checkpointing=size != "nano")
    torch.manual_seed(0)
    with device:
        net = Student(config).train()
    if compiled:
        net.compile()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=device.type == "cuda")
    step = make_step(net, optimizer, device, torch.bfloat16)
    inputs = random_batch(config, batch, device)
    target = random_target(inputs)
    _synchronise(device, reset=True)
    begun = time.perf_counter()
    first = float(step(inputs, target))
    first_step_s = time.perf_counter() - begun
    losses = [first]
    _synchronise(device)
    begun = time.perf_counter()
    for _ in range(steps):
        last = step(inputs, target)
    losses.append(float(last))
    _synchronise(device)
    step_s = (time.perf_counter() - begun) / steps
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    count = sum(p.numel() for p in net.parameters()) / 1e6
    return StepResult(size, count, batch, first_step_s, step_s, batch / step_s, peak, *losses)


def check_resume(device: torch.device, config: StudentConfig, steps: int = 4) -> bool:
    """Whether 2 x steps with a stop in between leave the same bits as without one."""

    def begin() -> tuple[Student, torch.optim.Optimizer]:
        torch.manual_seed(1)
        with device:
            net = Student(config).train()
        return net, torch.optim.AdamW(net.parameters(), lr=1e-4)

    def drive(net: Student, optimizer: torch.optim.Optimizer, numbers: range) -> None:
        step = make_step(net, optimizer, device, torch.bfloat16 if device.type == "cuda" else None)
        for number in numbers:
            torch.manual_seed(1000 + number)
            inputs = random_batch(config, 8, device, seed=number)
            step(inputs, random_target(inputs))

    with _deterministic():
        whole, optimizer = begin()
        drive(whole, optimizer, range(2 * steps))
        half, optimizer = begin()
        drive(half, optimizer, range(steps))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state.pt"
            torch.save({"net": half.state_dict(), "optimizer": optimizer.state_dict()}, path)
            state = torch.load(path, map_location=device, weights_only=True)
        again, optimizer = begin()
        again.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        drive(again, optimizer, range(steps, 2 * steps))
    ours, theirs = whole.state_dict(), again.state_dict()
    different = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    if different:
        print(f"resume: {len(different)} of {len(ours)} tensors differ, first {different[0]}", flush=True)
    return not different


@contextlib.contextmanager
def _deterministic() -> Iterator[None]:
    """Deterministic kernels where there are any; grid_sample's gradient on CUDA has none and is warned of."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def _synchronise(device: torch.device, *, reset: bool = False) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        if reset:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)


def main() -> int:
    """Check all sizes asked for; 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m training.check_device", description=__doc__)
    parser.add_argument("--sizes", default=",".join(SIZES), help="with commas [all]")
    parser.add_argument("--steps", type=int, default=5, help="timed steps per size [5]")
    parser.add_argument("--batch", type=int, help="samples per step [64 of nano, 16 of the others]")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--out", type=Path, help="also write the results as JSON lines")
    options = parser.parse_args()
    device = torch.device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"torch {torch.__version__} on {name}", flush=True)
    torch.set_float32_matmul_precision("high")
    failures, lines = [], []
    for size in options.sizes.split(","):
        try:
            batch = options.batch or _BATCHES[size]
            result = check_size(size, device, options.steps, batch, compiled=not options.no_compile)
        except (RuntimeError, KeyError) as error:
            print(f"{size}: FAILED: {type(error).__name__}: {error}", flush=True)
            failures.append(size)
            continue
        lines.append(json.dumps({name: getattr(result, name) for name in StepResult.__dataclass_fields__}))
        print(
            f"{size:5}: {result.parameters_m:6.1f} M parameters, batch {result.batch}, bf16: first step"
            f" {result.first_step_s:6.1f} s, then {1e3 * result.step_s:7.1f} ms = {result.samples_per_s:7.1f}"
            f" samples/s, peak {result.peak_gib:5.2f} GiB,"
            f" loss {result.first_loss:.2f} -> {result.last_loss:.2f}",
            flush=True,
        )
        if not result.last_loss < result.first_loss:
            print(f"{size}: FAILED: the loss does not fall", flush=True)
            failures.append(size)
    same = check_resume(device, replace(SIZES["nano"], reasoning=True))
    print(f"resume: {'bit-identical' if same else 'NOT bit-identical'}", flush=True)
    if options.out is not None:
        options.out.write_text("\n".join([*lines, json.dumps({"resume_identical": same})]) + "\n")
    return 1 if failures or not (same or device.type == "cuda") else 0


if __name__ == "__main__":
    sys.exit(main())
