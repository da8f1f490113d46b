"""The student's network: sizes, heads, modes, projection."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install torch==2.13.0")

from policies.nets.ground_plane import GroundPlane  # noqa: E402
from policies.nets.resnet import ResNet  # noqa: E402
from policies.nets.student import Student  # noqa: E402
from policies.student.config import RIGS, Head, student_config  # noqa: E402
from tests.support.student import tiny  # noqa: E402
from training.check_device import check_resume, random_batch  # noqa: E402

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("size", "published_m", "tolerance"),
    [("110m", 107.0, 0.03), ("500m", 485.0, 0.03), ("250m", 240.0, 0.05)],
)
def test_sizes_are_the_published_ones(size: str, published_m: float, tolerance: float) -> None:
    with torch.device("meta"):
        net = Student(student_config(size, reasoning=True))
    count_m = sum(p.numel() for p in net.parameters()) / 1e6
    assert count_m == pytest.approx(published_m, rel=tolerance)


def test_nano_fits_a_small_checkpoint() -> None:
    with torch.device("meta"):
        net = Student(student_config("nano", reasoning=True))
    assert sum(p.numel() for p in net.parameters()) * 4 <= 20e6


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"reasoning": True},
        {"head": Head.DIRECT},
        {"head": Head.DISCRETE},
        {"num_modes": 6},
        {"cameras": RIGS["surround6"], "route_input": "none"},
        {"cameras": RIGS["alpamayo4"], "route_input": "target_point", "gradient_checkpointing": True},
        {
            "route_input": "command",
            "backbone_stages": 4,
            "bev_pool": 2,
            "bev_x_m": (0.0, 48.0),
            "bev_y_m": (-16.0, 16.0),
        },
    ],
)
def test_every_kind_of_student_answers_and_learns(changes: dict[str, Any]) -> None:
    from policies.student.config import RouteInput

    if "route_input" in changes:
        changes = {**changes, "route_input": RouteInput(changes["route_input"])}
    config = tiny(**changes)
    torch.manual_seed(0)
    net = Student(config)
    output = net(**random_batch(config, 2, CPU))
    assert output.plan.shape == (2, config.num_modes, 64, 4)
    assert float((output.plan[..., 2:].detach().norm(dim=-1) - 1.0).abs().max()) < 1e-4
    assert output.mode_logits.shape == (2, config.num_modes)
    assert output.text.detach().norm(dim=-1).tolist() == pytest.approx(
        [1.0, 1.0] if config.reasoning else [0.0, 0.0]
    )
    if config.head is not Head.DIRECT:
        assert float(output.actions[..., 1].detach().abs().max()) <= config.curvature_bound_radpm
    learnt = output.action_logits if config.head is Head.DISCRETE else output.plan
    (
        learnt.square().mean()
        + output.mode_logits.square().mean()
        + output.text[:, 0].mean()
        + output.light_logits.square().sum()
    ).backward()
    still = [n for n, p in net.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert still == ([] if config.head is not Head.DISCRETE else still)
    assert net.backbone.conv1.weight.grad.abs().sum() > 0.0


def test_v0_moves_the_plan_of_a_unicycle() -> None:
    config = tiny()
    net = Student(config).eval()
    inputs = random_batch(config, 1, CPU)
    with torch.no_grad():
        slow = net(**{**inputs, "v0_mps": torch.tensor([2.0])}).plan[0, 0, 9, 0]
        fast = net(**{**inputs, "v0_mps": torch.tensor([8.0])}).plan[0, 0, 9, 0]
    assert 1.0 < float(slow) < 3.0
    assert 7.0 < float(fast) < 9.0


def test_ground_cells_get_the_features_of_the_pixels_that_see_them() -> None:
    """A camera at (0, 0, 2) that looks straight ahead; the picture's left half is 1, the right half 0."""
    ground = GroundPlane((0.0, 40.0), (-10.0, 10.0), (20, 10))
    maps = torch.zeros(1, 1, 1, 16, 16)
    maps[..., :8] = 1.0
    look = torch.tensor([[[[0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 2.0], [1.0, 0.0, 0.0, 0.0]]]])
    features, seen = ground(maps, look)
    assert features.shape == (1, 1, 20, 10)
    assert float(features[0, 0, 15, 8]) == 1.0  # 31 m ahead, 7 m to the left
    assert float(features[0, 0, 15, 1]) == 0.0
    assert float(seen[0, 0, 15, 5]) == 1.0
    assert float(seen[0, 0, 0, 0]) == 0.0  # 1 m ahead, 9 m to the right: outside the picture
    behind, unseen = ground(maps, look * torch.tensor([-1.0, 1.0, -1.0])[:, None])
    assert not behind.any()
    assert not unseen.any()


def test_imagenet_weights_are_spread_over_the_frames() -> None:
    torch.manual_seed(0)
    published, ours = ResNet(18, 3), ResNet(18, 12)
    weights = {**published.state_dict(), "fc.weight": torch.zeros(1000, 512)}
    assert ours.load_pretrained(weights) == len(ours.state_dict())
    picture = torch.rand(1, 3, 64, 64)
    published.eval()
    ours.eval()
    with torch.no_grad():
        a, b = published(picture)[1], ours(picture.repeat(1, 4, 1, 1))[1]
    assert float((a - b).abs().max()) < 1e-3 * float(a.abs().max())
    with pytest.raises(ValueError, match="of this ResNet"):
        ours.load_pretrained({"something": torch.zeros(3)})


def test_check_device_finds_that_resuming_is_exact_here() -> None:
    assert check_resume(CPU, tiny(reasoning=True), steps=2)


def test_queries_know_the_route_where_the_car_will_be() -> None:
    """On a circle of 20 m to the left, at 10 m/s: place, direction and curvature after 1 and 3 s, by hand."""
    from policies.nets.student.route_queries import RouteQueries
    from policies.student.features import ROUTE_SCALE_M

    config, radius_m = student_config("nano"), 20.0
    angle = torch.arange(1, config.route_points + 1) * config.route_spacing_m / radius_m
    circle = radius_m * torch.stack([torch.sin(angle), 1.0 - torch.cos(angle)], -1)[None]
    numbers = RouteQueries(config).numbers(circle / ROUTE_SCALE_M, torch.tensor([10.0]))
    for step, travelled_m in ((9, (9.25, 10.0, 10.75)), (29, (23.25, 30.0, 36.75))):
        for guess, distance_m in enumerate(travelled_m):
            x, y, ahead, left, curvature = numbers[0, step, 5 * guess : 5 * guess + 5].tolist()
            turned = distance_m / radius_m
            assert x * ROUTE_SCALE_M == pytest.approx(radius_m * math.sin(turned), abs=0.1)
            assert y * ROUTE_SCALE_M == pytest.approx(radius_m * (1.0 - math.cos(turned)), abs=0.1)
            assert (ahead, left) == pytest.approx((math.cos(turned), math.sin(turned)), abs=0.02)
            assert curvature == pytest.approx(10.0 / radius_m, abs=0.01)
