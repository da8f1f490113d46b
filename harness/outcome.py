"""Outcome: how an episode ended, decided before any score."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How an episode ended. All but INFRA_FAULT are scored."""

    COMPLETED = "completed"
    """The route was driven to its end."""

    ENDED_BY_RULE = "ended_by_rule"
    """A rule of the route ended it: deviation, blocked, timeout."""

    POLICY_FAULT = "policy_fault"
    """The policy raised, or answered something not finite or out of range."""

    INFRA_FAULT = "infra_fault"
    """The server died, hung or lost a sensor. Never lowers a model's score; retried on a fresh server."""

    @property
    def is_scored(self) -> bool:
        """Whether the episode says something about the policy."""
        return self is not Outcome.INFRA_FAULT
