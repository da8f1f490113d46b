"""Bodies fill their boxes, look outwards, and are made alike every time."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.render.fleet import templates_of, wheel_places
from simulator.render.furniture import KINDS, mesh_of
from simulator.render.labels import Label
from simulator.render.lettering import outlines
from simulator.render.mesh import Mesh, divided
from simulator.world.blueprints import default_library

LABEL_OF_BASE_TYPE = {
    "car": Label.CAR,
    "van": Label.CAR,
    "truck": Label.TRUCK,
    "bus": Label.BUS,
    "motorcycle": Label.MOTORCYCLE,
    "bicycle": Label.BICYCLE,
}


def extremes(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    points = mesh.corners.reshape(-1, 3)
    return points.min(axis=0), points.max(axis=0)


@pytest.mark.parametrize("blueprint", [b for b in default_library() if b.vehicle], ids=lambda b: b.id)
def test_vehicles_fill_their_boxes(blueprint) -> None:  # type: ignore[no-untyped-def]
    spec, parts = blueprint.vehicle, dict(templates_of(blueprint))
    body, wheel = parts[blueprint.id], parts[f"{blueprint.id}/wheel"]
    center, half = (np.array(part) for part in blueprint.box)
    low, high = extremes(body)
    for x, y, z, _ in wheel_places(spec):
        a, b = extremes(wheel)
        place = np.array([x, y, z])
        low, high = np.minimum(low, place + a), np.maximum(high, place + b)
    slack = 0.12 if spec.base_type in ("bicycle", "motorcycle") else 0.05
    assert np.all(np.abs(low - (center - half)) < slack)
    assert np.all(np.abs(high - (center + half)) < slack)
    label = LABEL_OF_BASE_TYPE[spec.base_type]
    rider = {Label.RIDER} if spec.base_type in ("bicycle", "motorcycle") else set()
    assert set(np.unique(body.label)) == {label} | rider
    assert set(np.unique(wheel.label)) == {label}
    assert 90 < len(body) < 900


def rectangle(points: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Left, lower, right and upper tangent of what is seen of points around the origin's middle."""
    ahead = np.array([0.0, 0.0, 1.0]) - eye
    ahead /= np.linalg.norm(ahead)
    right = np.cross([0.0, 0.0, 1.0], ahead)
    right /= np.linalg.norm(right)
    seen = (points - eye) @ np.stack([ahead, right, np.cross(ahead, right)]).T
    flat = seen[:, 1:] / seen[:, :1]
    return np.concatenate([flat.min(axis=0), flat.max(axis=0)])


@pytest.mark.parametrize("blueprint", [b for b in default_library() if b.vehicle], ids=lambda b: b.id)
def test_projected_boxes_fit_bodies(blueprint) -> None:  # type: ignore[no-untyped-def]
    """From all sides, 1.2 to 9 m high and 8 to 50 m away: the rectangle of the body is that of its box."""
    parts, (center, half) = dict(templates_of(blueprint)), blueprint.box
    wheel = parts[f"{blueprint.id}/wheel"].corners.reshape(-1, 3)
    body = [parts[blueprint.id].corners.reshape(-1, 3)]
    body += [wheel + np.array(place[:3]) for place in wheel_places(blueprint.vehicle)]
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    box, points = np.array(center) + signs * np.array(half), np.concatenate(body)
    rng, shares = np.random.default_rng(0), []
    for _ in range(150):
        away, turn = np.sqrt(rng.uniform(64.0, 2500.0)), rng.uniform(0.0, 2.0 * np.pi)
        eye = np.array([away * np.cos(turn), away * np.sin(turn), rng.uniform(1.2, 9.0)])
        a, b = rectangle(points, eye), rectangle(box, eye)
        inner = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0))
        shares.append(inner / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inner))
    assert float(np.mean(np.array(shares) >= 0.8)) >= 0.9
    assert float(np.mean(shares)) >= 0.87
    assert min(shares) >= 0.72


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_furniture_fills_its_box_and_is_repeatable(kind: str) -> None:
    for seed, half in ((1, (1.2, 2.0, 2.4)), (2, (0.5, 0.6, 4.0)), (3, (6.0, 9.0, 11.0))):
        mesh, again = mesh_of(kind, half, seed), mesh_of(kind, half, seed)
        low, high = extremes(mesh)
        assert np.array_equal(mesh.corners, again.corners)
        assert np.array_equal(mesh.rgb, again.rgb)
        assert np.all(high <= np.array(half) * (1.06, 1.06, 2.0) + 0.06)
        assert np.all(low >= np.array(half) * (-1.06, -1.06, 0.0) - (0.06, 0.06, 0.9))
        assert high[2] > 1.8 * half[2]
        assert len(mesh.cleaned()) > 10
        assert Label.NONE not in mesh.label


def test_unknown_furniture_is_named() -> None:
    with pytest.raises(ValueError, match=r"'spaceship'.*bench"):
        mesh_of("spaceship", (1.0, 1.0, 1.0), 0)


def test_every_body_faces_outwards() -> None:
    """A convex part's normals point away from its middle: checked on the trunk of the simplest bodies."""
    for kind in ("wall", "building"):
        mesh = mesh_of(kind, (4.0, 5.0, 8.0), 4).cleaned()
        high = mesh.corners[..., 2].min(axis=1) >= 0.5  # the walls, not the base
        out = mesh.corners.mean(axis=1) - np.array([0.0, 0.0, 8.0])
        steep = np.abs(mesh.normals()[:, 2]) < 0.1
        far = np.abs(out[:, :2]).max(axis=1) > 3.3
        facing = np.einsum("ij,ij->i", mesh.normals(), out)[high & steep & far]
        assert (facing > 0.0).mean() > 0.5


def test_letters_are_within_their_line() -> None:
    for text in ("STOP", "30", "SPEED LIMIT", "1234567890"):
        points = np.concatenate(outlines(text, 2.0, 0.5, 0.05))
        assert np.abs(points[:, 0]).max() <= 1.0 + 0.05
        assert np.abs(points[:, 1]).max() <= 0.25 + 0.05


@pytest.mark.parametrize("n", [1, 2, 5])
def test_divided_triangles_are_alike_and_fill_the_whole(n: int) -> None:
    whole = np.array([[[0.0, 0.0, 0.0], [4.0, 1.0, 2.0], [1.0, 3.0, -1.0]]])
    parts = divided(whole, n)
    normals = [np.cross(some[:, 1] - some[:, 0], some[:, 2] - some[:, 0]) for some in (whole, parts)]
    assert len(parts) == n * n
    assert np.allclose(normals[1] * n * n, normals[0])
    assert np.allclose(parts.mean(axis=(0, 1)), whole.mean(axis=(0, 1)))
    assert len(np.unique(parts.reshape(-1, 3).round(9), axis=0)) == (n + 1) * (n + 2) // 2
