"""Versioned driving scores, computed from stored records."""

from harness.score.card import (
    EpisodeScore,
    EpisodeStatus,
    FailureReason,
    PolicyScore,
    ScoreCard,
    score_episode,
    score_run,
)
from harness.score.rescore import ScoreError
from harness.score.rules import ScoreVersion

__all__ = [
    "EpisodeScore",
    "EpisodeStatus",
    "FailureReason",
    "PolicyScore",
    "ScoreCard",
    "ScoreError",
    "ScoreVersion",
    "score_episode",
    "score_run",
]
