"""The record of an episode on disk: schema-versioned, append-only while running, end marker last."""

from harness.record.episode import EpisodeRecord, EpisodeWriter, is_complete, iter_ticks, read_episode
from harness.record.errors import CorruptRecordError, IncompleteRecordError, RecordError
from harness.record.layout import ActorDeclaration, EpisodeHeader, EpisodeTiming
from harness.record.tick_table import TickTable

__all__ = [
    "ActorDeclaration",
    "CorruptRecordError",
    "EpisodeHeader",
    "EpisodeRecord",
    "EpisodeTiming",
    "EpisodeWriter",
    "IncompleteRecordError",
    "RecordError",
    "TickTable",
    "is_complete",
    "iter_ticks",
    "read_episode",
]
