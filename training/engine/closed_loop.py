"""ClosedLoop: drives the policy that is being trained, every few epochs, through the harness itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.campaign.plan import read_run
from harness.campaign.run import RunRequest, run_campaign
from harness.errors import ConfigError, DrivegateError
from harness.score import PolicyScore, ScoreVersion, score_run
from policies.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """Drives of the latest checkpoint.

    A drive that the infrastructure spoils is reported and training goes on: its score is missing, never 0.

    Attributes:
        policy: name in the registry.
        suite: suite or route file.
        traffic: background vehicles.
        workers: processes that drive.
        seed: of the campaign; the same for every epoch, so that epochs can be compared.
        every: epochs between drives.
        folder: for the run folders, one per epoch.
        report: is told in a sentence what came out.
    """

    policy: str
    suite: str
    traffic: int
    workers: int
    seed: int
    every: int
    folder: Path
    report: Callable[[str], None]

    def is_due(self, epoch: int) -> bool:
        """Whether to drive after this epoch (from 1)."""
        return epoch % self.every == 0

    def measure(self, checkpoint: Checkpoint, epoch: int) -> Mapping[str, float]:
        """Drive a checkpoint; scores by name, such as closed_loop/ds_lb2_1."""
        folder = self.folder / f"epoch{epoch}"
        if folder.exists():  # left by a training that broke off; the weights of this epoch are new
            shutil.rmtree(folder)
        try:
            metrics = self._drive(checkpoint, folder)
        except DrivegateError as error:
            self.report(f"epoch {epoch}: the closed-loop drive failed and is left out: {error}")
            return {}
        told = ", ".join(f"{name.partition('/')[2]} {value:.1f}" for name, value in metrics.items())
        self.report(f"epoch {epoch}: closed loop on {self.suite}: {told or 'no valid score'}")
        return metrics

    def _drive(self, checkpoint: Checkpoint, folder: Path) -> dict[str, float]:
        arguments = {"checkpoint": str(checkpoint.manifest_path), "runtime": "torch"}
        drive = {
            "suites": [self.suite],
            "policies": [{"name": self.policy, "args": arguments}],
            "traffic": self.traffic,
            "seed": self.seed,
        }
        given = {"drive": drive, "machine": {"workers": self.workers}}
        run_campaign(RunRequest(None, given, (), folder, resume=False), Console(quiet=True))
        card = score_run(folder, ScoreVersion.LB2_1)
        return scores_by_name(card.per_policy[0], card.version)


def scores_by_name(score: PolicyScore, version: ScoreVersion) -> dict[str, float]:
    """Scores as metrics; what is missing is left out, never 0."""
    values = {
        f"closed_loop/ds_{version.value}": score.driving_score.value,
        "closed_loop/route_completion_pct": score.route_completion_pct.value,
        "closed_loop/success_pct": score.success_pct.value,
    }
    return {name: value for name, value in values.items() if value is not None}


def scores_of_runs(folders: Iterable[Path], version: ScoreVersion) -> dict[str, float]:
    """Driving scores of runs, by the identity of the checkpoint that drove.

    Args:
        folders: of runs.
        version: of the rules.

    Raises:
        ConfigError: not a run, one without a score, or a checkpoint that drove in two of them.
    """
    found: dict[str, float] = {}
    for folder in folders:
        identities = {
            policy.name: str(policy.args["identity"])
            for policy in read_run(folder).drive.policies
            if "identity" in policy.args
        }
        if not identities:
            raise ConfigError(
                f"No checkpoint drove in {folder}: give runs of the checkpoints to be compared."
            )
        for score in score_run(folder, version).per_policy:
            identity = identities.get(score.policy)
            if identity is None:
                continue
            if identity in found:
                raise ConfigError(
                    f"{folder}: the same checkpoint drove in another of these runs. Give one run of each"
                    " checkpoint, all on the same routes."
                )
            if score.driving_score.value is None:
                raise ConfigError(
                    f"{folder} has no driving score yet: finish it with drivegate run --resume."
                )
            found[identity] = score.driving_score.value
    return found
