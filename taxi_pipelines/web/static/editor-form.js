// The form: description and labels, inputs, triggers, and one task of a flow as fields. It has no state of its own: each field reads
// the text and, when somebody changes it, puts one small change into the text.
import { append, parse, removeAt, setAt, valueAt } from "./editor-edits.js";
import { field, h } from "./editor-fields.js";
import { namedBelow, outline, valueOf } from "./editor-outline.js";

const FIRST = ["id", "type", "cron", "timezone", "required", "defaults", "values", "description"];
const NEW_INPUT = { id: "name", type: "STRING", required: false };
const NEW_SCHEDULE = { id: "daily", type: "schedule", cron: "0 6 * * *" };

export class Form {
  /** `text()` is the text now; `apply(change)` puts a change into it; `knowledge()` may not be there yet. */
  constructor(element, { text, apply, knowledge, isReadOnly, say }) {
    Object.assign(this, { element, text, apply, knowledge, isReadOnly, say });
    this.task = null; // the id of the task that is shown
    this.isWriting = false;
  }

  /** Shows what the text says now, unless the change came from here. */
  render() {
    if (this.isWriting || !this.knowledge()) return;
    const text = this.text();
    const yaml = parse(text);
    const focused = document.activeElement?.dataset?.path;
    const open = new Set([...this.element.querySelectorAll("details[open]")].map((one) => one.dataset.path));
    if (yaml.errors.length || !yaml.contents?.items) {
      this.element.replaceChildren(h("p", { class: "notice warn" }, "The text cannot be read as YAML: mend it, and the form is back."));
      return;
    }
    const { root } = outline(text);
    this.yaml = yaml;
    this.root = root;
    this.element.replaceChildren(
      this.flow(),
      this.list("inputs", "Inputs", NEW_INPUT, "Add an input"),
      this.list("triggers", "Triggers", NEW_SCHEDULE, "Add a schedule"),
      this.tasks(),
    );
    for (const one of this.element.querySelectorAll("details")) one.open = open.has(one.dataset.path);
    if (focused) this.element.querySelector(`[data-path='${CSS.escape(focused)}']`)?.focus();
  }

  /** Shows that task. */
  choose(id) {
    if (this.task === id) return;
    this.task = id;
    if (!this.element.contains(document.activeElement)) this.render();
  }

  // ---------------------------------------------------------------- sections

  flow() {
    const known = this.knowledge().propertiesOf([this.knowledge().schema]);
    const fields = ["description", "labels"].map((name) => {
      const kind = name === "labels" ? "map" : "text";
      return field(this.yaml, [name], { name, kind, schema: known.get(name).schema }, (value) => this.set([name], value), this.isReadOnly);
    });
    return h("section", {}, h("h3", {}, "Flow"), ...fields);
  }

  list(key, title, fresh, add) {
    const container = this.root.entries.find((entry) => entry.key === key)?.child;
    const items = container?.kind === "seq" ? container.entries.filter((entry) => entry.child) : [];
    const made = items.map((entry) => this.item([key, entry.key], entry.child));
    const button = h("button", { type: "button", class: "small", click: () => this.add(key, fresh) }, add);
    const none = made.length ? null : h("p", { class: "hint" }, "None.");
    return h("section", {}, h("h3", {}, title), none, ...made, this.isReadOnly ? null : button);
  }

  item(path, container) {
    const name = valueOf(container, "id");
    const type = valueOf(container, "type");
    const remove = h(
      "button",
      { type: "button", class: "small danger", click: () => this.change((text) => removeAt(text, path)) },
      `Remove ${name}`,
    );
    const parts = [...this.fields(path, container), this.isReadOnly ? null : remove];
    const isSchedule = this.knowledge().type("trigger", type)?.name === "schedule";
    if (isSchedule) parts.unshift(this.enabled(path), this.slots(path));
    return h(
      "details",
      { class: "editor-item", "data-path": JSON.stringify(path) },
      h("summary", {}, h("b", {}, name), " ", h("span", { class: "muted" }, type)),
      ...parts,
    );
  }

  tasks() {
    const tasks = namedBelow(this.root, "tasks", "errors", "finally");
    const ids = tasks.map((task) => valueOf(task, "id"));
    if (!ids.includes(this.task)) this.task = ids[0] ?? null;
    const change = ({ target }) => {
      this.task = target.value;
      this.render();
    };
    const chooser = h(
      "select",
      { id: "editor-task", change, "data-path": '"task"' },
      ...ids.map((id) => h("option", { value: id, selected: id === this.task }, id)),
    );
    const task = tasks.find((one) => valueOf(one, "id") === this.task);
    const head = h("div", { class: "field" }, h("label", { for: "editor-task" }, "Task"), chooser);
    return h("section", {}, h("h3", {}, "Properties of a task"), head, ...(task ? this.fields(pathOf(task), task) : []));
  }

  // ---------------------------------------------------------------- fields

