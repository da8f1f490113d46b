"""The Leaderboard's criteria, each a streaming reducer over TickFacts, and the set that judges an episode."""

from harness.criteria.criteria_set import CriteriaSet
from harness.criteria.errors import CriterionError

__all__ = ["CriteriaSet", "CriterionError"]
