"""What a policy may ask for besides answers: pictures now and then, and files beside the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.client.eyes import _every_ticks
from harness.errors import PolicyFaultError
from harness.policy_guard import PolicyGuard
from policies.baselines import BrakePolicy
from policies.interface import CameraSpec, KeepsFiles, LidarSpec


class Keeper(BrakePolicy):
    """Writes a file per episode."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self._fails = fails
        self._folder = Path()

    def begin_files(self, folder: Path) -> None:
        self._folder = folder

    def end_files(self) -> None:
        if self._fails:
            raise OSError("no space left on device")
        self._folder.mkdir()
        (self._folder / "done").write_text("yes")


def test_files_are_written_where_the_harness_says(tmp_path: Path) -> None:
    guard = PolicyGuard(Keeper())
    guard.begin_files(tmp_path / "policy")
    assert not (tmp_path / "policy").exists()
    guard.end_files()
    assert (tmp_path / "policy" / "done").read_text() == "yes"
    assert not isinstance(BrakePolicy(), KeepsFiles)
    PolicyGuard(BrakePolicy()).begin_files(tmp_path / "other")
    PolicyGuard(BrakePolicy()).end_files()
    assert not (tmp_path / "other").exists()


def test_files_that_cannot_be_written_are_the_policys_fault(tmp_path: Path) -> None:
    guard = PolicyGuard(Keeper(fails=True))
    guard.begin_files(tmp_path)
    with pytest.raises(PolicyFaultError, match="end_files: OSError: no space left"):
        guard.end_files()


@pytest.mark.parametrize(
    ("period_s", "dt_s", "ticks"), [(0.0, 0.05, 1), (0.05, 0.05, 1), (0.1, 0.05, 2), (0.1, 1 / 30, 3)]
)
def test_a_period_is_counted_in_ticks(period_s: float, dt_s: float, ticks: int) -> None:
    assert _every_ticks(CameraSpec("c", 32, 24, period_s=period_s), dt_s) == ticks
    assert _every_ticks(LidarSpec("l"), dt_s) == 1


@pytest.mark.parametrize("period_s", [0.07, 0.02])
def test_a_period_between_ticks_is_refused(period_s: float) -> None:
    with pytest.raises(PolicyFaultError, match="no multiple of the tick"):
        _every_ticks(CameraSpec("c", 32, 24, period_s=period_s), 0.05)
    with pytest.raises(ValueError, match="a picture every -1"):
        CameraSpec("c", 32, 24, period_s=-1.0)
