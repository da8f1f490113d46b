"use strict";
// Draws a drive at a time on the canvas, and knows where the eye is: follow, zoom, drag, heading up.

const makeView = (canvas, onChange) => {
  const context = canvas.getContext("2d");
  const eye = { x: 0, y: 0, scale: 6, turn: 0, follow: true, headingUp: false };
  let drive = null, colours = {}, width = 1, height = 1, now = 0, hot = null;

  const readColours = () => {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["grass", "road", "road-line", "center-line", "ego", "ghost", "plan", "route", "vehicle", "walker", "red", "yellow", "green", "muted", "surface", "fail", "text"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
  };
  theme.onChange(() => { readColours(); draw(now); });
  readColours();

  const resize = () => {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    width = canvas.clientWidth; height = canvas.clientHeight;
    canvas.width = Math.max(Math.round(width * ratio), 1);
    canvas.height = Math.max(Math.round(height * ratio), 1);
    context.ratio = ratio;
    draw(now);
  };
  new ResizeObserver(resize).observe(canvas);

  const toScreen = () => {
    const { ratio } = context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.translate(width / 2, eye.follow ? height * (eye.headingUp ? 0.68 : 0.5) : height / 2);
    context.rotate(-eye.turn);
    context.scale(eye.scale, eye.scale);
    context.translate(-eye.x, -eye.y);
  };
  const pixels = (count) => count / eye.scale;

  const stroke = (path, colour, lineWidth, dash = []) => {
    context.strokeStyle = colour; context.lineWidth = lineWidth; context.setLineDash(dash);
    context.stroke(path);
    context.setLineDash([]);
  };

  const box = (at, half, fill, outline) => {
    const [length, wide] = [Math.max(half[0], 0.25), Math.max(half[1], 0.25)];
    context.save();
    context.translate(at.x, at.y); context.rotate(at.yaw);
    context.beginPath();
    context.roundRect(-length, -wide, 2 * length, 2 * wide, Math.min(0.45, wide / 2));
    if (fill) { context.fillStyle = fill; context.fill(); }
    if (outline) { context.strokeStyle = outline; context.lineWidth = Math.max(pixels(1.2), 0.08); context.stroke(); }
    if (fill && wide > 0.5) { // a windscreen shows where the front is
      context.fillStyle = colours.surface; context.globalAlpha *= 0.55;
      context.beginPath();
      context.moveTo(0.62 * length, -0.72 * wide); context.lineTo(0.62 * length, 0.72 * wide);
      context.lineTo(0.25 * length, 0.8 * wide); context.lineTo(0.25 * length, -0.8 * wide);
      context.fill();
    }
    context.restore();
  };

  const drawRoads = () => {
    const { roads } = drive;
    context.fillStyle = colours.road;
    context.fill(roads.surface, "nonzero");
    stroke(roads.surface, colours.road, 0.25); // closes the hairlines between neighbouring lanes
    const fine = Math.max(0.15, pixels(1));
    stroke(roads.edge, colours["road-line"], fine);
    if (eye.scale > 1.5) {
      stroke(roads.lane, colours["road-line"], fine, [2, 3]);
      stroke(roads.center, colours["center-line"], fine);
    }
  };

  const drawSigns = (t) => {
    const shown = [colours.red, colours.yellow, colours.green];
    context.lineCap = "butt";
    drive.data.lights.forEach((light, number) => {
      const colour = shown[drive.light(number, t)] || colours.muted;
      for (const [x, y, yawDeg, lane] of light.lines) {
        const yaw = yawDeg * Math.PI / 180;
        const [dx, dy] = [-Math.sin(yaw) * lane / 2, Math.cos(yaw) * lane / 2];
        const path = new Path2D();
        path.moveTo(x - dx, y - dy); path.lineTo(x + dx, y + dy);
        stroke(path, colour, Math.max(0.6, pixels(2.5)));
      }
    });
    for (const [x, y, cx, cy, hx, hy] of drive.data.signs) {
      context.strokeStyle = colours.red; context.globalAlpha = 0.5; context.lineWidth = pixels(1); context.setLineDash([0.6, 0.6]);
      context.strokeRect(cx - hx, cy - hy, 2 * hx, 2 * hy);
      context.globalAlpha = 1; context.setLineDash([]);
      const radius = Math.max(0.9, pixels(5));
      context.beginPath();
      for (let i = 0; i < 8; i++) context.lineTo(x + radius * Math.cos((i + 0.5) * Math.PI / 4), y + radius * Math.sin((i + 0.5) * Math.PI / 4));
      context.closePath(); context.fillStyle = colours.red; context.fill();
    }
  };

  const drawPlan = (points, ego) => {
    if (!points) return;
    const path = new Path2D();
    points.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    context.lineJoin = context.lineCap = "round";
    context.globalAlpha = 0.35; stroke(path, colours.plan, Math.max(1.1, pixels(4)));
    context.globalAlpha = 1; context.fillStyle = colours.plan;
    for (const [x, y] of points) { context.beginPath(); context.arc(x, y, Math.max(0.28, pixels(2)), 0, 7); context.fill(); }
  };

  const drawTrail = (t) => {
    const { data } = drive;
    const last = drive.tickOf(t);
    const path = new Path2D();
    path.moveTo(data.ego_x[0], data.ego_y[0]);
    for (let i = 1; i <= last; i++) path.lineTo(data.ego_x[i], data.ego_y[i]);
    context.globalAlpha = 0.6; stroke(path, colours.ego, Math.max(0.3, pixels(1.5))); context.globalAlpha = 1;
  };

  const drawEvents = (t) => {
    for (const event of drive.facts.events) {
      if (!event.bad) continue;
      const { x, y } = drive.placeOf(event);
      const size = pixels(event === hot ? 10 : 7);
      context.globalAlpha = t >= event.t - 0.001 ? 1 : 0.4;
      context.beginPath(); context.arc(x, y, size, 0, 7);
      context.fillStyle = colours.surface; context.fill();
      context.strokeStyle = colours.fail; context.lineWidth = pixels(2.5); context.stroke();
      context.beginPath(); context.arc(x, y, pixels(2.5), 0, 7); context.fillStyle = colours.fail; context.fill();
      context.globalAlpha = 1;
    }
  };

  const draw = (t) => {
    now = t;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colours.grass;
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!drive) return;
    const ego = drive.ego(t);
    if (eye.follow) { eye.x = ego.x; eye.y = ego.y; }
    eye.turn = eye.headingUp ? ego.yaw + Math.PI / 2 : 0;
    toScreen();
    drawRoads();
    context.globalAlpha = 0.75; context.lineJoin = "round";
    stroke(drive.route, colours.route, Math.max(0.7, pixels(2)));
    context.globalAlpha = 1;
    drawSigns(t);
    drawTrail(t);
    drawPlan(drive.plan(t), ego);
    const ghost = drive.ghost(t);
    if (ghost) { context.globalAlpha = 0.55; box(ghost, drive.data.ego_half, colours.ghost, null); context.globalAlpha = 1; box(ghost, drive.data.ego_half, null, colours.ghost); }
    for (const other of drive.others(t)) {
      const [kind, length, wide] = other.actor;
      box(other, [length, wide], kind === "walker" ? colours.walker : colours.vehicle, colours.surface);
    }
    box(ego, drive.data.ego_half.map((half) => Math.max(half, pixels(3))), colours.ego, colours.surface);
    drawEvents(t);
    drawScale();
  };

  const drawScale = () => {
    const metres = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => one * eye.scale > 50) || 500;
    const { ratio } = context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [x, y, long] = [14, height - 14, metres * eye.scale];
    context.strokeStyle = context.fillStyle = colours.muted; context.lineWidth = 1.5; context.lineCap = "butt";
    context.beginPath(); context.moveTo(x, y - 5); context.lineTo(x, y); context.lineTo(x + long, y); context.lineTo(x + long, y - 5); context.stroke();
    context.font = "11px system-ui, sans-serif"; context.fillText(`${metres} m`, x + long + 6, y);
  };

  const unfollow = () => { if (eye.follow) { eye.follow = false; onChange(eye); } };
  const zoom = (factor) => { eye.scale = Math.min(Math.max(eye.scale * factor, 0.3), 60); draw(now); };

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)));
  }, { passive: false });
  const pointers = new Map();
  canvas.addEventListener("pointerdown", (event) => { pointers.set(event.pointerId, event); canvas.setPointerCapture(event.pointerId); });
  const lift = (event) => pointers.delete(event.pointerId);
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (pointers.size === 2) {
      const other = [...pointers.values()].find((one) => one.pointerId !== event.pointerId);
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      zoom(apart(event) / apart(before));
    } else {
      const [dx, dy] = [(event.clientX - before.clientX) / eye.scale, (event.clientY - before.clientY) / eye.scale];
      if (Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < 1) return;
      unfollow();
      const [c, s] = [Math.cos(eye.turn), Math.sin(eye.turn)];
      eye.x -= c * dx - s * dy; eye.y -= s * dx + c * dy;
      draw(now);
    }
    pointers.set(event.pointerId, event);
  });

  return {
    draw, zoom, eye,
    show: (next) => { drive = next; eye.scale = Math.max(Math.min(width / 90, 9), 4); hot = null; },
    set: (changes) => { Object.assign(eye, changes); draw(now); onChange(eye); },
    highlight: (event) => { hot = event; draw(now); },
    fit: () => {
      if (!drive) return;
      const { x0, x1, y0, y1 } = drive.bounds();
      Object.assign(eye, { follow: false, headingUp: false, turn: 0, x: (x0 + x1) / 2, y: (y0 + y1) / 2 });
      eye.scale = Math.min(width / (x1 - x0 + 30), height / (y1 - y0 + 30));
      onChange(eye); draw(now);
    },
  };
};
