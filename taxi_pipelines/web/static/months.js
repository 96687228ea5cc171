// The calendars: a click opens a month beside them, a drag (or Shift with arrow keys, or a long touch) chooses several to load.
import { api, relisten, swap, toast } from "./app.js";

const root = document.querySelector(".months");
const panel = document.getElementById("m-panel");
const overview = document.getElementById("m-overview");
const tip = document.getElementById("m-tip");
const bar = document.getElementById("m-chosen");
const mayLoad = "may" in root.dataset;

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const LONG_TOUCH = 350;

const cellAt = (target) => target?.closest?.(".calendar td a");
const monthOf = (cell) => cell.pathname.split("/")[3];
const typeOf = (cell) => cell.pathname.split("/")[2];
const state = (cell) => cell.classList[0];

/** A type's cells in order of their months. */
function cellsOf(type) {
  const cells = [...root.querySelectorAll(`tbody[data-type="${type}"] a`)];
  return cells.sort((one, other) => (one.pathname < other.pathname ? -1 : 1));
}

function monthName(month) {
  const [year, number] = month.split("-");
  return `${MONTHS[number - 1]} ${year}`;
}

// ---------------------------------------------------------------- one month, beside the calendars

function isMonth(path) {
  return /^\/months\/[a-z]+\/[^/]+$/.test(path);
}

function markOpen() {
  for (const cell of root.querySelectorAll("td a[aria-current]")) cell.removeAttribute("aria-current");
  if (isMonth(location.pathname)) root.querySelector(`td a[href="${location.pathname}"]`)?.setAttribute("aria-current", "true");
}

async function show() {
  const path = location.pathname;
  const opens = isMonth(path);
  if (opens) {
    let html;
    try {
      html = await api("GET", path, null, { "HX-Request": "true", "HX-Target": "m-panel" });
    } catch (error) {
      toast(error.message, "fail");
      history.replaceState(null, "", `/${location.search}`);
      return show();
    }
    if (location.pathname !== path) return;
    panel.replaceChildren();
    swap("m-panel", html);
    panel.dataset.live = `${path}/live`;
  } else delete panel.dataset.live;
  panel.hidden = !opens;
  overview.hidden = opens;
  markOpen();
  relisten();
}

function go(path) {
  const url = path + location.search;
  if (url === location.pathname + location.search) return;
  history.pushState(null, "", url);
  document.title = isMonth(path) ? `${monthName(path.split("/")[3])}, ${path.split("/")[2]} · taxi` : "Months · taxi";
  show();
}

addEventListener("popstate", show);

root.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.button) return;
  const link = event.target.closest("a");
  if (!link) return;
  if ("shuts" in link.dataset) {
    event.preventDefault();
    shut();
  } else if (isMonth(link.pathname)) {
    event.preventDefault();
    const cell = cellAt(link);
    if (cell && event.shiftKey) return choose(anchor ?? document.activeElement, cell);
    if (cell && dragged) return;
    clear();
    if (cell) anchor = cell;
    go(link.pathname);
  }
});

function shut() {
  const cell = root.querySelector("td a[aria-current]");
  go("/");
  cell?.focus();
}

// ---------------------------------------------------------------- several months

let anchor = null; // where a range began
let range = []; // the cells chosen
let dragged = false; // whether the pointer has left the cell it was pressed on

/** Chooses all months of a type from one to another, in either order. */
function choose(from, to) {
  if (!mayLoad || !cellAt(from) || typeOf(from) !== typeOf(to)) return;
  anchor = from;
  const cells = cellsOf(typeOf(from));
  const [first, last] = [cells.findIndex((cell) => cell.pathname === from.pathname), cells.indexOf(to)].sort((one, other) => one - other);
  range = cells.slice(first, last + 1);
  markRange();
  tellRange();
}

function clear() {
  range = [];
  markRange();
  bar.hidden = true;
}

function markRange() {
  for (const cell of root.querySelectorAll("td a.sel")) cell.classList.remove("sel");
  for (const cell of range) cell.classList.add("sel");
}

const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  let power = 0;
  for (; bytes >= 999.5 && power < 3; power += 1) bytes /= 1000;
  return `${power && bytes < 99.5 ? bytes.toFixed(1) : Math.round(bytes)} ${units[power]}`;
}

/** What loading the range would do, and the button that does it. */
function tellRange() {
  const wanted = range.filter((cell) => "cfou".includes(state(cell)));
  const of = (states) => range.filter((cell) => states.includes(state(cell))).length;
  const bytes = wanted.reduce((sum, cell) => sum + Number(cell.dataset.b ?? 0), 0);
  const parts = [
    [wanted.length, `${wanted.length} to load${bytes ? ` (${size(bytes)})` : ""}`],
    [of("l"), `${of("l")} unchanged`],
    [of("rw"), `${of("rw")} being loaded`],
    [of("a"), `${of("a")} not published`],
  ];
  const months = range.map(monthOf).sort();
  const text = document.createElement("p");
  text.innerHTML = "<b></b> ";
  text.firstChild.textContent = `${typeOf(range[0])}, ${monthName(months[0])} to ${monthName(months.at(-1))}:`;
  text.append(parts.filter(([number]) => number).map(([, said]) => said).join(", "));
  bar.replaceChildren(text);
  if (wanted.length) bar.append(button(`Load ${count(wanted.length, "month")}`, "primary", () => load(wanted)));
  bar.append(button("Cancel", "ghost", clear));
  bar.hidden = false;
}

