"""The configuration: file, options, overrides; and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli_options import given_options, parse_value
from harness.config import RunConfig, differences, load_config, parse_server
from harness.errors import ConfigError
from harness.servers.base import Endpoint, ServerKind

_NOTHING = {
    "suites": None,
    "policies": None,
    "policy_args": None,
    "server": None,
    "repeats": None,
    "workers": None,
    "traffic": None,
    "seed": None,
    "infra_retries": None,
}


def _config(**drive: object) -> RunConfig:
    return RunConfig.model_validate({"drive": {"suites": ["s"], "policies": [{"name": "p"}], **drive}})


def test_options_win_over_the_file_and_overrides_over_both(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "drive:\n  suites: [a]\n  policies: [{name: expert}]\n  seed: 1\n  traffic: 5\n  repeats: 2\n"
    )
    given = given_options(**(_NOTHING | {"seed": 2, "traffic": 6}))
    config = load_config(path, given, ["drive.traffic=7", "machine.workers=3"])
    assert (config.drive.repeats, config.drive.seed, config.drive.traffic) == (2, 2, 7)
    assert config.machine.workers == 3


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["drive.repeat=2"], "drive.repeat"),
        (["drive.repeats=0"], "drive.repeats"),
        (["machine.tick_deadline_s=soon"], "machine.tick_deadline_s"),
        (["drive.server=kubernetes"], "drive.server"),
    ],
)
def test_a_wrong_value_is_named(overrides: list[str], names: str) -> None:
    given = given_options(**(_NOTHING | {"suites": ["a"], "policies": ["expert"]}))
    with pytest.raises(ConfigError, match=names):
        load_config(None, given, overrides)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml", {})
    broken = tmp_path / "broken.yaml"
    broken.write_text("drive: [")
    with pytest.raises(ConfigError, match=r"broken\.yaml"):
        load_config(broken, {})


@pytest.mark.parametrize(
    ("text", "kind", "endpoint"),
    [
        ("embedded", ServerKind.EMBEDDED, None),
        ("remote", ServerKind.REMOTE, Endpoint("127.0.0.1", 2000)),
        ("remote:3000", ServerKind.REMOTE, Endpoint("127.0.0.1", 3000)),
        ("remote:gpu7", ServerKind.REMOTE, Endpoint("gpu7", 2000)),
        ("remote:gpu7:3000", ServerKind.REMOTE, Endpoint("gpu7", 3000)),
    ],
)
def test_servers_are_read(text: str, kind: ServerKind, endpoint: Endpoint | None) -> None:
    assert parse_server(text) == (kind, endpoint)


@pytest.mark.parametrize(
    "text", ["podman", "embedded:3000", "remote:gpu7:0", "remote:gpu7:http", "remote:70000"]
)
def test_other_servers_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--server"):
        parse_server(text)


def test_policy_arguments_find_their_policy_even_with_dots_in_its_name() -> None:
    given = given_options(
        **(
            _NOTHING
            | {
                "policies": ["constant", "my.module:Careful"],
                "policy_args": [
                    "constant.speed_mps=4",
                    "my.module:Careful.mode=slow",
                    "my.module:Careful.x=1e-3",
                ],
            }
        )
    )
    policies = given["drive"]["policies"]  # type: ignore[index]
    assert policies == [
        {"name": "constant", "args": {"speed_mps": 4}},
        {"name": "my.module:Careful", "args": {"mode": "slow", "x": 0.001}},
    ]


@pytest.mark.parametrize("text", ["constant.speed", "speed=3", "expert.speed=3"])
def test_policy_arguments_without_a_home_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="policy-arg"):
        given_options(**(_NOTHING | {"policies": ["constant"], "policy_args": [text]}))


def test_values_keep_their_kind() -> None:
    assert [parse_value(text) for text in ("3", "3.0", "true", "False", "fast")] == [
        3,
        3.0,
        True,
        False,
        "fast",
    ]
    assert isinstance(parse_value("3"), int)


def test_differences_name_every_value_that_differs() -> None:
    assert differences(_config(), _config()) == []
    assert differences(_config(seed=1).drive, _config(seed=2, repeats=3).drive, "drive.") == [
        "drive.repeats: 1 in the run, 3 now",
        "drive.seed: 1 in the run, 2 now",
    ]