  /** The properties that are written, those that must be, and a way to the others. */
  fields(path, container) {
    const known = this.knowledge();
    const properties = known.properties(container);
    const given = new Set(container.entries.map((entry) => entry.key));
    const role = known.roleOf(container);
    const isUsual = (name, required) =>
      given.has(name) || required || (role === "input" && ["required", "defaults", "description"].includes(name)) || name === "timezone";
    const shown = [...properties].filter(([name, { required }]) => isUsual(name, required));
    shown.sort(([one], [other]) => rank(one) - rank(other));
    const made = shown.map(([name, { schema, required }]) => {
      const about = { name, schema, required, kind: known.kind(container, name, schema), owner: valueOf(container, "type") };
      about.choices = name === "type" && role ? this.typeChoices(role, about.owner) : known.values(known.expand(schema, null));
      const isStructural = name === "type" || name === "id";
      return field(this.yaml, [...path, name], about, (value) => this.set([...path, name], value, isStructural), this.isReadOnly);
    });
    return [
      ...made,
      this.more(
        path,
        [...properties.keys()].filter((name) => !shown.some(([one]) => one === name)),
      ),
    ];
  }

  typeChoices(role, now) {
    const names = this.knowledge()
      .typesOf(role)
      .map((type) => type.name);
    return names.includes(now) ? names : [now, ...names];
  }

  more(path, names) {
    if (this.isReadOnly || !names.length) return null;
    const change = ({ target }) => {
      const name = target.value;
      target.before(this.added(path, name));
      target.querySelector(`option[value="${CSS.escape(name)}"]`).remove();
      target.value = "";
    };
    const options = names.map((name) => h("option", { value: name }, name));
    return h(
      "select",
      { class: "small", "aria-label": "Add a property", change, "data-path": JSON.stringify([...path, "+"]) },
      h("option", { value: "" }, "Add a property…"),
      ...options,
    );
  }

  /** An empty field; the text is changed once something is in it. */
  added(path, name) {
    const container = this.at(path);
    const known = this.knowledge();
    const { schema } = known.properties(container).get(name);
    const about = {
      name,
      schema,
      kind: known.kind(container, name, schema),
      choices: known.values(known.expand(schema, null)),
      owner: valueOf(container, "type"),
    };
    return field(this.yaml, [...path, name], about, (value) => this.set([...path, name], value), false);
  }

  at(path) {
    return path.reduce((container, key) => container.entries.find((entry) => entry.key === key).child, this.root);
  }

  enabled(path) {
    const isOff = valueAt(this.yaml, [...path, "disabled"]).value === true;
    const change = ({ target }) => this.set([...path, "disabled"], target.checked ? undefined : true);
    return h(
      "label",
      { class: "check" },
      h("input", {
        type: "checkbox",
        checked: !isOff,
        disabled: this.isReadOnly,
        change,
        "data-path": JSON.stringify([...path, "enabled"]),
      }),
      "enabled",
    );
  }

  /** The schedule in words, and when it comes next. */
  slots(path) {
    const element = h("p", { class: "hint editor-slots", "aria-live": "polite", "data-slots": JSON.stringify(path) });
    this.tellSlots(element, path);
    return element;
  }

  async tellSlots(element, path) {
    const yaml = parse(this.text());
    const cron = valueAt(yaml, [...path, "cron"]).value;
    const timezone = valueAt(yaml, [...path, "timezone"]).value ?? "UTC";
    if (!cron) return;
    const answer = await fetch(`/editor/slots?${new URLSearchParams({ cron, timezone })}`).catch(() => null);
    if (!answer?.ok) return;
    const { problem, words, slots } = await answer.json();
    element.textContent = problem ?? `${words} (${timezone}). Next: ${slots.join("; ")}.`;
  }

  // ---------------------------------------------------------------- changes

  add(key, fresh) {
    const container = this.root.entries.find((entry) => entry.key === key)?.child;
    const taken = new Set((container?.entries ?? []).map((entry) => entry.child && valueOf(entry.child, "id")));
    let { id } = fresh;
    for (let number = 2; taken.has(id); number++) id = `${fresh.id}_${number}`;
    this.change((text) => append(text, [key], { ...fresh, id }));
    const made = [...this.element.querySelectorAll("details.editor-item")].filter((one) => one.dataset.path.startsWith(`["${key}"`)).at(-1);
    if (!made) return;
    made.open = true;
    made.querySelector("input:not([type=checkbox])")?.focus();
  }

  set(path, value, isStructural = false) {
    if (path.at(-1) === "id" && !["inputs", "triggers"].includes(path[0])) this.task = value;
    this.isWriting = !(isStructural && document.activeElement?.tagName === "SELECT"); // another type has other properties
    this.change((text) => setAt(text, path, value));
    this.isWriting = false;
    const element = this.element.querySelector(`[data-slots='${CSS.escape(JSON.stringify(path.slice(0, 2)))}']`);
    if (element) this.tellSlots(element, path.slice(0, 2));
    const name =
      path.at(-1) === "id" && this.element.querySelector(`details[data-path='${CSS.escape(JSON.stringify(path.slice(0, 2)))}'] summary b`);
    if (name && path.length === 3) name.textContent = value ?? "";
  }

  change(make) {
    try {
      const change = make(this.text());
      if (change) this.apply(change);
      this.render();
    } catch (error) {
      this.say(error.message);
    }
  }
}

function rank(name) {
  const found = FIRST.indexOf(name);
  return found < 0 ? FIRST.length : found;
}

/** The keys from the root to a container. */
function pathOf(container) {
  const found = [];
  for (let entry = container.owner; entry; entry = entry.container.owner) found.unshift(entry.key);
  return found;
}
