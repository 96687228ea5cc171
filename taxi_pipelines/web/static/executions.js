// The list of executions: some of them selected, or all that match, and what is done to those.

import { api, confirmed, toast } from "./app.js";
import "./filters.js";

const VERBS = {
  restart: { method: "POST", path: "restart/", done: "restarted", asks: "Restart" },
  replay: { method: "POST", path: "replay/", done: "replayed", asks: "Replay" },
  kill: { method: "DELETE", path: "kill/", done: "being killed", asks: "Kill" },
  delete: { method: "DELETE", path: "", done: "deleted", asks: "Delete, with their logs and files," },
};

const bar = document.getElementById("bulk");
const picked = new Set();
let isAll = false; // not only those picked, but all that match

function boxes() {
  return [...document.querySelectorAll("[data-pick]")];
}

function show() {
  const total = Number(bar.dataset.count);
  const all = boxes();
  for (const box of all) box.checked = isAll || picked.has(box.dataset.pick);
  const head = document.getElementById("pick-all");
  if (head) {
    head.checked = all.length > 0 && all.every((box) => box.checked);
    head.indeterminate = !head.checked && all.some((box) => box.checked);
  }
  bar.hidden = !isAll && picked.size === 0;
  document.getElementById("bulk-count").textContent = `${(isAll ? total : picked.size).toLocaleString("en")} selected`;
  document.getElementById("bulk-all").hidden = isAll || !head?.checked || total <= all.length;
}

function clear() {
  picked.clear();
  isAll = false;
  show();
}

/** Those whose states allow it; of the others how many are in which state. */
function parted(button, ids) {
  const states = button.dataset.states.split(" ");
  const able = [];
  const others = {};
  for (const id of ids) {
    const { state } = document.getElementById(`row-${id}`)?.dataset ?? {};
    if (!state || states.includes(state)) able.push(id);
    else others[state] = (others[state] ?? 0) + 1;
  }
  const problems = Object.entries(others).map(([state, count]) => ({ message: `${count} ${count === 1 ? "is" : "are"} ${state}` }));
  return { able, refused: ids.length - able.length, problems };
}

async function byIds(button, verb) {
  const { able, refused, problems } = parted(button, [...picked]);
  const { count } = able.length ? await send(verb, `${verb.path}by-ids`, able) : { count: 0 };
  return { count, refused, problems };
}

function send(verb, path, body) {
  return api(verb.method, `/api/v1/executions/${path}`, body);
}

function told(verb, { count, refused, problems }) {
  const first = [...new Set(problems.map((one) => one.message))].slice(0, 3).join(", ");
  const done = `${count.toLocaleString("en")} ${verb.done}`;
  return refused ? `${done}; ${refused.toLocaleString("en")} could not be: ${first}` : done;
}

async function doTo(button) {
  const verb = VERBS[button.dataset.bulk];
  const count = isAll ? Number(bar.dataset.count) : picked.size;
  if (!(await confirmed(`${verb.asks} ${count.toLocaleString("en")} ${count === 1 ? "execution" : "executions"}?`))) return;
  bar.setAttribute("aria-busy", "true");
  try {
    const answer = isAll ? await send(verb, `${verb.path}by-query?${bar.dataset.query}`) : await byIds(button, verb);
    toast(told(verb, answer), answer.refused ? "fail" : "good");
    clear();
  } catch (error) {
    toast(error.message, "fail");
  } finally {
    bar.removeAttribute("aria-busy");
  }
}

if (bar) {
  document.addEventListener("change", ({ target }) => {
    if (target.id !== "pick-all" && !target.dataset.pick) return;
    isAll = false;
    for (const box of target.id === "pick-all" ? boxes() : [target]) {
      if (target.checked) picked.add(box.dataset.pick);
      else picked.delete(box.dataset.pick);
    }
    show();
  });
  bar.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.dataset.bulk) doTo(button);
    else if (button?.id === "bulk-none") clear();
    else if (button?.id === "bulk-all") {
      isAll = true;
      show();
    }
  });
  document.addEventListener("taxi:part", ({ detail }) => detail.id === "executions-rows" && show());
  addEventListener("pageshow", clear);
}
