"""Numba decorators for kernels that are spread over several files.

Numba keeps compiled code on disk and recompiles when the file of the cached function changes, but not when a
function
that it calls, in another file, does: it would go on driving with the old one. So only the entry points are
kept, and their stamp covers every file of this folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba as nb

F = TypeVar("F", bound=Callable[..., object])

_STAMP = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()


def entry(function: F) -> F:
    """Compile a kernel that Python calls, and keep it on disk until a file of this folder changes."""
    kernel = nb.njit(cache=True, fastmath=False)(function)
    index = kernel._cache._cache_file  # type: ignore[attr-defined]
    index._source_stamp = (index._source_stamp, _STAMP)
    return cast("F", kernel)


def part(function: F) -> F:
    """Compile a function that kernels call; it is kept as a part of them."""
    return cast("F", nb.njit(fastmath=False)(function))
