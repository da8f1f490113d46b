"""Seeds: every random choice of an episode comes from one number, and that number from the campaign's seed.

The policy and the worker take no part in it: two policies meet the same traffic on the same (route, repeat),
so that their results can be compared in pairs, and it does not matter which worker drives.
"""

from __future__ import annotations

import hashlib


def derive_seed(campaign_seed: int, *parts: str | int) -> int:
    """Return a seed in [0, 2**31) for a purpose.

    Args:
        campaign_seed: of the run.
        parts: what the seed is for, such as the route id, the repeat and "traffic". Order and type matter.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in (campaign_seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def episode_seed(campaign_seed: int, route_id: str, repeat: int) -> int:
    """Return the seed of one episode."""
    return derive_seed(campaign_seed, "episode", route_id, repeat)
