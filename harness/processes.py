"""Processes of our own: none may outlive the harness, whatever kills it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

THREAD_POOL_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent's thread ends (Linux; elsewhere nothing happens).

    Args:
        parent_pid: who is believed to be the parent; if it has died before this call, the process ends at
            once.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def kill_group(group_id: int) -> None:
    """Kill a whole process group; a group that has gone already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group_id, signal.SIGKILL)


def end_group(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End a process that leads its own group: ask, wait, then kill. It is reaped when this returns.

    Args:
        process: started with `start_new_session=True`.
        grace_s: how long it may take to end by itself.
    """
    if process.poll() is not None:
        return  # reaped: its number may belong to somebody else by now
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        process.wait()


def thread_pool_environment(threads: int) -> dict[str, str]:
    """Return environment variables that pin the usual thread pools to a number of threads."""
    return dict.fromkeys(THREAD_POOL_VARIABLES, str(max(1, threads)))
