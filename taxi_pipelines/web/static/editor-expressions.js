// What may stand in an expression `{{ … }}`: variables, the flow's own inputs, outputs and variables, functions and filters.
import { namedBelow, valueOf } from "./editor-outline.js";

/** What is below the variables that are the same in all flows. */
const MEMBERS = {
  flow: ["id", "namespace", "revision"],
  execution: ["id", "startDate", "originalId", "state"],
  task: ["id", "type"],
  taskrun: ["id", "value", "iteration", "startDate", "attemptsCount", "parentId"],
  parent: ["taskrun", "outputs"],
  error: ["message", "taskId"],
  loop: ["index", "first", "last", "length", "revindex"],
};

/** The text of the expression that the cursor is in, up to it; null outside of any. */
export function expressionBefore(text) {
  const start = Math.max(text.lastIndexOf("{{"), text.lastIndexOf("{%"));
  if (start < 0) return null;
  const inside = text.slice(start + 2);
  return /\}\}|%\}|\n\s*- |\n\s*\w+:\s/.test(inside) ? null : inside;
}

/** {from, options} for the end of that expression, `from` counted back from there; null where nothing fits. */
export function expressionOptions(inside, root, knowledge) {
  const member = /(?:^|[^\w.])([a-z]+)((?:\.[\w-]+)*)\.([\w-]*)$/i.exec(inside);
  if (member) {
    const options = members(member[1], member[2].split(".").slice(1), root, knowledge);
    return options.length ? { back: member[3].length, options } : null;
  }
  const filter = /\|\s*(\w*)$/.exec(inside);
  if (filter) return { back: filter[1].length, options: operations(knowledge.filters, "filter", false) };
  const word = /(?:^|[^\w.'"])([A-Za-z_]\w*)?$/.exec(inside);
  if (!word || isQuoted(inside)) return null;
  const names = knowledge.variables.map((name) => ({ label: name, type: "variable", boost: MORE_USED.has(name) ? 20 : 0 }));
  return { back: (word[1] ?? "").length, options: [...names, ...operations(knowledge.functions, "function", true)] };
}

const MORE_USED = new Set(["inputs", "outputs", "vars", "trigger", "taskrun", "execution", "flow"]);

function isQuoted(inside) {
  return (inside.match(/'/g) ?? []).length % 2 === 1;
}

function operations(known, type, isCalled) {
  return Object.entries(known).map(([name, takes]) => ({
    label: name,
    type: type === "filter" ? "method" : "function",
    detail: takes ? `(${takes})` : isCalled ? "()" : "",
    apply: takes || isCalled ? (view, _completion, from, to) => call(view, name, from, to, Boolean(takes)) : name,
  }));
}

/** Puts `name()`, the cursor inside where there is something to write. */
function call(view, name, from, to, isOpen) {
  view.dispatch({ changes: { from, to, insert: `${name}()` }, selection: { anchor: from + name.length + (isOpen ? 1 : 2) } });
}

function members(variable, path, root, knowledge) {
  const section = root.entries.find((entry) => entry.key === (variable === "vars" ? "variables" : variable))?.child;
  const listed = (names, detail = "") => names.map((label) => ({ label, type: "property", detail }));
  if (variable === "inputs" && !path.length) {
    const inputs = section?.entries.filter((entry) => entry.child).map((entry) => entry.child) ?? [];
    return inputs.map((input) => ({
      label: valueOf(input, "id"),
      type: "property",
      detail: valueOf(input, "type"),
      info: valueOf(input, "description") || undefined,
    }));
  }
  if (variable === "outputs") return outputs(path, root, knowledge);
  if ((variable === "vars" || variable === "labels") && !path.length) return listed(section?.entries.map((entry) => entry.key) ?? []);
  if (variable === "trigger" && !path.length) return triggers(root, knowledge);
  return path.length ? [] : listed(MEMBERS[variable] ?? []);
}

function outputs(path, root, knowledge) {
  const tasks = namedBelow(root, "tasks", "errors", "finally");
  if (!path.length) return tasks.map((task) => ({ label: valueOf(task, "id"), type: "property", detail: valueOf(task, "type") }));
  const task = tasks.find((one) => valueOf(one, "id") === path[0]);
  return path.length === 1 && task ? told(knowledge.type("task", valueOf(task, "type"))) : [];
}

function triggers(root, knowledge) {
  const found = namedBelow(root, "triggers").flatMap((trigger) => told(knowledge.type("trigger", valueOf(trigger, "type"))));
  return [...new Map(found.map((option) => [option.label, option])).values()];
}

function told(type) {
  return Object.entries(type?.outputs ?? {}).map(([label, info]) => ({ label, type: "property", info }));
}
