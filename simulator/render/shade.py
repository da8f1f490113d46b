"""The shading pass: colour, depth, label and instance of every pixel, from the records that are seen."""

from __future__ import annotations

import math

import numba
import numpy as np

from simulator.render.labels import Label, Material
from simulator.render.project import OPTIONS, F
from simulator.render.surface_kernels import dash_share, floored, hashed, line_share, noise_at, sky_at
from simulator.render.visibility import BAND, fill_band

FAR_M = 1000.0
"""Depth of the sky, as CARLA's."""

_PLAIN, _ASPHALT, _GRASS = int(Material.PLAIN), int(Material.ASPHALT), int(Material.GRASS)
_PAVEMENT, _FACADE, _GLASS = int(Material.PAVEMENT), int(Material.FACADE), int(Material.GLASS)
_PAINT, _LAMP, _FOLIAGE = int(Material.PAINT), int(Material.LAMP), int(Material.FOLIAGE)
_SKY, _LINES = int(Label.SKY), int(Label.ROAD_LINES)


@numba.njit(**OPTIONS)
def _shadow_at(shadow, place, x, y, z):  # type: ignore[no-untyped-def]
    """Share of sunlight at a place relative to the camera: four depths of the sun's view, weighted."""
    one, zero = F(1.0), F(0.0)
    sx = place[0, 0] * x + place[0, 1] * y + place[0, 2] * z + place[0, 3]
    sy = place[1, 0] * x + place[1, 1] * y + place[1, 2] * z + place[1, 3]
    size = F(shadow.shape[0] - 2)
    if not (sx > one and sy > one and sx < size and sy < size):
        return one
    near = place[2, 0] * x + place[2, 1] * y + place[2, 2] * z + place[2, 3] + F(0.02)
    i, j = int(sy), int(sx)
    a, b = sx - F(j), sy - F(i)
    s00 = zero if shadow[i, j] > near else one
    s01 = zero if shadow[i, j + 1] > near else one
    s10 = zero if shadow[i + 1, j] > near else one
    s11 = zero if shadow[i + 1, j + 1] > near else one
    return (s00 * (one - a) + s01 * a) * (one - b) + (s10 * (one - a) + s11 * a) * b


