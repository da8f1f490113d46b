"""The registry: names, arguments, and a user's own policies; and the baselines that it knows."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from policies import registry
from policies.baselines import BrakePolicy, ConstantPolicy
from policies.expert import ExpertPolicy
from policies.interface import PrivilegedSpec
from policies.plan import Control
from policies.registry import PolicyArgumentError, UnknownPolicyError
from policies.sensor_bundle import EgoState, RouteAhead, SensorBundle


def bundle(speed_mps: float) -> SensorBundle:
    ego = EgoState(
        speed_mps=speed_mps,
        velocity_in_ego=np.array([speed_mps, 0.0, 0.0]),
        acceleration_in_ego=np.zeros(3),
        yaw_rate_radps=0.0,
        steer=0.0,
        position_in_map=np.zeros(3),
        yaw_in_map_rad=0.0,
    )
    route = RouteAhead(np.zeros((1, 3)), np.zeros(1, dtype=np.int64), np.zeros(1), remaining_m=10.0)
    return SensorBundle(tick=0, t_s=0.0, dt_s=0.05, ego=ego, route=route, privileged=None)


def test_every_entry_can_be_built_and_tells_the_truth_about_its_privilege() -> None:
    for entry in registry.describe():
        assert entry.summary
        if any(argument.default is None for argument in entry.arguments):
            with pytest.raises(PolicyArgumentError, match=rf"{entry.name}.*--policy-arg {entry.name}\."):
                registry.create(entry.name)
            continue
        policy = registry.create(entry.name)
        asks = any(isinstance(spec, PrivilegedSpec) for spec in policy.sensors())
        assert asks is entry.privileged is registry.is_privileged(policy)


def test_unknown_names_are_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownPolicyError, match=r"did you mean 'constant'") as caught:
        registry.create("constnat")
    assert all(entry.name in str(caught.value) for entry in registry.describe())
    with pytest.raises(UnknownPolicyError, match="no_such_module"):
        registry.create("no_such_module:Policy")
    with pytest.raises(UnknownPolicyError, match="NoSuchPolicy"):
        registry.create("policies.baselines:NoSuchPolicy")


@pytest.mark.parametrize("value", ["fast", "-1", 41.0, True, float("nan"), "inf"])
def test_wrong_values_are_refused_with_argument_and_range(value: str | float | bool) -> None:
    with pytest.raises(PolicyArgumentError, match=r"speed_mps.*\[0, 40\]"):
        registry.create("constant", {"speed_mps": value})


def test_unknown_arguments_are_refused_with_those_there_are() -> None:
    with pytest.raises(PolicyArgumentError, match=r"'speed'.*speed_mps"):
        registry.create("constant", {"speed": 3})
    with pytest.raises(PolicyArgumentError, match="none"):
        registry.create("brake", {"speed_mps": 3})


def test_arguments_reach_the_policy_as_numbers() -> None:
    slow, fast = (
        registry.create("constant", {"speed_mps": "2"}),
        registry.create("constant", {"speed_mps": 20}),
    )
    assert isinstance(registry.create("expert", {"limit_factor": "0.5"}), ExpertPolicy)
    assert slow.step(bundle(8.0)).brake > 0.0  # type: ignore[union-attr]
    assert fast.step(bundle(8.0)).throttle > 0.0  # type: ignore[union-attr]


def test_a_policy_of_ones_own_goes_by_module_and_attribute() -> None:
    policy = registry.create("policies.baselines:ConstantPolicy", {"speed_mps": 3.0})
    assert isinstance(policy, ConstantPolicy)
    with pytest.raises(PolicyArgumentError, match="wheels"):
        registry.create("policies.baselines:BrakePolicy", {"wheels": 4})


def test_listing_policies_imports_none_of_them() -> None:
    code = (
        "import sys, policies.registry as r; r.describe();"
        "print('policies.expert' in sys.modules, 'numba' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def test_constant_never_steers_and_holds_its_speed() -> None:
    policy = ConstantPolicy(6.0)
    assert policy.step(bundle(0.0)) == Control(policy.step(bundle(0.0)).throttle, 0.0, 0.0)
    assert policy.step(bundle(0.0)).throttle > 0.3
    assert policy.step(bundle(9.0)).brake > 0.0


def test_brake_stands_on_the_brake() -> None:
    assert BrakePolicy().step(bundle(5.0)) == Control(throttle=0.0, steer=0.0, brake=1.0)
