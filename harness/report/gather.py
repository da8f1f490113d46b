"""A run folder, and perhaps a baseline, -> Report. It reads files, and leaves every decision to the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.gate.model import EpisodeKey, EpisodeSample, GateResult, Sample, Verdict
from harness.gate.rules import GateRules
from harness.gate.sample import load_sample, policies_of, sample_of_run
from harness.record import CorruptRecordError, EpisodeRecord, read_episode
from harness.record.run_folder import PlannedEpisode, attempt_folder, attempts_of, read_planned
from harness.report.model import EpisodeReport, Fault, PolicyReport, Report
from harness.report.run_file import RunFile, read_fault_log, read_run_file
from harness.score import EpisodeScore, PolicyScore, ScoreCard, ScoreVersion, score_run

Compare = Callable[[Sample, Sample, GateRules], GateResult]
"""(baseline, candidate, rules) -> answer: `harness.gate.decide.gate`, or what the caller makes of it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to compare a run with.

    Attributes:
        path: run folder or stored baseline.
        rules: of the gate.
        compare: asks the gate.
        policy: of the run, None for each that the baseline has.
        baseline_policy: of the baseline, None for that of the same name (or its only one).
    """

    path: Path
    rules: GateRules
    compare: Compare
    policy: str | None = None
    baseline_policy: str | None = None


def gather(run: Path, comparison: Comparison | None = None, version: ScoreVersion | None = None) -> Report:
    """Read all that a report tells.

    Args:
        run: its folder.
        comparison: with what, None to report scores only.
        version: rules of the driving score; those of the gate's rules unless given.

    Raises:
        ConfigError: no policy of the run has a counterpart in the baseline.
        RecordError, ScoreError: something stored cannot be read or trusted.
    """
    rules = None if comparison is None else comparison.rules
    chosen = version or (ScoreVersion.LB2_1 if rules is None else rules.score_version)
    file = read_run_file(run)
    card = score_run(run, chosen, trust_events=True)
    partners = {} if comparison is None else _partners(run, comparison)
    faults = read_fault_log(run)
    reader = _Reader(run, card, file, faults)
    return Report(
        run=run,
        card=card,
        rules=rules,
        policies=tuple(
            reader.policy(score, comparison if score.policy in partners else None, partners.get(score.policy))
            for score in card.per_policy
        ),
        faults=faults,
        conditions=file.conditions(),
        versions=file.versions,
    )


def _partners(run: Path, comparison: Comparison) -> Mapping[str, str | None]:
    """Which policy of the run is compared with which one of the baseline (None: its only one).

    Raises:
        ConfigError: none is.
    """
    ours = policies_of(run)
    if comparison.policy is not None and comparison.policy not in ours:
        raise ConfigError(f"{run}: there is no policy {comparison.policy!r}. The run has {', '.join(ours)}.")
    asked = ours if comparison.policy is None else (comparison.policy,)
    path = comparison.path
    theirs = policies_of(path) if path.is_dir() else (load_sample(path, None, _any_version()).policy,)
    if comparison.baseline_policy is not None:
        if len(asked) != 1:
            raise ConfigError("--baseline-policy says with whom, but not whom to compare: give --policy too.")
        return {asked[0]: comparison.baseline_policy}
    same = {name: name for name in asked if name in theirs}
    if same:
        return same
    if len(asked) == 1 and len(theirs) == 1:
        return {asked[0]: theirs[0]}
    raise ConfigError(
        f"No policy of {run} ({', '.join(asked)}) is in the baseline {path} ({', '.join(theirs)}): say which"
        " ones to compare with --policy and --baseline-policy."
    )


def _any_version() -> ScoreVersion:
    """A stored baseline carries its own version; this is looked at for run folders only."""
    return ScoreVersion.LB2_1


class _Reader:
    """Reads the episodes of one run."""

    def __init__(self, run: Path, card: ScoreCard, file: RunFile, faults: tuple[Fault, ...]) -> None:
        self._run = run
        self._card = card
        self._file = file
        self._faults = faults
        self._scores = {score.episode: score for score in card.per_episode}
        self._planned = read_planned(run)

    def policy(self, score: PolicyScore, comparison: Comparison | None, partner: str | None) -> PolicyReport:
        """One policy, compared with its partner if there is one."""
        name = score.policy
        baseline = None
        if comparison is not None:
            baseline = load_sample(comparison.path, partner, comparison.rules.score_version)
        gate = None
        try:
            sample = sample_of_run(self._run, name, self._card.version)
        except CorruptRecordError as error:
            if score.n_valid:
                raise
            sample = None
            gate = None if baseline is None else _nothing_driven(str(error))
        if sample is not None and baseline is not None and comparison is not None:
            gate = comparison.compare(baseline, sample, comparison.rules)
        ours = {} if sample is None else {one.key: one for one in sample.episodes}
        theirs = {} if baseline is None else {one.key: one for one in baseline.episodes}
        records = _records(comparison, baseline)
        return PolicyReport(
            score=score,
            gate=gate,
            baseline_label="" if baseline is None else baseline.label,
            episodes=tuple(
                self._episode(one, bool(score.privileged), ours, theirs, records)
                for one in self._planned
                if one.policy == name
            ),
        )

    def _episode(
        self,
        planned: PlannedEpisode,
        privileged: bool,
        ours: Mapping[EpisodeKey, EpisodeSample],
        theirs: Mapping[EpisodeKey, EpisodeSample],
        records: Mapping[EpisodeKey, EpisodeRecord],
    ) -> EpisodeReport:
        key = EpisodeKey(planned.route_id, planned.repeat)
        score: EpisodeScore | None = self._scores.get(planned)
        logged = sum(fault.policy == planned.policy and fault.key == key for fault in self._faults)
        folders = attempts_of(self._run, planned)
        return EpisodeReport(
            policy=planned.policy,
            key=key,
            privileged=privileged,
            score=score,
            record=None if score is None else read_episode(attempt_folder(self._run, planned, score.attempt)),
            sample=ours.get(key),
            n_attempts=max(len(folders), logged + (score is not None)),
            baseline=theirs.get(key),
            baseline_record=records.get(key),
            reproduce=self._file.command(planned.policy, planned.route_id, planned.repeat),
        )


def _nothing_driven(why: str) -> GateResult:
    """What the gate says, as an error, about a policy without a single valid record."""
    return GateResult(
        verdict=Verdict.INVALID,
        reasons=(why,),
        metrics=(),
        n_pairs=0,
        n_routes=0,
        n_identical=0,
        set_aside=(),
        notes=(),
    )


def _records(comparison: Comparison | None, baseline: Sample | None) -> Mapping[EpisodeKey, EpisodeRecord]:
    """The baseline's records, if it is a run folder."""
    if comparison is None or baseline is None or not comparison.path.is_dir():
        return {}
    card = score_run(comparison.path, comparison.rules.score_version, trust_events=True)
    return {
        EpisodeKey(score.episode.route_id, score.episode.repeat): read_episode(
            attempt_folder(comparison.path, score.episode, score.attempt)
        )
        for score in card.per_episode
        if score.episode.policy == baseline.policy
    }
