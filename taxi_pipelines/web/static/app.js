// What all pages do: call the API, say how it went, stay live, obey the keyboard. Pages have modules of their own for the rest.

/** Calls the API; its answer. Throws an Error whose message is for people. */
export async function api(method, url, body, headers = {}, signal = undefined) {
  const options = { method, headers, signal };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined && body !== null) {
    options.body = typeof body === "string" ? body : JSON.stringify(body);
    options.headers = { "Content-Type": "application/json", ...headers };
  }
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("the service cannot be reached");
  }
  if (response.status === 401) location.assign(`/login?to=${encodeURIComponent(location.pathname + location.search)}`);
  const text = await response.text();
  const json = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = json && text ? JSON.parse(text) : text;
  if (response.ok) return answer;
  const error = new Error(answer.message ? [answer.message, answer.detail].filter(Boolean).join("; ") : `${response.status} ${response.statusText}`);
  error.problems = answer.problems ?? [];
  throw error;
}

/** Says something at the edge of the page; `tone` is good or fail. */
export function toast(text, tone = "good") {
  const item = document.createElement("div");
  item.className = `toast ${tone}`;
  item.textContent = text;
  const place = document.getElementById("toasts");
  place.append(item);
  if (place.matches(":popover-open")) place.hidePopover();
  place.showPopover(); // above a dialog that is open
  setTimeout(() => item.remove(), tone === "fail" ? 10_000 : 4_000);
}

/** Asks a question in a dialog; whether the answer is yes. */
export function confirmed(question) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

const LEAVING = 3000; // ms in which another page comes: meanwhile a second click does nothing

async function callOf(button) {
  const { call, url, body, said, then, confirm } = button.dataset;
  if (confirm && !(await confirmed(confirm))) return;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await api(call, url, body);
    if (then === "reload") location.reload();
    else if (then) location.assign(then.replace("{id}", answer?.id ?? ""));
    if (said) toast(said);
    document.dispatchEvent(new CustomEvent("taxi:called", { detail: { url, answer } }));
  } catch (error) {
    toast(error.message, "fail");
  } finally {
    setTimeout(() => {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }, then ? LEAVING : 0);
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-call], [data-opens], [data-copy], [data-theme-switch], [data-closes]");
  if (!target) return;
  if (target.dataset.call) callOf(target);
  else if (target.dataset.opens) document.querySelector(target.dataset.opens).showModal();
  else if ("closes" in target.dataset) target.closest("dialog").close();
  else if (target.dataset.copy !== undefined) {
    navigator.clipboard.writeText(target.dataset.copy).then(() => toast("Copied"), () => toast("The browser does not let us copy", "fail"));
  } else switchTheme(target);
});

// A menu closes when one looks elsewhere, or by Escape.
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
});

// ---------------------------------------------------------------- live parts

/** Keeps what is inside of `[data-live=URL]` as the server has it, while the page is looked at. */
const streams = new Map();

function listen(element) {
  if (streams.has(element) || document.hidden) return;
  const stream = new EventSource(element.dataset.live);
  streams.set(element, stream);
  stream.addEventListener("part", (event) => {
    const { id, html } = JSON.parse(event.data);
    swap(id, html);
  });
  stream.onopen = () => (document.getElementById("connection").hidden = true);
  stream.onerror = () => {
    document.getElementById("connection").hidden = document.hidden;
    if (stream.readyState === EventSource.CLOSED) setTimeout(listenAgain, 2000, element, stream);
  };
}

/** After an answer that is no stream the browser gives up. A login that has ended, or what is gone, is told by the page itself. */
async function listenAgain(element, stream) {
  if (streams.get(element) !== stream) return;
  streams.delete(element);
  const asked = new AbortController();
  const status = await fetch(stream.url, { signal: asked.signal }).then((answer) => answer.status, () => 0);
  asked.abort();
  if (status === 401 || status === 404) location.reload();
  else listenAll();
}

/** Puts new HTML into the element of that id: what has not changed stays (focus, scroll, open details). */
export function swap(id, html) {
  const element = document.getElementById(id);
  if (!element) return;
  const template = document.createElement("template");
  template.innerHTML = html;
  morphChildren(element, template.content);
  globalThis.htmx?.process(element);
  document.dispatchEvent(new CustomEvent("taxi:part", { detail: { id, element } }));
}

function morphChildren(element, fresh) {
  Idiomorph.morph(element, fresh.childNodes, {
    morphStyle: "innerHTML",
    ignoreActiveValue: true,
    callbacks: {
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS") && !node.hasAttribute?.("data-keep"),
      beforeNodeMorphed: (old) => !(old instanceof Element && old.hasAttribute("data-keep")),
    },
  });
}

function listenAll() {
  for (const element of document.querySelectorAll("[data-live]")) listen(element);
}

function stopAll() {
  for (const stream of streams.values()) stream.close();
  streams.clear();
}

/** Ends the stream of an element, for example of a panel that shows something else now. */
export function relisten() {
  for (const [element, stream] of streams) {
    if (!element.isConnected || stream.url !== new URL(element.dataset.live, location.href).href) {
      stream.close();
      streams.delete(element);
    }
  }
  listenAll();
}

document.addEventListener("visibilitychange", () => (document.hidden ? stopAll() : listenAll()));
addEventListener("pagehide", stopAll);
addEventListener("pageshow", listenAll);
document.addEventListener("htmx:afterSettle", relisten);
listenAll();

// ---------------------------------------------------------------- empty pages fill by themselves

const EMPTY_PAUSE = 3_000;

/** A page with nothing to keep live is looked at again, until it has something. */
async function lookAgain() {
  if (document.hidden || document.querySelector("dialog[open]") || document.activeElement?.matches("input, select, textarea")) return;
  try {
    const response = await fetch(location.href);
    if (response.ok && !(await response.text()).includes("data-empty")) location.reload();
  } catch {
    // the service is away; it is asked again
  }
}

if (document.querySelector("[data-empty]")) setInterval(lookAgain, EMPTY_PAUSE);

// ---------------------------------------------------------------- htmx says when something went wrong

document.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  try {
    const { message, detail } = JSON.parse(xhr.responseText);
    toast([message, detail].filter(Boolean).join("; "), "fail");
  } catch {
    toast(`${xhr.status} ${xhr.statusText}`, "fail");
  }
});
document.addEventListener("htmx:sendError", () => toast("the service cannot be reached", "fail"));

// ---------------------------------------------------------------- light and dark

const THEMES = { auto: "as the system has them", light: "light", dark: "dark" };

function switchTheme(button) {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % names.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  button.setAttribute("aria-label", `Colours: ${THEMES[next]}`);
  toast(`Colours: ${THEMES[next]}`);
  document.dispatchEvent(new CustomEvent("taxi:theme"));
}

// ---------------------------------------------------------------- keyboard

const GO = { m: "/", d: "/dashboard", f: "/flows", e: "/executions", l: "/logs", t: "/triggers", s: "/data" };
let leader = 0;

document.addEventListener("keydown", (event) => {
  const writing = event.target.closest?.("input, textarea, select, [contenteditable], dialog[open], .cm-editor");
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (Date.now() - leader < 1500 && GO[event.key]) location.assign(GO[event.key]);
  else if (event.key === "g") return void (leader = Date.now());
  else if (event.key === "?") document.getElementById("keys").showModal();
  else if (event.key === "/") {
    const search = document.querySelector("[data-search], input[type=search]");
    if (!search) return;
    search.focus();
    event.preventDefault();
  }
  leader = 0;
});
