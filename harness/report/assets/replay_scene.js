"use strict";
// What there is to draw: the roads as paths, and where everybody is at a time. World axes as in CARLA: x, y to its right,
// which on a canvas is right and down, so nothing is mirrored.

const Border = { EDGE: 0, SAME_WAY: 1, OTHER_WAY: 2 };

const roadPaths = (map) => {
  const paths = { surface: new Path2D(), edge: new Path2D(), lane: new Path2D(), center: new Path2D() };
  if (!map) return paths;
  const line = (path, xs, ys, from, to) => {
    path.moveTo(xs[from], ys[from]);
    for (let i = from + 1; i < to; i++) path.lineTo(xs[i], ys[i]);
  };
  let from = 0;
  map.strip_length.forEach((length, strip) => {
    const to = from + length;
    line(paths.surface, map.left_x, map.left_y, from, to);
    for (let i = to - 1; i >= from; i--) paths.surface.lineTo(map.right_x[i], map.right_y[i]);
    paths.surface.closePath();
    if (!map.in_junction[strip]) {
      const byBorder = { [Border.EDGE]: paths.edge, [Border.SAME_WAY]: paths.lane, [Border.OTHER_WAY]: paths.center };
      line(byBorder[map.right[strip]], map.right_x, map.right_y, from, to);
      if (map.left[strip] !== Border.SAME_WAY) line(byBorder[map.left[strip]], map.left_x, map.left_y, from, to);
    }
    from = to;
  });
  return paths;
};

const makeDrive = (data, map, facts) => {
  const tracks = [];
  let offset = 0;
  data.track_actor.forEach((actor, i) => {
    const length = data.track_length[i];
    tracks.push({ actor: data.actors[actor], first: data.track_first[i], length, offset });
    offset += length;
  });
  const plans = new Map();
  if (data.plan_tick) {
    let begin = 0;
    data.plan_tick.forEach((tick, i) => {
      plans.set(tick, { begin, count: data.plan_count[i] });
      begin += data.plan_count[i];
    });
  }
  const route = new Path2D();
  data.route_x.forEach((x, i) => (i ? route.lineTo(x, data.route_y[i]) : route.moveTo(x, data.route_y[i])));

  const at = (t) => {
    const place = Math.min(Math.max(t / data.dt, 0), data.ticks - 1);
    const tick = Math.floor(place + 1e-6);
    return { tick, next: Math.min(tick + 1, data.ticks - 1), share: Math.max(place - tick, 0) };
  };
  const mix = (values, { tick, next, share }) => values[tick] + share * (values[next] - values[tick]);
  const pose = (name, when) => ({
    x: mix(data[`${name}_x`], when), y: mix(data[`${name}_y`], when),
    yaw: mix(data[`${name}_yaw`], when) * Math.PI / 180, speed: mix(data[`${name}_speed`], when),
  });

  return {
    data, facts, route, roads: roadPaths(map), hasMap: Boolean(map), duration: data.duration, hasPlans: plans.size > 0,
    tickOf: (t) => at(t).tick,
    ego: (t) => pose("ego", at(t)),
    ghost: (t) => {
      if (!data.ghost) return null;
      const last = data.ghost_x.length - 1;
      const place = Math.min(t / data.dt, last);
      const tick = Math.floor(place);
      return pose("ghost", { tick, next: Math.min(tick + 1, last), share: place - tick });
    },
    others: (t) => {
      const when = at(t);
      const found = [];
      for (const track of tracks) {
        const i = when.tick - track.first;
        if (i < 0 || i >= track.length) continue;
        const from = track.offset + i;
        const to = i + 1 < track.length ? from + (when.next - when.tick) : from;
        const at2 = (values) => values[from] + when.share * (values[to] - values[from]);
        found.push({ actor: track.actor, x: at2(data.other_x), y: at2(data.other_y), yaw: at2(data.other_yaw) * Math.PI / 180 });
      }
      return found;
    },
    light: (number, t) => data.lights_shown[at(t).tick * data.lights.length + number],
    plan: (t) => {
      const { tick } = at(t);
      const plan = plans.get(tick);
      if (!plan) return null;
      const [x, y, yaw] = [data.ego_x[tick], data.ego_y[tick], data.ego_yaw[tick] * Math.PI / 180];
      const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
      const points = [];
      for (let i = plan.begin; i < plan.begin + plan.count; i++) {
        const [forward, right] = [data.plan_forward[i], data.plan_right[i]];
        points.push([x + c * forward - s * right, y + s * forward + c * right]);
      }
      return points;
    },
    // Where an event happened: it says so itself, or the ego was there.
    placeOf: (event) => (event.x === undefined ? pose("ego", at(event.t)) : event),
    bounds: () => {
      const xs = [...data.route_x, ...data.ego_x], ys = [...data.route_y, ...data.ego_y];
      const low = (values) => values.reduce((a, b) => Math.min(a, b)), high = (values) => values.reduce((a, b) => Math.max(a, b));
      return { x0: low(xs), x1: high(xs), y0: low(ys), y1: high(ys) };
    },
  };
};