function button(text, kind, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

async function load(cells) {
  const type = typeOf(cells[0]);
  clear();
  try {
    const begun = await api("POST", `/api/v1/months/${type}/load`, { months: cells.map(monthOf) });
    toast(`${count(begun.length, "month")} of ${type} will be loaded`);
  } catch (error) {
    toast(error.message, "fail");
  }
}

// ---------------------------------------------------------------- the pointer

let pressed = null; // the cell under the pointer when it went down
let touching = 0; // a timer: a touch that stays begins a range, one that moves scrolls

root.addEventListener("pointerdown", (event) => {
  const cell = cellAt(event.target);
  dragged = false;
  if (!cell || event.button || event.shiftKey || !mayLoad) return;
  if (event.pointerType === "mouse") pressed = cell;
  else touching = setTimeout(() => ((pressed = cell), (dragged = true), choose(cell, cell)), LONG_TOUCH);
});

addEventListener("pointermove", (event) => {
  if (!pressed) return;
  const cell = cellAt(document.elementFromPoint(event.clientX, event.clientY));
  if (!cell || typeOf(cell) !== typeOf(pressed)) return;
  if (cell !== pressed) dragged = true;
  if (dragged) choose(pressed, cell);
});

for (const name of ["pointerup", "pointercancel"]) {
  addEventListener(name, () => {
    clearTimeout(touching);
    pressed = null;
  });
}

root.addEventListener("touchmove", (event) => (pressed ? event.preventDefault() : clearTimeout(touching)), { passive: false });
root.addEventListener("contextmenu", (event) => pressed && event.preventDefault());
root.addEventListener("dragstart", (event) => cellAt(event.target) && event.preventDefault());

// ---------------------------------------------------------------- the keyboard

function neighbour(cell, key) {
  const cells = cellsOf(typeOf(cell));
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 12, ArrowDown: -12 }[key];
  const [year, month] = monthOf(cell).split("-").map(Number);
  const index = year * 12 + month - 1 + step;
  const path = `/months/${typeOf(cell)}/${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, "0")}`;
  return cells.find((other) => other.pathname === path);
}

root.addEventListener("keydown", (event) => {
  const cell = cellAt(event.target);
  if (!cell || !cell.closest("[data-type]") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key.startsWith("Arrow")) {
    event.preventDefault();
    const next = neighbour(cell, event.key);
    if (!next) return;
    if (event.shiftKey) choose(range.length ? anchor : cell, next);
    else clear();
    focusOn(next);
  } else if (event.key === "Enter" && range.length > 1) {
    event.preventDefault();
    bar.querySelector("button")?.focus();
  }
});

/** The cell that the Tab key comes back to. */
function focusOn(cell) {
  for (const other of cell.closest("tbody").querySelectorAll("a:not([tabindex])")) other.tabIndex = -1;
  cell.removeAttribute("tabindex");
  cell.focus();
}

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (!bar.hidden) {
    clear();
    anchor?.focus();
  } else if (!panel.hidden) shut();
});

// ---------------------------------------------------------------- what a cell says, and logs

function tell(cell) {
  tip.textContent = cell.getAttribute("aria-label");
  tip.hidden = false;
  const place = cell.getBoundingClientRect();
  const left = Math.min(Math.max(place.left + place.width / 2 - tip.offsetWidth / 2, 8), innerWidth - tip.offsetWidth - 8);
  const above = place.top - tip.offsetHeight - 6;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 50 ? above : place.bottom + 6}px`;
}

for (const name of ["pointerover", "focusin"]) {
  root.addEventListener(name, (event) => {
    const cell = cellAt(event.target);
    if (cell && event.pointerType !== "touch") tell(cell);
    else tip.hidden = true;
  });
}
root.addEventListener("pointerleave", () => (tip.hidden = true));
addEventListener("scroll", () => (tip.hidden = true), { passive: true });

root.addEventListener(
  "toggle",
  async (event) => {
    const { log } = event.target.dataset;
    if (!log || !event.target.open) return;
    const place = event.target.querySelector(".log");
    try {
      place.innerHTML = await api("GET", log, null, { "HX-Request": "true" });
    } catch (error) {
      place.textContent = error.message;
    }
    const here = place.querySelector("[data-here]");
    place.scrollTop = here ? here.offsetTop - place.offsetTop : place.scrollHeight;
  },
  true,
);

const first = document.getElementById("m-first");

first.addEventListener("click", ({ target }) => {
  if (target.closest("[data-call]")) first.dataset.opens = target.closest("[data-month]").dataset.month;
});

document.addEventListener("taxi:called", ({ detail }) => {
  if (!detail.url.endsWith("/verify")) return;
  const { ok, rows_target: rows, unproven, differing_rows: differing } = detail.answer;
  if (ok) toast(`Proven: all ${count(rows, "row")} are those of the file`);
  else toast(unproven ?? `${count(differing, "row")} differ from the file`, "fail");
});

document.addEventListener("taxi:part", ({ detail }) => {
  if (detail.element === first && first.dataset.opens && !first.querySelector(".first")) {
    if (panel.hidden) go(first.dataset.opens); // the month that was begun with is loaded: this is it
    delete first.dataset.opens;
  }
  if (detail.element.tagName !== "TR") return;
  markOpen();
  const chosen = range.map((cell) => cell.pathname);
  range = range.length ? cellsOf(typeOf(range[0])).filter((cell) => chosen.includes(cell.pathname)) : range;
  markRange();
});

markOpen();
