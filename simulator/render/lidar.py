"""LiDAR: a spherical picture of the store, column by column, without rays and without a tree.

A wedge of directions is a picture with a vertical image plane: within it the tangent of the elevation over
the cosine of the azimuth is linear, so that a triangle is rasterized column by column as for a camera. Each
direction gets the range that an exact ray would get, up to float32.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.labels import Label, Material
from simulator.render.poses import rotation_matrices
from simulator.render.project import OPTIONS, F
from simulator.render.store import Objects, TriangleStore
from simulator.render.surface_kernels import line_share

_WEDGES_PER_TURN = 16
_NEAR_M = 0.05
_ASPHALT, _LINES = int(Material.ASPHALT), int(Label.ROAD_LINES)
_POINT = F(1e-4)  # width of a ray where it ends, m


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Answers of directions, azimuth after azimuth.

    Attributes:
        range_m: (A, E) float32, 0 where nothing is hit.
        cosine: (A, E) float32 of the angle between the ray and the surface's normal, 0 .. 1.
        label: (A, E) uint8.
        instance: (A, E) int32.
    """

    range_m: NDArray[np.float32]
    cosine: NDArray[np.float32]
    label: NDArray[np.uint8]
    instance: NDArray[np.int32]


def scan(
    store: TriangleStore,
    objects: Objects,
    pose: tuple[float, float, float, float, float, float],
    azimuth_rad: NDArray[np.float64],
    elevation_rad: NDArray[np.float64],
    range_m: float,
) -> Scan:
    """Ranges in the directions of all azimuths times all elevations, in the sensor's frame.

    Args:
        store: triangles.
        objects: what is seen of them.
        pose: of the sensor: x, y, z m, pitch, yaw, roll deg.
        azimuth_rad: (A,) ascending, spanning at most a turn; from x towards y.
        elevation_rad: (E,) ascending, between -80 and 80 degrees.
        range_m: of the sensor.

    Raises:
        ValueError: the directions are not ascending, or reach further than that.
    """
    if len(azimuth_rad) == 0 or len(elevation_rad) == 0:
        raise ValueError("a scan needs at least one azimuth and one elevation")
    if (np.diff(azimuth_rad) <= 0.0).any() or azimuth_rad[-1] - azimuth_rad[0] > 2.0 * np.pi + 1e-6:
        raise ValueError("azimuths of a scan must ascend and span at most a turn")
    if (np.diff(elevation_rad) <= 0.0).any() or np.abs(elevation_rad).max() > math.radians(80.0):
        raise ValueError("elevations of a scan must ascend and stay between -80 and 80 degrees")
    wedge = np.floor((azimuth_rad - azimuth_rad[0]) / (2.0 * np.pi / _WEDGES_PER_TURN) + 1e-9).astype(
        np.int64
    )
    first = np.concatenate([[0], np.flatnonzero(np.diff(wedge)) + 1, [len(wedge)]])
    middle = np.array([(azimuth_rad[a] + azimuth_rad[b - 1]) / 2.0 for a, b in itertools.pairwise(first)])
    frames = _wedge_frames(pose, middle)
    offset = azimuth_rad - np.repeat(middle, np.diff(first))
    shape = (len(azimuth_rad), len(elevation_rad))
    result = Scan(
        np.zeros(shape, F), np.zeros(shape, F), np.zeros(shape, np.uint8), np.zeros(shape, np.int32)
    )
    _scan(
        store.triangles, objects, frames, np.array(pose[:3]), first,
        np.tan(offset).astype(F), np.cos(offset).astype(F), np.tan(elevation_rad).astype(F),
        np.cos(elevation_rad).astype(F), float(range_m), result.range_m, result.cosine, result.label,
        result.instance,
    )  # fmt: skip
    return result


def directions(azimuth_rad: NDArray[np.float64], elevation_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """(A, E, 3) unit vectors of a scan in the sensor's frame."""
    a, e = azimuth_rad[:, None], elevation_rad[None, :]
    return np.stack(np.broadcast_arrays(np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)), axis=-1)


