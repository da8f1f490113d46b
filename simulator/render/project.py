"""From the store's triangles to records on the image: cull, transform, clip, project.

A record is one convex piece of a triangle in pixels with the plane of 1/depth. That plane is taken from the
triangle's own plane rather than from its projected corners, so that depth is as exact as the store.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

F = np.float32
OPTIONS: Any = {"cache": True, "fastmath": False, "error_model": "numpy", "nogil": True}
"""For every kernel of this room: no fast maths, so that results are the same on every machine."""

PARTS = 16
"""Pieces of the work, whatever the number of threads: the order of records never depends on that."""

RECORD = 12
"""Floats of a record: x0 y0 x1 y1 x2 y2, then A B C of 1/depth = A x + B y + C, layer factor, 2 spare."""

_LAYER_STEP = 5e-4  # of depth: how much nearer a higher layer counts
_STEPS = F(1024.0)
"""Of a pixel. Corners lie on steps, so that neighbours in two blocks share them exactly and no seam opens."""

_LEAST_PX = 0.3  # radius below which an object is not drawn


@numba.njit(**OPTIONS)
def cull(objects, camera, lens, far, flat, views, eyes, seen):  # type: ignore[no-untyped-def]
    """Objects in view: fills `views`, `eyes` and `seen`, and answers how many there are.

    Args:
        objects: M `Objects`.
        camera: (4, 3) float64: the camera's right, down and forward in the world, and its place.
        lens: (4,) float64 focal lengths and centre in pixels; half width and height follow from the centre.
        far: m.
        flat: 1 for a parallel projection whose focal length is pixels per metre, else 0.
        views: (M, 3, 4) float32, object to camera.
        eyes: (M, 4) float32: the camera in the object's frame, 1; for a parallel one its direction, 0.
        seen: (M, 2) int64: object, and the number of triangles before it.
    """
    count, total = 0, 0
    lx, ly = lens[2] / lens[0], lens[3] / lens[1]
    nx, ny = 1.0 / math.sqrt(1.0 + lx * lx), 1.0 / math.sqrt(1.0 + ly * ly)
    for o in range(objects.origin.shape[0]):
        radius = float(objects.ball[o, 3])
        c0, c1, c2 = objects.ball[o, 0], objects.ball[o, 1], objects.ball[o, 2]
        d0 = objects.origin[o, 0] - camera[3, 0]
        d1 = objects.origin[o, 1] - camera[3, 1]
        d2 = objects.origin[o, 2] - camera[3, 2]
        rot = objects.rotation[o]
        w0 = rot[0, 0] * c0 + rot[0, 1] * c1 + rot[0, 2] * c2 + d0
        w1 = rot[1, 0] * c0 + rot[1, 1] * c1 + rot[1, 2] * c2 + d1
        w2 = rot[2, 0] * c0 + rot[2, 1] * c1 + rot[2, 2] * c2 + d2
        x = camera[0, 0] * w0 + camera[0, 1] * w1 + camera[0, 2] * w2
        y = camera[1, 0] * w0 + camera[1, 1] * w1 + camera[1, 2] * w2
        z = camera[2, 0] * w0 + camera[2, 1] * w1 + camera[2, 2] * w2
        if z < -radius or z - radius > far:
            continue
        if flat == 1:
            if abs(x) - radius > lx or abs(y) - radius > ly:
                continue
        else:
            if (abs(x) - lx * z) * nx > radius or (abs(y) - ly * z) * ny > radius:
                continue
            if radius * lens[0] < _LEAST_PX * z:
                continue
        for i in range(3):
            for j in range(3):
                views[count, i, j] = F(
                    camera[i, 0] * rot[0, j] + camera[i, 1] * rot[1, j] + camera[i, 2] * rot[2, j]
                )
            views[count, i, 3] = F(camera[i, 0] * d0 + camera[i, 1] * d1 + camera[i, 2] * d2)
        for j in range(3):
            if flat == 1:
                eyes[count, j] = F(
                    -(rot[0, j] * camera[2, 0] + rot[1, j] * camera[2, 1] + rot[2, j] * camera[2, 2])
                )
            else:
                eyes[count, j] = F(-(rot[0, j] * d0 + rot[1, j] * d1 + rot[2, j] * d2))
        eyes[count, 3] = F(1 - flat)
        seen[count, 0], seen[count, 1] = o, total
        total += objects.span[o, 1]
        count += 1
    return count, total


@numba.njit(inline="always", **OPTIONS)
def _on_step(x):  # type: ignore[no-untyped-def]
    return np.rint(x * _STEPS) / _STEPS


@numba.njit(inline="always", **OPTIONS)
def _emit(rf, ri, k, x0, y0, x1, y1, x2, y2, width, height):  # type: ignore[no-untyped-def]
    """Write the corners of record k if it can cover a pixel centre; answers the next record."""
    half = F(0.5)
    x0, y0, x1, y1, x2, y2 = (
        _on_step(x0),
        _on_step(y0),
        _on_step(x1),
        _on_step(y1),
        _on_step(x2),
        _on_step(y2),
    )
    low, high = min(y0, y1, y2), max(y0, y1, y2)
    left, right = min(x0, x1, x2), max(x0, x1, x2)
    if high < half or low > height - half or right < half or left > width - half:
        return k
    first = max(0, math.ceil(low - half))
    last = min(int(height) - 1, math.ceil(high - half) - 1)
    if last < first or math.ceil(right - half) <= math.ceil(left - half):
        return k
    q = rf[k]
    q[0], q[1], q[2], q[3], q[4], q[5] = x0, y0, x1, y1, x2, y2
    ri[k, 0], ri[k, 1] = first, last
    return k + 1


@numba.njit(parallel=True, **OPTIONS)
def project(  # type: ignore[no-untyped-def]
    triangles, objects, views, eyes, seen, visible, total, lens, size, near, flat, rf, ri, counts
):
    """Records of all triangles of the visible objects that face the camera.

    Args:
        triangles: `Triangles`.
        objects: `Objects`.
        views: from `cull`.
        eyes: from `cull`.
        seen: from `cull`.
        visible: from `cull`.
        total: from `cull`.
        lens: (4,) float32.
        size: (2,) float32 width and height, pixels.
        near: m, float32.
        flat: as in `cull`.
        rf: (2 total + PARTS, RECORD) float32, part p from row 2 * (p * total // PARTS) on.
        ri: the same rows, int32: first row, last row, triangle, index into `seen`.
        counts: (PARTS,) int64 records of each part.
    """
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    width, height = size[0], size[1]
    one = F(1.0)
    for part in numba.prange(PARTS):
        begin, end = part * total // PARTS, (part + 1) * total // PARTS
        start = 2 * begin
        k = start
        v = np.empty((3, 3), F)
        px, py = np.empty(4, F), np.empty(4, F)
        low, high = 0, visible
        while high - low > 1:  # the object of the first triangle
            middle = (low + high) // 2
            if seen[middle, 1] <= begin:
                low = middle
            else:
                high = middle
        at, m = begin, low
        while at < end and m < visible:
            o = seen[m, 0]
            first = objects.span[o, 0] + at - seen[m, 1]
            stop = min(objects.span[o, 0] + objects.span[o, 1], first + end - at)
            at += stop - first
            e0, e1, e2, e3 = eyes[m, 0], eyes[m, 1], eyes[m, 2], eyes[m, 3]
            a00, a01, a02, a03 = views[m, 0, 0], views[m, 0, 1], views[m, 0, 2], views[m, 0, 3]
            a10, a11, a12, a13 = views[m, 1, 0], views[m, 1, 1], views[m, 1, 2], views[m, 1, 3]
            a20, a21, a22, a23 = views[m, 2, 0], views[m, 2, 1], views[m, 2, 2], views[m, 2, 3]
            for t in range(first, stop):
                n0, n1, n2 = triangles.plane[t, 0], triangles.plane[t, 1], triangles.plane[t, 2]
                height_above = n0 * e0 + n1 * e1 + n2 * e2 - e3 * triangles.plane[t, 3]
                if height_above <= F(1e-6):
                    continue
                inside = 0
                for i in range(3):
                    x, y, z = (
                        triangles.corners[t, i, 0],
                        triangles.corners[t, i, 1],
                        triangles.corners[t, i, 2],
                    )
                    v[i, 0] = a00 * x + a01 * y + a02 * z + a03
                    v[i, 1] = a10 * x + a11 * y + a12 * z + a13
                    v[i, 2] = a20 * x + a21 * y + a22 * z + a23
                    if v[i, 2] > near:
                        inside += 1
                if inside == 0:
                    continue
                n = 0
                if flat == 1:
                    for i in range(3):
                        px[i], py[i] = fx * v[i, 0] + cx, fy * v[i, 1] + cy
                    n = 3
                elif inside == 3:
                    for i in range(3):
                        w = one / v[i, 2]
                        px[i], py[i] = fx * v[i, 0] * w + cx, fy * v[i, 1] * w + cy
                    n = 3
                else:
                    w = one / near
                    for i in range(3):
                        j = i + 1 if i < 2 else 0
                        if v[i, 2] > near:
                            u = one / v[i, 2]
                            px[n], py[n] = fx * v[i, 0] * u + cx, fy * v[i, 1] * u + cy
                            n += 1
                        if (v[i, 2] > near) != (v[j, 2] > near):
                            # From the inner corner outwards, so that neighbours cut a shared edge alike.
                            p, q = (i, j) if v[i, 2] > near else (j, i)
                            s = (near - v[p, 2]) / (v[q, 2] - v[p, 2])
                            px[n] = fx * (v[p, 0] + s * (v[q, 0] - v[p, 0])) * w + cx
                            py[n] = fy * (v[p, 1] + s * (v[q, 1] - v[p, 1])) * w + cy
                            n += 1
                before = k
                for q in range(1, n - 1):
                    k = _emit(rf, ri, k, px[0], py[0], px[q], py[q], px[q + 1], py[q + 1], width, height)
                if k == before:
                    continue
                # The plane in camera axes: normal · place = -height_above.
                m0 = a00 * n0 + a01 * n1 + a02 * n2
                m1 = a10 * n0 + a11 * n1 + a12 * n2
                m2 = a20 * n0 + a21 * n1 + a22 * n2
                if flat == 1:  # the nearer the greater, as 1/depth is
                    offset = m0 * v[0, 0] + m1 * v[0, 1] + m2 * v[0, 2]
                    ga, gb = m0 / (m2 * fx), m1 / (m2 * fy)
                    gc = -offset / m2 - ga * cx - gb * cy
                else:
                    scale = -one / height_above
                    ga, gb = m0 * scale / fx, m1 * scale / fy
                    gc = m2 * scale - ga * cx - gb * cy
                layer = one + F(_LAYER_STEP) * F(triangles.looks[t, 2]) if flat == 0 else one
                for q in range(before, k):
                    rf[q, 6], rf[q, 7], rf[q, 8], rf[q, 9] = ga, gb, gc, layer
                    ri[q, 2], ri[q, 3] = t, m
            m += 1
        counts[part] = k - start
