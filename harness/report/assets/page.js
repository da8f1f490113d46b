"use strict";
// The page around the replay: theme, sorting, filters, copying. No network, no storage.

const $ = (id) => document.getElementById(id);

const theme = (() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const listeners = [];
  let chosen = null;
  const apply = () => {
    document.documentElement.dataset.theme = chosen || (system.matches ? "dark" : "light");
    listeners.forEach((listener) => listener());
  };
  system.addEventListener("change", apply);
  $("theme").addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    apply();
  });
  apply();
  return { onChange: (listener) => listeners.push(listener) };
})();

const announce = (button, text) => {
  const before = button.textContent;
  button.textContent = text;
  setTimeout(() => { button.textContent = before; }, 1400);
};

const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch (refused) { // pages opened from a file may not have a clipboard
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest(".copy");
  if (button && button.dataset.copy) copyText(button.dataset.copy).then(() => announce(button, "Copied"));
});

const episodeTable = (() => {
  const table = $("episode-table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  let filter = "all";

  const matches = (row, words) => {
    const fits = filter === "all" || (filter === "changed" ? row.dataset.changed === "1" : row.dataset.outcome === filter);
    return fits && words.every((word) => row.textContent.toLowerCase().includes(word));
  };
  const refresh = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !matches(row, words);
      shown += row.hidden ? 0 : 1;
    }
    document.querySelector(".none-left").hidden = shown > 0;
  };
  document.querySelectorAll(".filter").forEach((button) => button.addEventListener("click", () => {
    filter = button.dataset.filter;
    document.querySelectorAll(".filter").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
    refresh();
  }));
  $("search").addEventListener("input", refresh);

  const compare = (a, b) => {
    if (a === b) return 0;
    if (a === "") return 1; // missing values go last, whatever the direction
    if (b === "") return -1;
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b, "en", { numeric: true }) : x - y;
  };
  const sortBy = (head) => {
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[column].dataset.key;
    rows.sort((a, b) => {
      const order = compare(key(a), key(b));
      return down && key(a) !== "" && key(b) !== "" ? -order : order;
    });
    body.append(...rows);
  };
  table.querySelectorAll("th[aria-sort] button").forEach((button) => button.addEventListener("click", () => sortBy(button.parentElement)));

  return {
    mark: (number) => rows.forEach((row) => row.classList.toggle("current", Number(row.dataset.episode) === number)),
  };
})();
