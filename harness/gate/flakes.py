"""Flake ledger: routes whose result flips although nothing changed, and for how long they are set aside.

Dates are ISO texts given by the caller, so that the same inputs give the same answer; they compare as texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from pydantic import TypeAdapter

from harness.errors import ConfigError
from harness.gate.artefact import write_artefact
from harness.gate.model import Sample
from harness.record.files import read_json

LONGEST_QUARANTINE_DAYS = 90
"""A route that is set aside for longer is no longer tested, and nobody remembers."""


@dataclass(frozen=True, slots=True)
class RouteFlips:
    """How often a route's result flips.

    Attributes:
        suite_sha256, route_id: whose.
        episodes: episodes of one policy on it, under the same conditions.
        successes: of them.
    """

    suite_sha256: str
    route_id: str
    episodes: int
    successes: int

    @property
    def flip_rate(self) -> float:
        """Chance that two episodes, drawn from those seen, disagree about success; 0 for fewer than two."""
        if self.episodes < 2:
            return 0.0
        failures = self.episodes - self.successes
        return 2.0 * self.successes * failures / (self.episodes * (self.episodes - 1))


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A route that is driven and reported, but not weighed.

    Attributes:
        suite_sha256, route_id: which.
        since, expires: ISO dates; on the day of expiry it is weighed again.
        flip_rate, episodes: what was seen.
        reason: in words.
    """

    suite_sha256: str
    route_id: str
    since: str
    expires: str
    flip_rate: float
    episodes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """All quarantines, by suite and route."""

    quarantines: tuple[Quarantine, ...] = ()

    def active(self, suite_sha256: str, today: str) -> tuple[str, ...]:
        """Routes of a suite that are set aside on a day."""
        return tuple(
            q.route_id
            for q in self.quarantines
            if q.suite_sha256 == suite_sha256 and q.since <= today < q.expires
        )

    def expired(self, today: str) -> tuple[Quarantine, ...]:
        """Quarantines that have run out: repair the route or say again why it must be set aside."""
        return tuple(q for q in self.quarantines if q.expires <= today)

    def with_quarantine(self, new: Quarantine) -> Ledger:
        """The ledger with one more entry, in place of an older one for the same route.

        Raises:
            ConfigError: it does not expire, or too late, or gives no reason.
        """
        try:
            days = (date.fromisoformat(new.expires) - date.fromisoformat(new.since)).days
        except ValueError as error:
            raise ConfigError(
                f"quarantine of route {new.route_id}: {error}; dates are like 2026-11-20"
            ) from error
        if not 0 < days <= LONGEST_QUARANTINE_DAYS:
            raise ConfigError(
                f"quarantine of route {new.route_id}: {days} days; it must be 1 to {LONGEST_QUARANTINE_DAYS}"
            )
        if not new.reason.strip():
            raise ConfigError(f"quarantine of route {new.route_id}: give a reason")
        place = (new.suite_sha256, new.route_id)
        kept = [q for q in self.quarantines if (q.suite_sha256, q.route_id) != place]
        return Ledger(tuple(sorted([*kept, new], key=lambda q: (q.suite_sha256, q.route_id))))

    def without(self, quarantines: Iterable[Quarantine]) -> Ledger:
        """The ledger without some entries."""
        gone = set(quarantines)
        return Ledger(tuple(q for q in self.quarantines if q not in gone))


def flips(samples: Sequence[Sample]) -> tuple[RouteFlips, ...]:
    """Count results per route over several campaigns of the same policy.

    Raises:
        ConfigError: the campaigns are not of one policy, or not under the same conditions.
    """
    if not samples:
        raise ConfigError("there is no campaign to look at")
    first = samples[0]
    for sample in samples[1:]:
        if sample.policy != first.policy or sample.conditions != first.conditions:
            raise ConfigError(
                f"{sample.label} and {first.label} are not the same policy under the same conditions, so that"
                " a different result is no flip"
            )
    results: dict[str, list[float]] = {}
    for sample in samples:
        for episode in sample.episodes:
            results.setdefault(episode.key.route_id, []).append(episode.values["success"] or 0.0)
    suite = first.conditions.suite_sha256
    return tuple(
        RouteFlips(suite, route, len(values), round(sum(values))) for route, values in results.items()
    )


def quarantine_for(found: RouteFlips, since: str, days: int) -> Quarantine:
    """The entry for a flaky route.

    Raises:
        ConfigError: the date is none.
    """
    try:
        expires = (date.fromisoformat(since) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"--today {since!r}: {error}; dates are like 2026-11-20") from error
    reason = f"{found.successes} of {found.episodes} equal episodes succeeded"
    return Quarantine(
        found.suite_sha256, found.route_id, since, expires, round(found.flip_rate, 4), found.episodes, reason
    )


@dataclass(frozen=True, slots=True)
class _File:
    schema_version: int
    quarantines: tuple[Quarantine, ...]


_FILE = TypeAdapter(_File)


def read_ledger(path: Path) -> Ledger:
    """Read a ledger; one that is not there yet is empty.

    Raises:
        CorruptRecordError: it is not of its shape.
        FutureRecordError: written by a later version.
        ConfigError: an entry does not expire.
    """
    if not path.exists():
        return Ledger()
    ledger = Ledger()
    for quarantine in read_json(path, _FILE).quarantines:
        ledger = ledger.with_quarantine(quarantine)
    return ledger


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Write a ledger."""
    write_artefact(path, {"quarantines": [asdict(q) for q in ledger.quarantines]})
