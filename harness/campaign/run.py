"""From a request of the command line to a finished campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.campaign.plan import Plan, open_run, read_run
from harness.campaign.progress import display_for
from harness.campaign.scheduler import Campaign, CampaignResult
from harness.campaign.shards import Shard, stored_shard
from harness.config import RunConfig, load_config
from harness.servers.choice import choose_servers
from policies import registry


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asked for.

    Attributes:
        config_path: YAML file, or None.
        given: values of the options, in the sections of the file.
        overrides: "key=value".
        out: run folder.
        resume: go on with the run in it.
        shard: which part of the run to drive, None for all of it.
    """

    config_path: Path | None
    given: Mapping[str, object]
    overrides: tuple[str, ...]
    out: Path
    resume: bool
    shard: Shard | None = None


def run_campaign(request: RunRequest, console: Console) -> CampaignResult:
    """Drive what a request asks for; run.json is written, or checked, before anything is driven.

    Raises:
        UsageError: something asked for is wrong.
        UnknownSuiteError, RouteXmlError: from `scenarios`.
        UnknownPolicyError, PolicyArgumentError: from `policies`.
        InfraError: no server became ready.
        CampaignInterrupted: Ctrl-C or SIGTERM.
    """
    config = load_config(request.config_path, request.given, request.overrides)
    return _drive(config, request.out, console, resume=request.resume, shard=request.shard)


def extend_run(folder: Path, repeats: int, console: Console) -> CampaignResult:
    """Drive a stored run on until every route has so many repeats, with the configuration it was made with.

    Raises:
        ConfigError: the folder holds no run.
        Otherwise as `run_campaign`.
    """
    stored = read_run(folder)
    drive = stored.drive.model_copy(update={"repeats": max(repeats, stored.drive.repeats)})
    longer = stored.model_copy(update={"drive": drive})
    return _drive(longer, folder, console, resume=True, shard=stored_shard(folder))


def _pinned(config: RunConfig) -> RunConfig:
    """Write the hashes of the checkpoints that policies name into the configuration, and so into run.json."""
    policies = tuple(
        policy.model_copy(update={"args": registry.pin(policy.name, policy.args)})
        for policy in config.drive.policies
    )
    return config.model_copy(update={"drive": config.drive.model_copy(update={"policies": policies})})


def _drive(
    config: RunConfig, out: Path, console: Console, *, resume: bool, shard: Shard | None
) -> CampaignResult:
    """Drive what a configuration asks for."""
    for policy in config.drive.policies:
        registry.check(policy.name, policy.args)
    plan = Plan.of(_pinned(config), shard)
    servers = choose_servers(config, out, console)
    open_run(out, plan, resume=resume)
    with display_for(console, config.drive.dt_s) as display:
        return Campaign(plan, out, servers, display).run()
