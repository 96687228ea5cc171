// A field of the form: how a property is shown and what it puts into the text. The kind follows from the schema and from what
// stands there now: a template in a number's place is text, a list is YAML.
import { parse, valueAt } from "./editor-edits.js";

const TEXT_INPUTS = new Set(["STRING", "SECRET", "EMAIL", "URI", "DATE", "TIME", "DATETIME", "DURATION", "SELECT", "ENUM"]);
let counter = 0;

/** An element with attributes (functions listen, `true` is there, false and null are not) and children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * A labelled field for the property at a path. `about`: {name, schema, required, kind, choices, owner}; `set(value)` puts a value
 * there (undefined: none).
 */
export function field(document, path, about, set, isReadOnly) {
  const now = valueAt(document, path);
  const id = `editor-field-${counter++}`;
  const control = controlFor(now, about, set);
  control.id = id;
  control.dataset.path = JSON.stringify(path);
  if (isReadOnly || now.kind === "alias") control.disabled = true;
  const hint = [about.schema?.description, now.kind === "alias" ? `Written elsewhere: ${now.yaml}` : ""].filter(Boolean).join(" ");
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  const label = h("label", { for: id }, about.name, about.required ? h("span", { class: "muted" }, " required") : null);
  return h("div", { class: "field" }, label, control, hint ? h("span", { class: "hint", id: `${id}-hint` }, hint) : null);
}

function controlFor(now, about, set) {
  if (now.kind === "alias") return h("input", { value: now.yaml });
  if (now.kind === "complex" || (now.kind === "none" && isComplex(about))) return yamlText(now.yaml ?? "", set);
  const choices = about.choices ?? [];
  const isTemplate = typeof now.value === "string" && now.value.includes("{{");
  if (choices.length && !isTemplate && (now.kind === "none" || choices.includes(now.value))) return select(now, about, choices, set);
  const text = now.kind === "none" ? "" : String(now.value);
  if (text.includes("\n")) return long(text, set);
  const read = (event) => set(typed(event.target.value, about, now));
  return h("input", {
    value: text,
    input: read,
    placeholder: byDefault(about),
    inputmode: isNumber(about) ? "decimal" : null,
    spellcheck: "false",
    autocomplete: "off",
  });
}

function select(now, about, choices, set) {
  const chosen = now.kind === "none" ? "" : String(now.value);
  const change = (event) => set(choices.find((one) => String(one) === event.target.value));
  const none = about.required ? [] : [h("option", { value: "" }, byDefault(about) ? `not set (${byDefault(about)})` : "not set")];
  const element = h("select", { change }, ...none, ...choices.map((one) => h("option", { value: String(one) }, String(one))));
  element.value = chosen;
  return element;
}

function long(text, set) {
  const element = h("textarea", {
    rows: Math.min(text.split("\n").length + 1, 12),
    spellcheck: "false",
    input: (event) => set(event.target.value || undefined),
  });
  element.value = text;
  return element;
}

/** Lists and maps as YAML; what cannot be read is marked and not taken over. */
function yamlText(text, set) {
  const input = ({ target }) => {
    const isWrong = parse(target.value).errors.length > 0;
    target.classList.toggle("invalid", isWrong);
    target.setAttribute("aria-invalid", String(isWrong));
    if (!isWrong) set(target.value.trim() ? { yaml: target.value } : undefined);
  };
  const element = h("textarea", { rows: Math.min(text.split("\n").length + 1, 12), spellcheck: "false", input, placeholder: "YAML" });
  element.value = text;
  return element;
}

/** What somebody typed, as the value that the property takes. */
function typed(text, about, now) {
  if (text === "") return undefined;
  const takesAny = about.name === "defaults" || about.name === "prefill";
  const isTyped =
    isNumber(about) || typeof now.value === "number" || typeof now.value === "boolean" || (takesAny && !TEXT_INPUTS.has(about.owner));
  const value = isTyped ? parse(text).toJS() : text;
  return ["number", "boolean"].includes(typeof value) ? value : text;
}

function byDefault({ schema }) {
  const found = schema?.default ?? schema?.anyOf?.find((one) => one.default !== undefined && one.default !== null)?.default;
  return found === undefined || found === null || typeof found === "object" ? "" : String(found);
}

function isNumber({ kind }) {
  return /^(integer|number)\b/.test(kind ?? "");
}

function isComplex({ kind }) {
  return /^(list|map)\b/.test(kind ?? "") || /\b(tasks?|conditions?|triggers?|task runner)s?$/.test(kind ?? "");
}