def _wedge_frames(pose: tuple[float, ...], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """(W, 3, 3): forward, right and up of every wedge in the world."""
    sensor = rotation_matrices(np.array(pose[3:])).T
    c, s, zero, one = np.cos(middle), np.sin(middle), np.zeros_like(middle), np.ones_like(middle)
    turn = np.stack(
        [np.stack([c, s, zero], -1), np.stack([-s, c, zero], -1), np.stack([zero, zero, one], -1)], -2
    )
    return np.asarray(turn @ sensor)


@numba.njit(**OPTIONS)
def _first_at_least(values, begin, end, limit):  # type: ignore[no-untyped-def]
    while begin < end:
        middle = (begin + end) >> 1
        if values[middle] < limit:
            begin = middle + 1
        else:
            end = middle
    return begin


@numba.njit(**OPTIONS)
def _meets(xa, ya, xb, yb, x):  # type: ignore[no-untyped-def]
    if xa > xb:
        xa, xb = xb, xa
        ya, yb = yb, ya
    return ya + (x - xa) * ((yb - ya) / (xb - xa))


@numba.njit(**OPTIONS)
def _fill(near, seen, tangent, cosine, height, begin, end, x0, y0, x1, y1, x2, y2, a, b, c, k):  # type: ignore[no-untyped-def]
    """One projected triangle into the wedge's buffers: 1/depth = a + b * column + c * row."""
    rows = height.shape[0]
    low_x, high_x = min(x0, x1, x2), max(x0, x1, x2)
    first = _first_at_least(tangent, begin, end, low_x)
    last = _first_at_least(tangent, first, end, high_x)
    for j in range(first, last):
        x = tangent[j]
        low, high = F(1e9), F(-1e9)
        if (x0 <= x) != (x1 <= x):
            y = _meets(x0, y0, x1, y1, x)
            low, high = min(low, y), max(high, y)
        if (x1 <= x) != (x2 <= x):
            y = _meets(x1, y1, x2, y2, x)
            low, high = min(low, y), max(high, y)
        if (x2 <= x) != (x0 <= x):
            y = _meets(x2, y2, x0, y0, x)
            low, high = min(low, y), max(high, y)
        if high < low:
            continue
        turn = cosine[j]
        i0 = _first_at_least(height, 0, rows, low * turn)
        i1 = _first_at_least(height, i0, rows, high * turn)
        w, dw = a + b * x, c / turn
        base = (j - begin) * rows
        for i in range(i0, i1):
            here = w + dw * height[i]
            if here > near[base + i]:
                near[base + i] = here
                seen[base + i, 0], seen[base + i, 1] = k[0], k[1]


@numba.njit(parallel=True, **OPTIONS)
def _scan(  # type: ignore[no-untyped-def]
    triangles, objects, frames, place, first, tangent, cosine, height, shrink, reach, out_range, out_cos,
    out_label, out_instance,
):  # fmt: skip
    rows = height.shape[0]
    one, close = F(1.0), F(_NEAR_M)
    for wedge in numba.prange(frames.shape[0]):
        begin, end = first[wedge], first[wedge + 1]
        columns = end - begin
        near = np.zeros(columns * rows, F)
        seen = np.full((columns * rows, 2), -1, np.int32)
        frame = frames[wedge]
        side = max(abs(tangent[begin]), abs(tangent[end - 1])) + 1e-4
        side_scale = 1.0 / math.sqrt(1.0 + side * side)
        v = np.empty((3, 3), F)
        px, py = np.empty(4, F), np.empty(4, F)
        k = np.empty(2, np.int32)
        m = np.empty((3, 3), F)
        n = np.empty(3, F)
        for o in range(objects.origin.shape[0]):
            rot = objects.rotation[o]
            d0, d1, d2 = (
                objects.origin[o, 0] - place[0],
                objects.origin[o, 1] - place[1],
                objects.origin[o, 2] - place[2],
            )
            c0, c1, c2 = objects.ball[o, 0], objects.ball[o, 1], objects.ball[o, 2]
            radius = float(objects.ball[o, 3])
            w0 = rot[0, 0] * c0 + rot[0, 1] * c1 + rot[0, 2] * c2 + d0
            w1 = rot[1, 0] * c0 + rot[1, 1] * c1 + rot[1, 2] * c2 + d1
            w2 = rot[2, 0] * c0 + rot[2, 1] * c1 + rot[2, 2] * c2 + d2
            if w0 * w0 + w1 * w1 + w2 * w2 > (reach + radius) * (reach + radius):
                continue
            ahead = frame[0, 0] * w0 + frame[0, 1] * w1 + frame[0, 2] * w2
            beside = frame[1, 0] * w0 + frame[1, 1] * w1 + frame[1, 2] * w2
            if ahead < -radius or (abs(beside) - side * ahead) * side_scale > radius:
                continue
            for i in range(3):
                for j in range(3):
                    m[i, j] = F(frame[i, 0] * rot[0, j] + frame[i, 1] * rot[1, j] + frame[i, 2] * rot[2, j])
            t0 = F(frame[0, 0] * d0 + frame[0, 1] * d1 + frame[0, 2] * d2)
            t1 = F(frame[1, 0] * d0 + frame[1, 1] * d1 + frame[1, 2] * d2)
            t2 = F(frame[2, 0] * d0 + frame[2, 1] * d1 + frame[2, 2] * d2)
            e0 = F(-(rot[0, 0] * d0 + rot[1, 0] * d1 + rot[2, 0] * d2))
            e1 = F(-(rot[0, 1] * d0 + rot[1, 1] * d1 + rot[2, 1] * d2))
            e2 = F(-(rot[0, 2] * d0 + rot[1, 2] * d1 + rot[2, 2] * d2))
            k[1] = o
            for t in range(objects.span[o, 0], objects.span[o, 0] + objects.span[o, 1]):
                plane = triangles.plane[t]
                above = plane[0] * e0 + plane[1] * e1 + plane[2] * e2 - plane[3]
                if above <= F(1e-6):
                    continue
                inside = 0
                for i in range(3):
                    x, y, z = (
                        triangles.corners[t, i, 0],
                        triangles.corners[t, i, 1],
                        triangles.corners[t, i, 2],
                    )
                    v[i, 0] = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + t0
                    v[i, 1] = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + t1
                    v[i, 2] = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + t2
                    if v[i, 0] > close:
                        inside += 1
                if inside == 0:
                    continue
                count = 0
                for i in range(3):
                    j = i + 1 if i < 2 else 0
                    if v[i, 0] > close:
                        w = one / v[i, 0]
                        px[count], py[count] = v[i, 1] * w, v[i, 2] * w
                        count += 1
                    if (v[i, 0] > close) != (v[j, 0] > close):
                        p, q = (i, j) if v[i, 0] > close else (j, i)
                        s = (close - v[p, 0]) / (v[q, 0] - v[p, 0])
                        px[count] = (v[p, 1] + s * (v[q, 1] - v[p, 1])) / close
                        py[count] = (v[p, 2] + s * (v[q, 2] - v[p, 2])) / close
                        count += 1
                for i in range(3):
                    n[i] = m[i, 0] * plane[0] + m[i, 1] * plane[1] + m[i, 2] * plane[2]
                scale = -one / above
                k[0] = t
                for q in range(1, count - 1):
                    _fill(
                        near, seen, tangent, cosine, height, begin, end, px[0], py[0], px[q], py[q],
                        px[q + 1], py[q + 1], n[0] * scale, n[1] * scale, n[2] * scale, k,
                    )  # fmt: skip
        for j in range(columns):
            turn = cosine[begin + j]
            for i in range(rows):
                w = near[j * rows + i]
                if w <= F(0.0):
                    continue
                distance = one / (w * turn * shrink[i])
                if distance > F(reach):
                    continue
                t, o = seen[j * rows + i, 0], seen[j * rows + i, 1]
                row = begin + j
                out_range[row, i] = distance
                out_label[row, i] = triangles.looks[t, 0]
                out_instance[row, i] = triangles.instance[t] + objects.instance[o]
                rot = objects.rotation[o]
                d0, d1, d2 = (
                    objects.origin[o, 0] - place[0],
                    objects.origin[o, 1] - place[1],
                    objects.origin[o, 2] - place[2],
                )
                plane = triangles.plane[t]
                above = -(plane[0] * F(rot[0, 0] * d0 + rot[1, 0] * d1 + rot[2, 0] * d2)
                          + plane[1] * F(rot[0, 1] * d0 + rot[1, 1] * d1 + rot[2, 1] * d2)
                          + plane[2] * F(rot[0, 2] * d0 + rot[1, 2] * d1 + rot[2, 2] * d2))  # fmt: skip
                above -= plane[3]
                out_cos[row, i] = min(above / distance, one)
                chart = triangles.chart[t]
                if chart >= 0 and triangles.looks[t, 1] == _ASPHALT:
                    # The ray's unit vector in the object's frame, to find what is painted where it ends.
                    r0, r1 = turn * shrink[i], turn * shrink[i] * tangent[row]
                    r2 = turn * shrink[i] * height[i] / turn
                    x, y, z = F(0.0), F(0.0), F(0.0)
                    for q in range(3):
                        along = F(frame[0, q] * r0 + frame[1, q] * r1 + frame[2, q] * r2) * distance - F(
                            objects.origin[o, q] - place[q]
                        )
                        x += F(rot[q, 0]) * along
                        y += F(rot[q, 1]) * along
                        z += F(rot[q, 2]) * along
                    g = triangles.charts[chart]
                    u = g[0] * x + g[1] * y + g[2] * z + g[3]
                    across = g[4] * x + g[5] * y + g[6] * z + g[7]
                    back = g[8] * x + g[9] * y + g[10] * z + g[11]
                    pattern = triangles.chart_pattern[chart]
                    for q in range(triangles.pattern_first[pattern], triangles.pattern_first[pattern + 1]):
                        if line_share(triangles.lines[q], u, across, back, _POINT, _POINT, _POINT)[1]:
                            out_label[row, i] = np.uint8(_LINES)
