"""The allocator keeps what a frame needs: the kernel is not asked for the same pages again and again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FRAMES, PICTURES, PICTURE_BYTES = 20, 8, 3_686_416
PROGRAM = f"""
import resource, sys
import numpy as np
if sys.argv[1] == "keep":
    from simulator.allocator import keep_freed_memory
    keep_freed_memory()

def frame():
    held = [np.ones({PICTURE_BYTES}, np.uint8).tobytes() for _ in range({PICTURES})]
    return len(held)

frame(), frame()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({FRAMES}):
    frame()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Page faults of twenty frames of eight pictures."""
    run = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_frames_after_the_first_take_no_new_pages() -> None:
    pages_of_a_frame = PICTURES * PICTURE_BYTES // 4096
    assert faults("keep") < pages_of_a_frame
    assert faults("leave") > FRAMES * pages_of_a_frame // 2, "glibc keeps them by itself: the module is dead"
