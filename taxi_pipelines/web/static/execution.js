// The page of an execution: what grows while it runs, rows that open, the log's tail, expressions, the forms of its dialogs.

import { api, relisten, swap, toast } from "./app.js";

const page = () => document.getElementById("exec");
const skew = Number(page().dataset.now) - Date.now() / 1000; // the server's clock against ours
const now = () => Date.now() / 1000 + skew;

// ---------------------------------------------------------------- what grows

/** As web/words.py writes durations. */
function duration(seconds) {
  if (seconds < 1) return `${Math.max(seconds * 1000, 0).toFixed(0)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const rest = Math.round(seconds);
  const parts = [[Math.floor(rest / 86400), "d"], [Math.floor(rest / 3600) % 24, "h"], [Math.floor(rest / 60) % 60, "min"], [rest % 60, "s"]];
  return parts.filter(([count]) => count).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

function grow() {
  for (const element of document.querySelectorAll("[data-since]")) {
    const text = duration(now() - Number(element.dataset.since));
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Number(element.dataset.until) - now();
    element.textContent = left > 0 ? `in ${duration(left)}` : "at once";
  }
  const chart = document.getElementById("exec-chart");
  const axis = chart?.querySelector("[data-axis]");
  if (!axis) return;
  const span = "grows" in axis.dataset ? Math.max(now() - Number(axis.dataset.begin) - Number(axis.dataset.leftOut), 0.001) : Number(axis.dataset.span);
  chart.style.setProperty("--now", span);
  chart.style.setProperty("--span", span);
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
let grewAt = 0;

function tick(at) {
  if (at - grewAt > (calm.matches ? 1000 : 100)) {
    grewAt = at;
    grow();
  }
  requestAnimationFrame(tick);
}
requestAnimationFrame(tick);

// ---------------------------------------------------------------- live: lively while it goes on, quiet afterwards

const stateNow = () => page().querySelector("[data-state]").dataset.state;
let stateBefore = stateNow();

function followAsItIs() {
  const root = page();
  const hasEnded = root.querySelector("[data-ended]") !== null;
  const url = root.dataset.liveOn + (hasEnded ? "&quiet=true" : "");
  if (root.dataset.live !== url) {
    root.dataset.live = url;
    relisten();
  }
  if (!hasEnded || stateBefore !== stateNow()) startTail(); // it may have begun and ended again between two looks
  stateBefore = stateNow();
}

document.addEventListener("taxi:part", ({ detail }) => {
  if (detail.id === "exec-state") {
    document.title = document.title.replace(/, [^,]*( · taxi)$/, `, ${detail.element.querySelector(".state").textContent.trim()}$1`);
    followAsItIs();
  }
  if (detail.id === "exec-chart") {
    grow();
    for (const row of openRows()) if (row.dataset.version !== row.dataset.shown) load(row);
  }
  if (detail.id === "exec-states") showStates();
});

// ---------------------------------------------------------------- rows of the chart that open

const openRows = () => document.querySelectorAll("details.exec-run[open]");

async function load(row) {
  row.dataset.shown = row.dataset.version;
  await loadRun(row.dataset.run, row.querySelector(".exec-detail"));
}

async function loadRun(run, element) {
  try {
    const before = element.querySelector(".exec-log");
    const wasAtEnd = before && isAtEnd(before);
    swap(element.id, await api("GET", `/executions/${page().dataset.execution}/runs/${run}`, undefined, { "HX-Request": "true" }));
    const log = element.querySelector(".exec-log");
    if (log && !before) toFirstError(log);
    else if (wasAtEnd) log.scrollTop = log.scrollHeight;
  } catch (error) {
    element.textContent = error.message;
  }
}

function toFirstError(log) {
  const line = log.querySelector(".ERROR");
  log.scrollTop = line ? Math.max(line.offsetTop - log.offsetTop - 60, 0) : log.scrollHeight;
}

document.addEventListener("toggle", ({ target }) => {
  if (!(target instanceof HTMLDetailsElement) || !target.open) return;
  if (target.matches(".exec-run")) load(target);
  else if (target.matches(".exec-lazy") && !target.dataset.loaded) loadOutputs(target);
}, true);

async function loadOutputs(details) {
  details.dataset.loaded = "yes";
  const place = details.querySelector(".exec-loaded");
  try {
    place.innerHTML = await api("GET", details.dataset.loads, undefined, { "HX-Request": "true" });
  } catch (error) {
    place.textContent = error.message;
  }
}

setInterval(() => {
  if (document.hidden) return;
  for (const row of openRows()) if ("goesOn" in row.dataset) load(row);
}, 1000);

function openLinked() {
  const row = location.hash.startsWith("#run-") && document.getElementById(location.hash.slice(1));
  if (row instanceof HTMLDetailsElement) row.open = true;
}
addEventListener("hashchange", openLinked);
openLinked();

// ---------------------------------------------------------------- the log

const MOST_LINES = 5000; // in the page, while it follows; the oldest go
let tail = null;

function startTail() {
  const log = document.getElementById("exec-log");
  if (!log || tail || "later" in log.dataset) return;
  const joint = log.dataset.tail.includes("?") ? "&" : "?";
  tail = new EventSource(`${log.dataset.tail}${joint}after=${log.dataset.last}`);
  tail.addEventListener("lines", (event) => append(log, JSON.parse(event.data)));
  tail.addEventListener("end", stopTail);
  tail.onerror = () => {
    stopTail(); // it would begin where it began before
    setTimeout(() => document.hidden || page().querySelector("[data-ended]") || startTail(), 1000);
  };
}

function stopTail() {
  tail?.close();
  tail = null;
}

const isAtEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 40;

function append(log, { html, last }) {
  const atEnd = isAtEnd(log);
  log.dataset.last = last;
  log.insertAdjacentHTML("beforeend", html);
  document.getElementById("exec-log-empty")?.remove();
  sayDaysOnce(log);
  for (let extra = log.childElementCount - MOST_LINES; extra > 0 && atEnd; extra--) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function sayDaysOnce(log) {
  const days = [...log.querySelectorAll(".exec-day")];
  for (const [place, day] of days.entries()) if (place && day.textContent === days[place - 1].textContent) day.remove();
}

function openLog() {
  const log = document.getElementById("exec-log");
  if (!log) return;
  const number = location.hash.startsWith("#L") ? location.hash.slice(2) : log.dataset.at;
  const line = number && document.getElementById(`L${number}`);
  if (line) log.scrollTop = line.offsetTop - log.offsetTop - log.clientHeight / 3;
  else if (!number) log.scrollTop = log.scrollHeight;
  else if (location.hash && !location.search.includes("at=")) location.replace(`?at=${number}#L${number}`);
  const wrap = document.querySelector("[data-wrap]");
  wrap.checked = localStorage.getItem("log-wrap") !== "no";
  log.classList.toggle("nowrap", !wrap.checked);
  if (!("over" in log.dataset)) startTail();
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-wrap]")) {
    localStorage.setItem("log-wrap", target.checked ? "yes" : "no");
    document.getElementById("exec-log").classList.toggle("nowrap", !target.checked);
  } else if (target.matches("[data-submits]")) target.form.requestSubmit();
  else if (target.matches("[data-try-with]")) target.closest("section").querySelector("[data-try]").dataset.try = target.value;
});

