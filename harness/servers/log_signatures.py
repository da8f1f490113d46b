"""What the last words of a server mean, and what to do about it.

The lines are those of CARLA 0.9.x on the Unreal Engine 4, as users reported them; ours fits the two that
concern every server (ports in use, no memory).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why a server failed."""

    SOFTWARE_RENDERER = "software_renderer"
    VULKAN = "vulkan"
    RENDER_THREAD = "render_thread"
    SEGFAULT = "segfault"
    PORT_IN_USE = "port_in_use"
    OUT_OF_MEMORY = "out_of_memory"
    ROOT_REFUSED = "root_refused"


@dataclass(frozen=True, slots=True)
class Signature:
    """A cause, how it shows, and the remedy.

    Attributes:
        cause: what happened.
        pattern: in a line of the log, whatever the case of its letters.
        remedy: for the user.
        is_fatal: whether another start would end the same way.
    """

    cause: Cause
    pattern: re.Pattern[str]
    remedy: str
    is_fatal: bool = False


def _signature(cause: Cause, pattern: str, remedy: str, *, is_fatal: bool = False) -> Signature:
    return Signature(cause, re.compile(pattern, re.IGNORECASE), remedy, is_fatal)


# In the order of what causes what: lavapipe makes the RenderThread slow, whose time-out ends in a signal 11.
SIGNATURES = (
    _signature(
        Cause.PORT_IN_USE,
        r"address already in use|port is already allocated|bind: .*in use",
        "Its ports belong to somebody else: name others with --set machine.first_port=N.",
    ),
    _signature(
        Cause.SOFTWARE_RENDERER,
        r"lavapipe|llvmpipe",
        "It draws on the CPU: NVIDIA's Vulkan driver is not in the container. Install the NVIDIA Container"
        " Toolkit on the host, restart the engine, and look at `docker run --rm --gpus all -e"
        " NVIDIA_DRIVER_CAPABILITIES=all IMAGE vulkaninfo --summary`.",
        is_fatal=True,
    ),
    _signature(
        Cause.ROOT_REFUSED,
        r"refusing to run with the root privileges",
        "The Unreal Engine does not run as root: keep the image's own user.",
        is_fatal=True,
    ),
    _signature(
        Cause.OUT_OF_MEMORY,
        r"out of memory|bad_alloc|VK_ERROR_OUT_OF_(DEVICE|HOST)_MEMORY|VkResult=-[12]\b|MemoryError",
        "It ran out of memory: give it more (--docker-memory 24g) or, on the GPU (4-6 GB for each server),"
        " use fewer workers for each GPU.",
    ),
    _signature(
        Cause.VULKAN,
        r"VK_ERROR_|VkResult=-",
        "Vulkan failed: look at `nvidia-smi` for the driver's state and for free memory (4-6 GB for each"
        " server).",
    ),
    _signature(
        Cause.RENDER_THREAD,
        r"GameThread timed out waiting for RenderThread",
        "The GPU did not draw in time: use fewer workers for each GPU, and look for other programs on it in"
        " `nvidia-smi`.",
    ),
    _signature(
        Cause.SEGFAULT,
        r"Signal 11 caught|LargeMemoryPoolOffset|Engine crash handling finished|Segmentation fault",
        "CARLA crashed (signal 11), as it is known to after loading many worlds or with little GPU memory; a"
        " fresh server is all that helps.",
    ),
)


def recognise(lines: Iterable[str]) -> Signature | None:
    """Return what a log shows; the first cause in the chain if it shows several."""
    text = "\n".join(lines)
    return next((one for one in SIGNATURES if one.pattern.search(text)), None)


KILLED_FOR_MEMORY = (
    "The kernel killed it because the container reached its limit of memory: give it more with"
    " --docker-memory, such as --docker-memory 24g."
)
