// The page of the editor: text, problems, topology and form of one flow, and what its buttons do.
import { api, confirmed, toast } from "./app.js";
import { Form } from "./editor-form.js";
import { Knowledge } from "./editor-knowledge.js";
import { namedBelow, outline, valueOf } from "./editor-outline.js";
import { showProblems } from "./editor-problems.js";
import { save } from "./editor-save.js";
import { createEditor } from "./editor-setup.js";
import { drawTopology, selectNode } from "./topology.js";

const YAML = { "Content-Type": "application/x-yaml" };
const PAUSE = 300;
const SAID = "editor-said";
const NARROW = "(max-width: 900px)";

const find = (id) => document.getElementById(id);
const data = JSON.parse(find("editor-data").textContent);
const frame = find("editor");
const picture = find("editor-picture");
const isReadOnly = !data.mayAdmin;

let flow = data.flow;
let graph = null;
let knowledge = null;
let asked = 0;
const timers = new Map();

const view = createEditor(find("editor-text"), data.text, { knowledge: () => knowledge, isReadOnly, on: { changed, moved, save: saveOnly } });
let kept = flow ? text() : null; // the text as it is stored; a new flow is not
const form = new Form(find("editor-form"), { text, apply, knowledge: () => knowledge, isReadOnly, say: (said) => toast(said, "fail") });

function text() {
  return view.state.doc.toString();
}

function apply(change) {
  view.dispatch({ changes: change, userEvent: "input.form" });
}

/** Does it once nothing has happened for a while. */
function soon(name, action, pause) {
  clearTimeout(timers.get(name));
  timers.set(name, setTimeout(action, pause));
}

function isChanged() {
  return text() !== kept;
}

function changed() {
  mark();
  soon("check", check, PAUSE);
  if (!form?.isWriting) soon("form", () => form.render(), PAUSE);
}

function mark() {
  find("editor-unsaved").hidden = !isChanged() || isReadOnly;
  const revert = find("editor-revert");
  if (revert) revert.disabled = text() === (kept ?? data.text);
}

// ---------------------------------------------------------------- problems and topology

async function check() {
  const number = ++asked;
  const now = text();
  try {
    const [{ problems }] = await api("POST", "/api/v1/flows/validate", now || " ", YAML);
    if (number !== asked) return;
    showAll(problems);
    if (!problems.length) await draw(now, number);
  } catch (error) {
    if (number === asked) count(error.message);
  }
}

function showAll(problems) {
  showProblems(view, find("editor-list"), problems);
  count(problems.length ? `${problems.length} ${problems.length === 1 ? "problem" : "problems"}` : "No problems");
  frame.dataset.valid = String(!problems.length);
  for (const badge of document.querySelectorAll("[data-problems]")) badge.textContent = problems.length || "";
  find("editor-stale").hidden = !problems.length || !graph;
}

function count(said) {
  find("editor-count").textContent = said;
}

async function draw(now, number) {
  const found = await api("POST", "/api/v1/flows/graph", now, YAML);
  if (number !== asked) return;
  graph = found;
  drawTopology(picture, graph, { onSelect: goTo });
  moved();
}

/** To the task of a node, in the text and in the form. */
function goTo(node) {
  if (!node.line) return;
  const line = view.state.doc.line(Math.min(node.line, view.state.doc.lines));
  view.dispatch({ selection: { anchor: line.from + line.text.search(/\S|$/) }, scrollIntoView: true });
  if (node.taskId) form.choose(node.taskId);
  if (matchMedia(NARROW).matches) show("text");
}

/** To the line that the address names: `…/edit#31`. */
function goToAddress() {
  const line = Number(location.hash.slice(1));
  if (Number.isInteger(line) && line > 0) goTo({ line });
  if (line > 0) view.focus();
}

function moved() {
  soon("moved", markNode, 80);
}

/** Marks the node of the task that the cursor is in. */
function markNode() {
  const line = view.state.doc.lineAt(view.state.selection.main.head).number - 1;
  const { root } = outline(text());
  const around = namedBelow(root, "tasks", "errors", "finally", "triggers").filter(
    (one) => one.owner.line <= line && line <= one.owner.last,
  );
  const id = around.length ? valueOf(around.at(-1), "id") : null;
  const node = graph?.nodes.find((one) => id !== null && (one.taskId === id || one.label === id));
  if (graph) selectNode(picture, node?.id ?? null);
  if (node?.taskId) form.choose(node.taskId);
}

// ---------------------------------------------------------------- save, run, revert

/** Whether what is in the editor is stored now. */
async function saved() {
  if (isReadOnly) return false;
  if (!isChanged()) {
    toast("Nothing has changed");
    return true;
  }
  const now = text();
  try {
    const answer = await save(flow, now);
    if (answer) take(answer, now);
    return Boolean(answer);
  } catch (error) {
    if (error.problems?.length) showAll(error.problems);
    toast(`Not saved: ${error.message}`, "fail");
    return false;
  }
}

function take(answer, now) {
  const said = answer.isTheirs ? `This is revision ${answer.revision} now` : `Saved as revision ${answer.revision}`;
  const isNew = !flow;
  flow = { namespace: answer.namespace, id: answer.id, revision: answer.revision };
  if (answer.isTheirs) replaceText(answer.source);
  kept = answer.isTheirs ? text() : now;
  mark();
  if (isNew) {
    sessionStorage.setItem(SAID, said);
    history.replaceState(null, "", `${address()}/edit`); // what "back" leads to as well, from where it runs
    return;
  }
  find("editor-revision").textContent = answer.revision;
  toast(said);
}

function replaceText(now) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: now } });
}

function address() {
  return `/flows/${encodeURIComponent(flow.namespace)}/${encodeURIComponent(flow.id)}`;
}

/** A flow that is new has a page now, with its tabs. */
async function saveOnly() {
  const wasNew = !flow;
  if ((await saved()) && wasNew) location.reload();
}

async function run() {
  if (!flow || (!isReadOnly && isChanged())) {
    if (!(await saved())) return;
  }
  sessionStorage.removeItem(SAID);
  location.assign(`${address()}/execute`);
}

async function revert() {
  if (await confirmed("Take back all changes since the last save?")) replaceText(kept ?? data.text);
}

// ---------------------------------------------------------------- what is shown beside the text

function show(name) {
  frame.dataset.shown = name;
  for (const button of document.querySelectorAll("[data-shows]"))
    button.setAttribute("aria-pressed", String(button.dataset.shows === name));
  if (name === "form") form.render();
  if (name === "text") view.requestMeasure();
}

for (const button of document.querySelectorAll("[data-shows]")) button.addEventListener("click", () => show(button.dataset.shows));
find("editor-save")?.addEventListener("click", saveOnly);
find("editor-run")?.addEventListener("click", run);
find("editor-revert")?.addEventListener("click", revert);
addEventListener("beforeunload", (event) => {
  if (isChanged() && kept !== null && !isReadOnly) event.preventDefault();
  else if (kept === null && text() !== data.text) event.preventDefault();
});

const said = sessionStorage.getItem(SAID);
sessionStorage.removeItem(SAID);
if (said) toast(said);
if (matchMedia(NARROW).matches) show("text");
mark();
check();
goToAddress();
addEventListener("hashchange", goToAddress);
Knowledge.load().then(
  (found) => {
    knowledge = found;
    form.render();
    frame.dataset.ready = "true";
  },
  (error) => toast(error.message, "fail"),
);