// What is loaded above pushes down what one reads: it stays where it was.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const log = detail.elt.closest?.(".exec-log");
  if (log) log.dataset.height = log.scrollHeight;
});
document.addEventListener("htmx:afterSettle", () => {
  const log = document.querySelector(".exec-log[data-height]");
  if (!log) return;
  sayDaysOnce(log);
  log.scrollTop += log.scrollHeight - Number(log.dataset.height);
  delete log.dataset.height;
});
addEventListener("pagehide", stopTail);
document.addEventListener("visibilitychange", () => (document.hidden ? stopTail() : page().querySelector("[data-ended]") || startTail()));
openLog();

// ---------------------------------------------------------------- topology

let picture = null;

async function openTopology() {
  const element = document.getElementById("exec-topology");
  if (!element) return;
  picture = await import("./topology.js");
  const graph = JSON.parse(document.getElementById("exec-topology-graph").textContent);
  picture.drawTopology(element, graph, { onSelect: showTask });
  showStates();
}

function showStates() {
  picture?.setStates(document.getElementById("exec-topology"), states());
}

const states = () => JSON.parse(document.getElementById("exec-states").textContent);

function showTask(node) {
  picture.selectNode(document.getElementById("exec-topology"), node.id);
  const place = document.getElementById("exec-picked");
  const run = states()[node.taskId]?.run;
  place.replaceChildren();
  if (run) loadRun(run, place);
  else if (node.taskId) place.textContent = `${node.label} was not reached.`;
}
openTopology();

// ---------------------------------------------------------------- forms

document.addEventListener("submit", (event) => {
  const form = event.target;
  const send = "try" in form.dataset ? tryExpression : "labels" in form.dataset ? setLabels : "resume" in form.dataset ? resume : null;
  if (!send) return;
  event.preventDefault();
  send(form);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.closest("[data-try]")?.requestSubmit();
});

async function tryExpression(form) {
  const output = form.querySelector("output");
  try {
    const { result, error } = await api("POST", form.dataset.try, form.elements.expression.value, { "Content-Type": "text/plain" });
    output.className = `exec-result ${error ? "fail" : "good"}`;
    output.textContent = error ?? (result === "" ? "(an empty text)" : result);
  } catch (error) {
    output.className = "exec-result fail";
    output.textContent = error.message;
  }
}

async function setLabels(form) {
  const lines = form.elements.labels.value.split("\n").filter((line) => line.trim());
  const labels = lines.map((line) => ({ key: line.split(":")[0].trim(), value: line.split(":").slice(1).join(":").trim() }));
  const wrong = labels.findIndex(({ key, value }) => !key || !value);
  if (wrong >= 0) return toast(`"${lines[wrong].trim()}" is no label; write key: value`, "fail");
  try {
    await api("POST", form.dataset.labels, labels);
    location.reload();
  } catch (error) {
    toast(error.message, "fail");
  }
}

document.addEventListener("click", async ({ target }) => {
  if (!target.closest("[data-exec-resume]")) return;
  const form = document.getElementById("exec-resume-form");
  try {
    form.innerHTML = await api("GET", form.dataset.asks, undefined, { "HX-Request": "true" });
    form.closest("dialog").showModal();
  } catch (error) {
    toast(error.message, "fail");
  }
});

async function resume(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data]) if (value === "") data.delete(name);
  try {
    await api("POST", form.dataset.resume, data);
    form.closest("dialog").close();
    toast("Resumed");
  } catch (error) {
    const place = document.getElementById("exec-resume-error");
    place.textContent = error.message;
    place.hidden = false;
  }
}
