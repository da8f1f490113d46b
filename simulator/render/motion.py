"""Optical flow and surface normals: what a pixel's record tells beyond its colour."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.render.camera import Camera, Frame, view_matrix
from simulator.render.project import OPTIONS, F
from simulator.render.store import Objects, TriangleStore

_LEAST_DEPTH_M = 0.01
_MOST = 2.0  # of CARLA's flow: twice the picture


def flow_of(
    camera: Camera,
    frame: Frame,
    pose: tuple[float, ...],
    objects: Objects,
    pose_before: tuple[float, ...],
    objects_before: Objects,
) -> NDArray[np.float32]:
    """(H, W, 2) how far what is seen at each pixel has moved on the picture since the frame before.

    CARLA's units and signs: x to the right in half widths, y upwards in half heights. So the pixel showed in
    the frame before what was at (u - x * width / 2, v + y * height / 2). Every object's own motion counts,
    wheels and limbs included; the sky moves with the camera's rotation.

    Args:
        camera: that has rendered `frame`, and nothing since.
        frame: the picture.
        pose: of the camera for that picture.
        objects: what was drawn.
        pose_before: of the camera in the frame before.
        objects_before: the same objects in the same order, where they were then.

    Raises:
        ValueError: the two sets of objects differ in number.
    """
    if len(objects.origin) != len(objects_before.origin):
        raise ValueError(
            f"flow needs the same objects: {len(objects.origin)} now, {len(objects_before.origin)} before"
        )
    out = np.zeros((*frame.depth.shape, 2), F)
    seen, ri = camera.records_of()
    now, before = view_matrix(pose), view_matrix(pose_before)  # type: ignore[arg-type]
    _flow(objects, objects_before, seen, ri, frame.records, frame.depth, now, before, camera.lens, out)
    return out


def aligned(now: Objects, before: Objects) -> Objects:
    """The objects of `now` where they were in `before`, found by instance and number of the part.

    What was not there before has not moved: it stands where it is.

    Args:
        now: what is drawn.
        before: what was drawn in another picture of the same town.
    """
    names, old = _names(now), _names(before)
    order = np.argsort(old)
    at = np.minimum(np.searchsorted(old, names, sorter=order), len(old) - 1)
    found = old[order[at]] == names
    rotation, origin = now.rotation.copy(), now.origin.copy()
    rows = order[at[found]]
    rotation[found], origin[found] = before.rotation[rows], before.origin[rows]
    return now._replace(rotation=rotation, origin=origin)


def _names(objects: Objects) -> NDArray[np.int64]:
    """(M,) one number for every object: its instance, and how many of it come before."""
    instance = objects.instance.astype(np.int64)
    order = np.argsort(instance, kind="stable")
    _, first, count = np.unique(instance[order], return_index=True, return_counts=True)
    number = np.empty(len(instance), np.int64)
    number[order] = np.arange(len(instance)) - np.repeat(first, count)
    return np.asarray((instance << 32) + number)


def normals_of(camera: Camera, frame: Frame, store: TriangleStore, objects: Objects) -> NDArray[np.uint8]:
    """(H, W, 4) blue, green, red, 255: z, y and x of the surface's normal in the world, -1 .. 1 as 0 .. 255.

    The sky has no normal and is 128 throughout. Arguments as in `flow_of`.
    """
    out = np.empty((*frame.depth.shape, 4), np.uint8)
    seen, ri = camera.records_of()
    _normals(store.triangles.plane, objects.rotation, seen, ri, frame.records, out)
    return out


@numba.njit(parallel=True, **OPTIONS)
def _flow(objects, before, seen, ri, ids, depth, view, view0, lens, out):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    for y in numba.prange(height):
        v = y + 0.5
        for x in range(width):
            u = x + 0.5
            a, b = (u - cx) / fx, (v - cy) / fy
            q0 = view[2, 0] + a * view[0, 0] + b * view[1, 0]
            q1 = view[2, 1] + a * view[0, 1] + b * view[1, 1]
            q2 = view[2, 2] + a * view[0, 2] + b * view[1, 2]
            k = ids[y, x]
            if k >= 0:
                o = seen[ri[k, 3], 0]
                z = depth[y, x]
                p0 = z * q0 + view[3, 0] - objects.origin[o, 0]
                p1 = z * q1 + view[3, 1] - objects.origin[o, 1]
                p2 = z * q2 + view[3, 2] - objects.origin[o, 2]
                r, r0 = objects.rotation[o], before.rotation[o]
                l0 = r[0, 0] * p0 + r[1, 0] * p1 + r[2, 0] * p2
                l1 = r[0, 1] * p0 + r[1, 1] * p1 + r[2, 1] * p2
                l2 = r[0, 2] * p0 + r[1, 2] * p1 + r[2, 2] * p2
                q0 = r0[0, 0] * l0 + r0[0, 1] * l1 + r0[0, 2] * l2 + before.origin[o, 0] - view0[3, 0]
                q1 = r0[1, 0] * l0 + r0[1, 1] * l1 + r0[1, 2] * l2 + before.origin[o, 1] - view0[3, 1]
                q2 = r0[2, 0] * l0 + r0[2, 1] * l1 + r0[2, 2] * l2 + before.origin[o, 2] - view0[3, 2]
            c2 = max(view0[2, 0] * q0 + view0[2, 1] * q1 + view0[2, 2] * q2, _LEAST_DEPTH_M)
            u0 = fx * (view0[0, 0] * q0 + view0[0, 1] * q1 + view0[0, 2] * q2) / c2 + cx
            v0 = fy * (view0[1, 0] * q0 + view0[1, 1] * q1 + view0[1, 2] * q2) / c2 + cy
            out[y, x, 0] = F(min(max((u - u0) * 2.0 / width, -_MOST), _MOST))
            out[y, x, 1] = F(min(max((v0 - v) * 2.0 / height, -_MOST), _MOST))


@numba.njit(parallel=True, **OPTIONS)
def _normals(plane, rotation, seen, ri, ids, out):  # type: ignore[no-untyped-def]
    height, width = ids.shape
    for y in numba.prange(height):
        for x in range(width):
            k = ids[y, x]
            out[y, x, 3] = np.uint8(255)
            for i in range(3):
                value = 0.0
                if k >= 0:
                    r, n = rotation[seen[ri[k, 3], 0]], plane[ri[k, 2]]
                    value = r[i, 0] * n[0] + r[i, 1] * n[1] + r[i, 2] * n[2]
                out[y, x, 2 - i] = np.uint8(min(max(value, -1.0), 1.0) * 127.5 + 128.0 - 0.25)
