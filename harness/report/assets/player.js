"use strict";
// The player: which episode, which moment, playing or not; everything else shows what it says.

(() => {
  const root = $("player");
  if (!root) return;
  const { episodes, order } = JSON.parse($("index").textContent);
  const playable = order.filter((number) => episodes[number].blob);
  const state = { number: null, drive: null, t: 0, playing: false, last: 0, pictures: [], picture: -1 };

  const view = makeView($("scene"), (eye) => { $("follow").checked = eye.follow; $("heading-up").checked = eye.headingUp; });
  const charts = makeCharts($("charts"), (t) => { seek(t); });
  const scrub = $("scrub");

  const clock = (t) => `${t.toFixed(1)} / ${state.drive.duration.toFixed(1)} s`;

  const show = () => {
    const { drive, t } = state;
    if (!drive) return;
    view.draw(t);
    charts.move(t);
    scrub.value = String(t);
    scrub.setAttribute("aria-valuetext", `${t.toFixed(1)} seconds`);
    $("clock").textContent = clock(t);
    const { data } = drive;
    const tick = drive.tickOf(t);
    $("hud-speed").textContent = `${(data.ego_speed[tick] * 3.6).toFixed(0)} km/h`;
    $("hud-limit").textContent = data.limit[tick] > 0 ? `limit ${data.limit[tick].toFixed(0)}` : "";
    const pedal = data.brake[tick] > 0.01 ? `brake ${(100 * data.brake[tick]).toFixed(0)} %` : `throttle ${(100 * data.throttle[tick]).toFixed(0)} %`;
    $("hud-pedals").textContent = pedal;
    showPicture(t);
    let current = null;
    for (const item of $("events").children) {
      const past = Number(item.dataset.t) <= t + 1e-3;
      item.classList.toggle("past", past);
      if (past) current = item;
    }
    for (const item of $("events").children) item.classList.toggle("now", item === current && t - Number(item.dataset.t) < 1.5);
  };

  const showPicture = (t) => {
    const { pictures } = state;
    let index = -1;
    while (index + 1 < pictures.length && pictures[index + 1][0] <= t + 1e-3) index++;
    if (index === state.picture) return;
    state.picture = index;
    $("camera").hidden = index < 0;
    if (index >= 0) $("camera").src = `data:image/jpeg;base64,${pictures[index][1]}`;
  };

  const picturesOf = (number) => $(`camera-${number}`).textContent.trim().split("\n").map((line) => {
    const [t, jpeg] = line.split(" ");
    return [Number(t), jpeg];
  });

  const seek = (t) => {
    if (!state.drive) return;
    state.t = Math.min(Math.max(t, 0), state.drive.duration);
    show();
  };

  const setPlaying = (playing) => {
    if (playing && state.drive && state.t >= state.drive.duration - 1e-6) state.t = 0;
    state.playing = playing && Boolean(state.drive);
    $("play").textContent = state.playing ? "❚❚" : "▶";
    $("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
    state.last = performance.now();
    if (state.playing) requestAnimationFrame(frame);
  };

  const frame = (stamp) => {
    if (!state.playing) return;
    const passed = Math.min(Math.max(stamp - state.last, 0), 250) / 1000;
    state.last = stamp;
    seek(state.t + passed * Number($("speed").value));
    if (state.t >= state.drive.duration) setPlaying(false);
    else requestAnimationFrame(frame);
  };

  const listEvents = (facts, drive) => {
    const items = facts.events.map((event) => {
      const item = document.createElement("li");
      item.dataset.t = event.t;
      item.className = event.bad ? "bad" : "good";
      const button = document.createElement("button");
      button.type = "button";
      const time = document.createElement("time");
      time.textContent = `${event.t.toFixed(1)} s`;
      const label = document.createElement("b");
      label.textContent = event.label;
      button.append(time, label);
      if (event.details) {
        const details = document.createElement("small");
        details.textContent = event.details;
        button.append(details);
      }
      button.addEventListener("click", () => {
        setPlaying(false);
        view.set({ follow: true });
        seek(event.t);
        view.highlight(event);
      });
      item.append(button);
      return item;
    });
    if (!items.length) {
      const item = document.createElement("li");
      item.className = "nothing";
      item.textContent = facts.reason || "Nothing was noted.";
      items.push(item);
    }
    $("events").replaceChildren(...items);
    const marks = facts.events.filter((event) => event.bad).map((event) => {
      const mark = document.createElement("span");
      mark.style.left = `${100 * event.t / (drive.duration || 1)}%`;
      mark.title = `${event.t.toFixed(1)} s: ${event.label}`;
      return mark;
    });
    $("marks").replaceChildren(...marks);
  };

  const open = async (number, t = 0) => {
    const facts = episodes[number];
    if (!facts || !facts.blob) return;
    setPlaying(false);
    state.number = number;
    $("loading").hidden = false;
    $("loading").textContent = "Unpacking…";
    $("episode-choice").value = String(number);
    episodeTable.mark(number);
    const [data, map] = await Promise.all([unpack(`episode-${number}`), facts.map === null ? null : unpack(`map-${facts.map}`)]);
    if (state.number !== number) return; // another one was chosen meanwhile
    const drive = makeDrive(data, map, facts);
    Object.assign(state, { drive, t, picture: -1, pictures: facts.camera ? picturesOf(number) : [] });
    $("camera").hidden = true;
    root.classList.toggle("with-ghost", Boolean(data.ghost));
    root.classList.toggle("with-plan", drive.hasPlans);
    $("copy-command").dataset.copy = facts.reproduce;
    $("copy-command").hidden = !facts.reproduce;
    scrub.max = String(drive.duration);
    listEvents(facts, drive);
    view.show(drive);
    charts.show(drive);
    $("loading").hidden = true;
    seek(t);
    root.dataset.ready = String(number);
  };
  const load = (number, t) => open(number, t).catch((error) => {
    $("loading").hidden = false;
    $("loading").textContent = `This replay cannot be read (${error.message}). A browser of 2023 or later is needed.`;
  });

  const browse = (by) => load(playable[(playable.indexOf(state.number) + by + playable.length) % playable.length]);
  const step = (ticks) => { setPlaying(false); seek((Math.round(state.t / state.drive.data.dt) + ticks) * state.drive.data.dt); };
  const nextEvent = () => {
    const events = episodes[state.number].events.filter((event) => event.bad);
    if (!events.length) return;
    seek((events.find((event) => event.t > state.t + 0.05) || events[0]).t);
  };

  $("play").addEventListener("click", () => setPlaying(!state.playing));
  $("step").addEventListener("click", () => step(1));
  $("step-back").addEventListener("click", () => step(-1));
  $("previous").addEventListener("click", () => browse(-1));
  $("next").addEventListener("click", () => browse(1));
  $("zoom-in").addEventListener("click", () => view.zoom(1.3));
  $("zoom-out").addEventListener("click", () => view.zoom(1 / 1.3));
  $("fit").addEventListener("click", () => view.fit());
  $("follow").addEventListener("change", (event) => view.set({ follow: event.target.checked }));
  $("heading-up").addEventListener("change", (event) => view.set({ headingUp: event.target.checked, follow: event.target.checked || view.eye.follow }));
  $("episode-choice").addEventListener("change", (event) => load(Number(event.target.value)));
  scrub.addEventListener("input", () => { setPlaying(false); seek(Number(scrub.value)); });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest(".play-episode, .open");
    if (!opener) return;
    const number = Number(opener.closest("[data-episode]").dataset.episode);
    if (!episodes[number].blob) return;
    event.preventDefault();
    $("replay").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    load(number).then(() => { if (opener.classList.contains("play-episode")) setPlaying(true); });
  });

  // Keys work while the player is in sight, so that the rest of the page scrolls as usual.
  let inSight = false;
  new IntersectionObserver(([entry]) => { inSight = entry.isIntersecting; }, { threshold: 0.3 }).observe($("view"));
  const keys = {
    " ": () => setPlaying(!state.playing),
    ArrowLeft: (event) => (event.shiftKey ? seek(state.t - 1) : step(-1)),
    ArrowRight: (event) => (event.shiftKey ? seek(state.t + 1) : step(1)),
    ArrowUp: () => browse(-1),
    ArrowDown: () => browse(1),
    "+": () => view.zoom(1.3), "=": () => view.zoom(1.3), "-": () => view.zoom(1 / 1.3),
    f: () => view.set({ follow: !view.eye.follow }),
    h: () => view.set({ headingUp: !view.eye.headingUp, follow: true }),
    n: nextEvent,
    Home: () => seek(0), End: () => seek(state.drive.duration),
  };
  document.addEventListener("keydown", (event) => {
    const within = root.contains(event.target) || event.target === document.body;
    if (!inSight || !state.drive || !within || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea") && event.target !== scrub) return;
    if (event.key === " " && event.target.closest("button, a")) return;
    const action = keys[event.key] || keys[event.key.toLowerCase()];
    if (!action) return;
    // Up and down change the episode on the canvas only; elsewhere they scroll.
    if (/^Arrow(Up|Down)$|^Home$|^End$/.test(event.key) && event.target !== $("scene")) return;
    event.preventDefault();
    action(event);
  });

  if (playable.length) load(playable[0]);
})();
