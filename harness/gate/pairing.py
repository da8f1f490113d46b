"""Pairs: which two episodes belong together, and why two campaigns cannot be compared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from harness.gate.model import EpisodeKey, EpisodeSample, Sample
from harness.gate.rules import GateRules

_NAMED = 6


@dataclass(frozen=True, slots=True)
class Pair:
    """The same route and repeat, driven by both."""

    baseline: EpisodeSample
    candidate: EpisodeSample

    @property
    def route_id(self) -> str:
        """Of both."""
        return self.baseline.key.route_id

    @property
    def is_identical(self) -> bool:
        """Whether both drove identically, to the byte of the recorded facts."""
        return self.baseline.facts_sha256 == self.candidate.facts_sha256


@dataclass(frozen=True, slots=True)
class Pairing:
    """All pairs.

    Attributes:
        pairs: by key.
        set_aside: quarantined routes that were driven.
        problems: why the comparison is not valid; empty if it is.
        notes: what a reader must know besides.
    """

    pairs: tuple[Pair, ...]
    set_aside: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def first_repeats(self, count: int) -> Pairing:
        """The pairs of the first so many repeats."""
        pairs = tuple(pair for pair in self.pairs if pair.baseline.key.repeat < count)
        return Pairing(pairs, self.set_aside, self.problems, self.notes)


def pair_up(
    baseline: Sample, candidate: Sample, rules: GateRules, quarantined: Collection[str] = ()
) -> Pairing:
    """Pair two campaigns by route and repeat.

    Every episode of the candidate needs its partner. The baseline may have more repeats than the candidate;
    those are left out, and it is said so.
    """
    problems = [f"{sample.label}: {text}" for sample in (baseline, candidate) for text in sample.problems]
    problems += _different_conditions(baseline, candidate, rules)
    theirs = {episode.key: episode for episode in baseline.episodes}
    ours = {episode.key: episode for episode in candidate.episodes}
    lacking = sorted(set(ours) - set(theirs))
    if lacking:
        problems.append(f"{baseline.label} has no partner for {some(lacking)} of {candidate.label}")
    highest = max((key.repeat for key in ours), default=-1)
    unused = sorted(set(theirs) - set(ours))
    dropped = [key for key in unused if key.repeat <= highest or not ours]
    if dropped:
        problems.append(f"{candidate.label} has no partner for {some(dropped)} of {baseline.label}")
    pairs = [Pair(theirs[key], ours[key]) for key in sorted(set(ours) & set(theirs))]
    if rules.same_seed:
        other = [pair.baseline.key for pair in pairs if pair.baseline.seed != pair.candidate.seed]
        if other:
            problems.append(f"{some(other)} were driven with different seeds (rules: same_seed)")
    notes = _ignored_versions(baseline, candidate, rules)
    if len(unused) > len(dropped):
        notes.append(
            f"{len(unused) - len(dropped)} further episodes of {baseline.label} have no counterpart."
        )
    notes += [
        f"{sample.label}: {sample.n_retries} attempts repeated after infrastructure faults."
        for sample in (baseline, candidate)
        if sample.n_retries
    ]
    kept = tuple(pair for pair in pairs if pair.route_id not in quarantined)
    set_aside = tuple(sorted({pair.route_id for pair in pairs} & set(quarantined)))
    if not kept:
        problems.append("there is not one pair to compare")
    return Pairing(kept, set_aside, tuple(problems), tuple(notes))


def _different_conditions(baseline: Sample, candidate: Sample, rules: GateRules) -> list[str]:
    """In which conditions two campaigns differ."""
    a, b = baseline.conditions, candidate.conditions
    found = [
        f"{what} differs: {old} in {baseline.label}, {new} in {candidate.label}"
        for what, old, new in (
            ("the suite's content", f"{a.suite} {a.suite_sha256[:12]}", f"{b.suite} {b.suite_sha256[:12]}"),
            ("background traffic", a.traffic, b.traffic),
            ("the kind of server", a.server_kind, b.server_kind),
            ("the time between ticks", a.dt_s, b.dt_s),
            ("the version of the score", a.score_version, b.score_version),
        )
        if (old != new if what != "the suite's content" else a.suite_sha256 != b.suite_sha256)
    ]
    found += [
        f"the version of {name} differs: {old} in {baseline.label}, {new} in {candidate.label}"
        " (drive the baseline again, or list it under ignore_versions)"
        for name, old, new in _different_versions(baseline, candidate)
        if name not in rules.ignore_versions
    ]
    return found


def _ignored_versions(baseline: Sample, candidate: Sample, rules: GateRules) -> list[str]:
    """Which differences the rules tolerate: a reader of a surprising answer wants to know."""
    return [
        f"The version of {name} differs ({old} before, {new} now); the rules ignore it."
        for name, old, new in _different_versions(baseline, candidate)
        if name in rules.ignore_versions
    ]


def _different_versions(baseline: Sample, candidate: Sample) -> list[tuple[str, str, str]]:
    """Software whose version differs, with both."""
    a, b = baseline.conditions.versions, candidate.conditions.versions
    both = [(name, a.get(name, "none"), b.get(name, "none")) for name in sorted(set(a) | set(b))]
    return [(name, old, new) for name, old, new in both if old != new]


def some(keys: list[EpisodeKey]) -> str:
    """Name a few and count the rest."""
    named = ", ".join(str(key) for key in keys[:_NAMED])
    return named if len(keys) <= _NAMED else f"{named} and {len(keys) - _NAMED} more"
