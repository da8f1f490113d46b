"use strict";
// Speed, acceleration and jerk over time, as SVG, with one cursor. A click or a drag jumps there.

const makeCharts = (root, seek) => {
  const NS = "http://www.w3.org/2000/svg";
  const HEIGHT = 92, LEFT = 38, RIGHT = 8, TOP = 6, BOTTOM = 16;
  let charts = [], drive = null, now = 0, builtWidth = 0;

  const make = (name, attributes, parent, text) => {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };
  const niceStep = (span, count) => {
    const rough = span / count, power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  };
  const number = (value) => (Math.abs(value) < 1e-9 ? "0" : Number(value.toFixed(1)).toString().replace("-", "−"));

  const reading = (value) => (value === undefined ? "–" : (Math.abs(value) < 0.05 ? 0 : value).toFixed(1).replace("-", "−"));

  const series = ({ data }) => {
    const ghost = (name) => (data.ghost ? data[`ghost_${name}`] : []);
    return [
      { title: "Speed", unit: "m/s", floor: 0, bounds: [], lines: [
        { name: "limit", css: "c-limit", values: data.limit.map((kmh) => kmh / 3.6), dt: data.dt, step: true },
        { name: "baseline", css: "c-ghost", values: ghost("speed"), dt: data.dt },
        { name: "ego", css: "c-ego", values: data.ego_speed, dt: data.dt }] },
      { title: "Acceleration", unit: "m/s²", bounds: [-4.05, 2.4], lines: [
        { name: "baseline", css: "c-ghost", values: ghost("lon_acc"), dt: data.motion_dt },
        { name: "lateral", css: "c-second", values: data.ego_lat_acc, dt: data.motion_dt },
        { name: "forward", css: "c-ego", values: data.ego_lon_acc, dt: data.motion_dt }] },
      { title: "Jerk, forward", unit: "m/s³", bounds: [-4.13, 4.13], lines: [
        { name: "baseline", css: "c-ghost", values: ghost("jerk"), dt: data.motion_dt },
        { name: "ego", css: "c-ego", values: data.ego_jerk, dt: data.motion_dt }] },
    ];
  };

  const build = () => {
    root.replaceChildren();
    charts = [];
    builtWidth = root.clientWidth;
    if (!drive) return;
    const style = getComputedStyle(root);
    const width = Math.max(root.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight), 200);
    for (const chart of series(drive)) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const title = document.createElement("b");
      title.textContent = `${chart.title} `;
      const unit = document.createElement("small");
      unit.textContent = chart.unit;
      caption.append(title, unit);
      const lines = chart.lines.filter((line) => line.values.length);
      for (const line of [...lines].reverse()) {
        const label = document.createElement("span");
        label.className = line.css;
        line.label = label;
        caption.append(label);
      }
      figure.append(caption);
      figure.append(draw(chart, lines, width, figure));
      root.append(figure);
    }
    move(now);
  };

  const draw = (chart, lines, width) => {
    const svg = make("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, "aria-hidden": "true" });
    const drawn = lines.filter((line) => line.name !== "limit");
    let low = Math.min(...chart.bounds, chart.floor ?? -1), high = Math.max(...chart.bounds, 1);
    for (const { values } of drawn) for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
    for (const { name, values } of lines) if (name === "limit") for (const value of values) high = Math.max(high, Math.min(value * 1.05, 3 * high));
    const x = (t) => LEFT + (width - LEFT - RIGHT) * (drive.duration ? t / drive.duration : 0);
    const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low);
    const step = niceStep(high - low, 4);
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      make("line", { class: Math.abs(value) < 1e-9 ? "c-zero" : "c-grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }, svg);
      make("text", { class: "c-tick", x: LEFT - 6, y: y(value) + 3.5, "text-anchor": "end" }, svg, number(value));
    }
    const tStep = niceStep(drive.duration || 1, Math.max(width / 110, 2));
    for (let t = 0; t <= drive.duration; t += tStep) make("text", { class: "c-tick", x: x(t), y: HEIGHT - 3, "text-anchor": "middle" }, svg, `${number(t)} s`);
    for (const value of chart.bounds) make("line", { class: "c-bound", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }, svg);
    for (const event of drive.facts.events) if (event.bad) make("line", { class: "c-event", x1: x(event.t), x2: x(event.t), y1: TOP, y2: HEIGHT - BOTTOM }, svg);
    for (const line of lines) {
      let path = "", last = null;
      const stride = Math.max(Math.floor(line.values.length / (2 * width)), 1);
      for (let i = 0; i < line.values.length; i += stride) {
        const [px, py] = [x(Math.min(i * line.dt, drive.duration)).toFixed(1), y(Math.min(line.values[i], high)).toFixed(1)];
        if (i * line.dt > drive.duration) break;
        path += line.step && last !== null ? `H${px}V${py}` : `${i ? "L" : "M"}${px} ${py}`;
        last = py;
      }
      make("path", { class: `c-line ${line.css}`, d: path }, svg);
    }
    const cursor = make("line", { class: "c-cursor", y1: TOP, y2: HEIGHT - BOTTOM }, svg);
    const jump = (event) => {
      const box = svg.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width * width - LEFT) / (width - LEFT - RIGHT);
      seek(Math.min(Math.max(share, 0), 1) * drive.duration);
    };
    svg.addEventListener("pointerdown", (event) => { svg.setPointerCapture(event.pointerId); jump(event); });
    svg.addEventListener("pointermove", (event) => { if (event.buttons) jump(event); });
    charts.push({ cursor, x, lines });
    return svg;
  };

  const move = (t) => {
    now = t;
    for (const { cursor, x, lines } of charts) {
      cursor.setAttribute("x1", x(t)); cursor.setAttribute("x2", x(t));
      for (const { label, name, values, dt } of lines) {
        const value = values[Math.round(t / dt)];
        label.textContent = `${name} ${reading(value)}`;
      }
    }
  };

  new ResizeObserver(() => { if (drive && root.clientWidth !== builtWidth) build(); }).observe(root);
  return { show: (next) => { drive = next; build(); }, move };
};