@numba.njit(parallel=True, **OPTIONS)
def shade(  # type: ignore[no-untyped-def]
    triangles, objects, eyes, seen_objects, rf, ri, start, members, camera, lens, light, shadow, shadow_place,
    lamps, raw, depth, label, instance, ids,
):  # fmt: skip
    """Rasterize and shade all bands.

    Args:
        triangles: `Triangles`.
        objects: `Objects`.
        eyes: from `cull`.
        seen_objects: from `cull`.
        rf: from `project`.
        ri: from `project`.
        start: from `sort_into_bands`.
        members: from `sort_into_bands`.
        camera: (4, 3) float32, see `cull`.
        lens: (4,) float32.
        light: `Light`.
        shadow: (S, S) float32, the sun's view, or (1, 1) for none.
        shadow_place: (3, 4) float32, from places relative to the camera to the sun's pixels and depth.
        lamps: (L, 10) float32 place relative to the camera, colour, direction, cosine of the cone or -2.
        raw: (H, W, 4) uint8 blue, green, red, 255.
        depth: (H, W) float32 m along the camera's axis.
        label: (H, W) uint8.
        instance: (H, W) int32.
        ids: (H, W) int32 record, -1 for the sky.
    """
    height, width = depth.shape
    bands = (height + BAND - 1) // BAND
    one, half, zero = F(1.0), F(0.5), F(0.0)
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    ifx, ify = one / fx, one / fy
    r0, r1, r2 = camera[0, 0] * ifx, camera[0, 1] * ifx, camera[0, 2] * ifx
    d0, d1, d2 = camera[1, 0] * ify, camera[1, 1] * ify, camera[1, 2] * ify
    f0, f1, f2 = camera[2, 0], camera[2, 1], camera[2, 2]
    eye0, eye1, eye2 = camera[3, 0], camera[3, 1], camera[3, 2]
    sun0, sun1, sun2 = light.sun[0], light.sun[1], light.sun[2]
    sr, sg, sb = light.sun_rgb[0], light.sun_rgb[1], light.sun_rgb[2]
    fog_r, fog_g, fog_b = light.fog_rgb[0], light.fog_rgb[1], light.fog_rgb[2]
    fog_last = light.fog.shape[0] - 1
    tone_scale, tone_last = F(16384.0 / 8.0), 16383
    wet, puddles, dark = light.wet, light.puddles, light.dark
    has_shadow = shadow.shape[0] > 1
    for band in numba.prange(bands):
        y0, y1 = band * BAND, min(height, band * BAND + BAND)
        zb = np.zeros(BAND * width, F)
        seen = np.full(BAND * width, -1, np.int32)
        fill_band(rf, ri, members, start[band], start[band + 1], y0, y1, width, zb, seen)
        for y in range(y0, y1):
            row = F(y) + half - cy
            by0, by1, by2 = d0 * row + f0, d1 * row + f1, d2 * row + f2
            last = -2
            a = b = c = n0 = n1 = n2 = zero
            kr = kg = kb = ar = ag = ab = glow = facing = slope = zero
            material = tag = number = chart = line_a = line_b = 0
            u0 = u1 = u2 = uc = v0 = v1 = v2 = vc = w0 = w1 = w2 = wc = zero
            ux = uy = vx = vy = wx = wy = zero
            for x in range(width):
                k = seen[(y - y0) * width + x]
                ids[y, x] = k
                col = F(x) + half - cx
                q0, q1, q2 = r0 * col + by0, r1 * col + by1, r2 * col + by2
                if k < 0:
                    sky_r, sky_g, sky_b = sky_at(light.sky, q0, q1, q2)
                    raw[y, x, 0] = light.tone[min(int(sky_b * tone_scale), tone_last)]
                    raw[y, x, 1] = light.tone[min(int(sky_g * tone_scale), tone_last)]
                    raw[y, x, 2] = light.tone[min(int(sky_r * tone_scale), tone_last)]
                    raw[y, x, 3] = np.uint8(255)
                    depth[y, x], label[y, x], instance[y, x] = F(FAR_M), np.uint8(_SKY), np.int32(0)
                    continue
                if k != last:
                    last = k
                    t, m = ri[k, 2], ri[k, 3]
                    o = seen_objects[m, 0]
                    a, b, c = rf[k, 6], rf[k, 7], rf[k, 8]
                    rot = objects.rotation[o]
                    p0, p1, p2 = triangles.plane[t, 0], triangles.plane[t, 1], triangles.plane[t, 2]
                    n0 = F(rot[0, 0]) * p0 + F(rot[0, 1]) * p1 + F(rot[0, 2]) * p2
                    n1 = F(rot[1, 0]) * p0 + F(rot[1, 1]) * p1 + F(rot[1, 2]) * p2
                    n2 = F(rot[2, 0]) * p0 + F(rot[2, 1]) * p1 + F(rot[2, 2]) * p2
                    tag, material = int(triangles.looks[t, 0]), int(triangles.looks[t, 1])
                    number = triangles.instance[t] + objects.instance[o]
                    slot = int(triangles.looks[t, 3])
                    kr, kg, kb = triangles.rgb[t, 0], triangles.rgb[t, 1], triangles.rgb[t, 2]
                    glow = one if material == _LAMP else zero
                    if slot > 0:
                        tint = objects.palettes[objects.palette[o], slot - 1]
                        kr, kg, kb, glow = tint[0], tint[1], tint[2], tint[3]
                    facing = max(n0 * sun0 + n1 * sun1 + n2 * sun2, zero)
                    slope = F(0.01) + F(0.20) * math.sqrt(max(one - facing * facing, zero))
                    mix = half + half * n2
                    ar = light.above[0] * mix + light.below[0] * (one - mix)
                    ag = light.above[1] * mix + light.below[1] * (one - mix)
                    ab = light.above[2] * mix + light.below[2] * (one - mix)
                    chart = triangles.chart[t]
                    if chart >= 0:
                        g = triangles.charts[chart]
                        e0, e1, e2 = eyes[m, 0], eyes[m, 1], eyes[m, 2]
                        k00, k01, k02 = F(rot[0, 0]), F(rot[0, 1]), F(rot[0, 2])
                        k10, k11, k12 = F(rot[1, 0]), F(rot[1, 1]), F(rot[1, 2])
                        k20, k21, k22 = F(rot[2, 0]), F(rot[2, 1]), F(rot[2, 2])
                        u0 = k00 * g[0] + k01 * g[1] + k02 * g[2]
                        u1 = k10 * g[0] + k11 * g[1] + k12 * g[2]
                        u2 = k20 * g[0] + k21 * g[1] + k22 * g[2]
                        v0 = k00 * g[4] + k01 * g[5] + k02 * g[6]
                        v1 = k10 * g[4] + k11 * g[5] + k12 * g[6]
                        v2 = k20 * g[4] + k21 * g[5] + k22 * g[6]
                        w0 = k00 * g[8] + k01 * g[9] + k02 * g[10]
                        w1 = k10 * g[8] + k11 * g[9] + k12 * g[10]
                        w2 = k20 * g[8] + k21 * g[9] + k22 * g[10]
                        uc = g[0] * e0 + g[1] * e1 + g[2] * e2 + g[3]
                        vc = g[4] * e0 + g[5] * e1 + g[6] * e2 + g[7]
                        wc = g[8] * e0 + g[9] * e1 + g[10] * e2 + g[11]
                        ux, uy = u0 * r0 + u1 * r1 + u2 * r2, u0 * d0 + u1 * d1 + u2 * d2
                        vx, vy = v0 * r0 + v1 * r1 + v2 * r2, v0 * d0 + v1 * d1 + v2 * d2
                        wx, wy = w0 * r0 + w1 * r1 + w2 * r2, w0 * d0 + w1 * d1 + w2 * d2
                        pattern = triangles.chart_pattern[chart]
                        line_a, line_b = (
                            triangles.pattern_first[pattern],
                            triangles.pattern_first[pattern + 1],
                        )
                w = a * (F(x) + half) + b * (F(y) + half) + c
                z = one / w
                px, py, pz = q0 * z, q1 * z, q2 * z
                length2 = q0 * q0 + q1 * q1 + q2 * q2
                distance = z * math.sqrt(length2)
                cr, cg, cb = kr, kg, kb
                shown = tag
                mirror = zero  # share of the sky's mirror image
                shine = zero  # light of its own
                if material in (_ASPHALT, _GRASS, _PAVEMENT):
                    gx, gy = px + eye0, py + eye1
                    foot = distance * z * ifx / max(abs(n0 * px + n1 * py + n2 * pz), F(1e-3))
                    foot = min(foot, F(100.0)) * distance * F(0.35)
                    fine = min(F(0.05) / foot, one)
                    wide = min(F(1.6) / foot, one)
                    grain = zero
                    if fine > F(0.05):
                        grain = noise_at(light.noise, gx * F(17.0), gy * F(17.0)) * fine
                    patch = noise_at(light.noise, gx * F(0.43), gy * F(0.43)) * wide
                    if material == _GRASS:
                        gain = one + F(0.35) * grain + F(0.20) * patch
                        cr *= gain + F(0.22) * patch
                        cg *= gain
                        cb *= gain
                    else:
                        gain = one + F(0.16) * grain + F(0.07) * patch
                        cr *= gain
                        cg *= gain
                        cb *= gain
                        if wet > zero:
                            pool = min(max((patch + F(1.3) * puddles - F(0.75)) * F(4.0), zero), one)
                            pool = pool if n2 > F(0.9) else zero
                            soaked = one - F(0.45) * wet
                            cr *= soaked
                            cg *= soaked
                            cb *= soaked
                            cosine = abs(n0 * px + n1 * py + n2 * pz) / distance
                            edge = one - cosine
                            edge = edge * edge * edge * edge * edge
                            mirror = (F(0.02) + F(0.98) * edge) * (wet * F(0.45) + pool * half)
                elif material == _FOLIAGE:
                    gx, gy, gz = px + eye0, py + eye1, pz + eye2
                    gain = noise_at(light.noise, (gx + gz) * F(3.1), (gy - gz) * F(3.1))
                    gain *= min(F(40.0) / distance, one)
                    cr *= one + F(0.45) * gain
                    cg *= one + F(0.4) * gain
                    cb *= one + F(0.3) * gain
                if chart >= 0:
                    u, v, ww = (
                        u0 * px + u1 * py + u2 * pz,
                        v0 * px + v1 * py + v2 * pz,
                        w0 * px + w1 * py + w2 * pz,
                    )
                    fu = max((abs(ux - u * a) + abs(uy - u * b)) * z, F(1e-4))
                    fv = max((abs(vx - v * a) + abs(vy - v * b)) * z, F(1e-4))
                    fw = max((abs(wx - ww * a) + abs(wy - ww * b)) * z, F(1e-4))
                    u += uc
                    v += vc
                    ww += wc
                    if material == _FACADE:
                        pane = dash_share(u - F(0.24), fu, one, F(0.52)) * dash_share(
                            v - F(0.28), fv, one, F(0.5)
                        )
                        ledge = dash_share(v + F(0.05), fv, one, F(0.07))
                        gain = one - F(0.25) * ledge
                        cr = cr * gain * (one - pane) + F(0.035) * pane
                        cg = cg * gain * (one - pane) + F(0.042) * pane
                        cb = cb * gain * (one - pane) + F(0.05) * pane
                        mirror = pane * F(0.35)
                        if dark > zero:
                            lit_window = hashed(floored(u) + 97 * number, floored(v))
                            if lit_window > F(0.72):
                                shine = pane * dark * (lit_window - F(0.5))
                    else:
                        for n in range(line_a, line_b):
                            line = triangles.lines[n]
                            share, inside = line_share(line, u, v, ww, fu, fv, fw)
                            if share > zero:
                                worn = share
                                if material == _ASPHALT:
                                    worn = share * F(0.94)
                                    if inside:
                                        shown = _LINES
                                cr += (line[6] - cr) * worn
                                cg += (line[7] - cg) * worn
                                cb += (line[8] - cb) * worn
                lit = facing
                if has_shadow and facing > zero:
                    sx, sy, sz = px + slope * n0, py + slope * n1, pz + slope * n2
                    lit = facing * _shadow_at(shadow, shadow_place, sx, sy, sz)
                lr, lg, lb = sr * lit + ar, sg * lit + ag, sb * lit + ab
                for n in range(lamps.shape[0]):
                    lamp = lamps[n]
                    lx, ly, lz = lamp[0] - px, lamp[1] - py, lamp[2] - pz
                    square = lx * lx + ly * ly + lz * lz
                    if square < lamp[10]:
                        turned = n0 * lx + n1 * ly + n2 * lz
                        if turned > zero:
                            inverse = one / math.sqrt(square + F(0.01))
                            strength = turned * inverse / (square + one)
                            fade = one - square / lamp[10]
                            strength *= fade * fade
                            if lamp[9] > F(-1.5):
                                cone = -(lx * lamp[6] + ly * lamp[7] + lz * lamp[8]) * inverse
                                share = min(max((cone - lamp[9]) / (one - lamp[9]), zero), one)
                                strength *= share * share
                            lr += lamp[3] * strength
                            lg += lamp[4] * strength
                            lb += lamp[5] * strength
                if material == _GLASS:
                    mirror = F(0.5)
                elif material == _PAINT:
                    mirror = F(0.06)
                cr, cg, cb = cr * (lr + glow), cg * (lg + glow), cb * (lb + glow)
                if mirror > zero:
                    turn = F(2.0) * (n0 * q0 + n1 * q1 + n2 * q2)
                    m0, m1, m2 = q0 - turn * n0, q1 - turn * n1, q2 - turn * n2
                    if material in (_GLASS, _PAINT):
                        cosine = abs(turn) * half / math.sqrt(length2)
                        edge = one - cosine
                        edge = edge * edge
                        mirror += (one - mirror) * edge * edge * edge * cosine * F(2.0)
                        if m2 < zero:
                            mirror *= F(0.25)
                    mr, mg, mb = sky_at(light.sky, m0, m1, m2)
                    cr += (min(mr, F(2.5)) - cr) * mirror
                    cg += (min(mg, F(2.5)) - cg) * mirror
                    cb += (min(mb, F(2.5)) - cb) * mirror
                if shine > zero:
                    cr += shine * F(1.1)
                    cg += shine * F(0.8)
                    cb += shine * F(0.4)
                left = light.fog[min(int(distance * F(4.0)), fog_last)]
                cr = fog_r + (cr - fog_r) * left
                cg = fog_g + (cg - fog_g) * left
                cb = fog_b + (cb - fog_b) * left
                raw[y, x, 0] = light.tone[min(int(cb * tone_scale), tone_last)]
                raw[y, x, 1] = light.tone[min(int(cg * tone_scale), tone_last)]
                raw[y, x, 2] = light.tone[min(int(cr * tone_scale), tone_last)]
                raw[y, x, 3] = np.uint8(255)
                depth[y, x], label[y, x], instance[y, x] = min(z, F(FAR_M)), np.uint8(shown), np.int32(number)
