// Completion and hover docs, from the knowledge of the schema and the outline of the text.
import { expressionBefore, expressionOptions } from "./editor-expressions.js";
import { namedBelow, outline, valueOf } from "./editor-outline.js";

const REACH = 4_000;

/** A source of completions for CodeMirror. */
export function completions(knowledge) {
  return (context) => {
    const { doc } = context.state;
    const line = doc.lineAt(context.pos);
    const text = doc.toString();
    const { root, here } = outline(text, { line: line.number - 1, column: context.pos - line.from });
    const inside = expressionBefore(text.slice(Math.max(0, context.pos - REACH), context.pos));
    if (inside !== null) return inExpression(context, inside, root, knowledge);
    if (!here || here.kind === "block" || /(^|\s)#/.test(line.text.slice(0, context.pos - line.from))) return null;
    const from = line.from + here.column;
    if (from > context.pos || (!context.explicit && !here.text)) return null;
    const isKey = here.kind === "key";
    const options = isKey ? keyOptions(here, line, knowledge) : valueOptions(here, root, knowledge);
    if (isKey) options.push(...itemOptions(here, knowledge));
    return options.length ? { from, options, validFor: /^[\w.$-]*$/ } : null;
  };
}

function inExpression(context, inside, root, knowledge) {
  const found = expressionOptions(inside, root, knowledge);
  if (!found || (!found.back && !context.explicit && !/[.|]\s*$|\{\{\s?$|^\s?$/.test(inside))) return null;
  return { from: context.pos - found.back, options: found.options, validFor: /^[\w-]*$/ };
}

/** Properties that are not there yet, the required ones first. */
function keyOptions(here, line, knowledge) {
  const given = new Set(here.container.entries.filter((entry) => entry.line !== here.line).map((entry) => entry.key));
  const isWritten = line.text
    .slice(here.column + here.text.length)
    .trimStart()
    .startsWith(":");
  const role = knowledge.roleOf(here.container);
  const own = knowledge.type(role, valueOf(here.container, "type"))?.kinds ?? {};
  return [...knowledge.properties(here.container)]
    .filter(([name]) => !given.has(name))
    .map(([name, { schema, required }], index) => ({
      label: name,
      type: "property",
      detail: required || name === "type" ? "required" : knowledge.kind(here.container, name, schema).slice(0, 40),
      info: () => block(propertyDocs(here.container, name, schema, required, knowledge)),
      boost: (required || name === "type" ? 50 : name in own ? 25 : 0) - Math.min(index, 20),
      apply: isWritten ? name : (view, _completion, from, to) => putKey(view, name, from, to, here, knowledge, schema),
    }));
}

/** `key: `, or `key:` with the beginning of what is inside. */
function putKey(view, name, from, to, here, knowledge, schema) {
  const kinds = knowledge.expand(schema, null);
  const hasInner = kinds.length > 0 && kinds.every((one) => one.type === "array" || one.type === "object" || one.oneOf || one.properties);
  const inner = `\n${" ".repeat(here.container.indent + 2)}${kinds.every((one) => one.type === "array") ? "- " : ""}`;
  const insert = hasInner ? `${name}:${inner}` : `${name}: `;
  view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length } });
}

/** At the place of a list of maps: a new one. */
function itemOptions(here, knowledge) {
  const owner = here.container.kind === "seq" ? here.container : null;
  if (!owner || here.text) return [];
  const item = knowledge.inner(knowledge.schemasOf(owner), 0, null)[0];
  return item?.role ? [{ label: "- id", detail: `a new ${item.role}`, type: "property", apply: "- id: " }] : [];
}

function valueOptions(here, root, knowledge) {
  const { container, entry } = here;
  const role = entry.key === "type" ? knowledge.roleOf(container) : null;
  if (role) return typeOptions(role, here.text, knowledge);
  if (container.owner?.key === "dependsOn")
    return namedBelow(root, "tasks").map((task) => ({ label: valueOf(task, "id"), type: "constant" }));
  return knowledge.values(knowledge.schemasAt(entry)).map((value) => ({ label: String(value), type: "constant" }));
}

/** Short names, and the long ones where somebody is writing one. */
function typeOptions(role, written, knowledge) {
  return knowledge.typesOf(role).flatMap((type) => {
    const names = written.startsWith("io.") ? type.names.filter((name) => name.startsWith("io.")) : [type.name];
    const option = { type: "class", detail: type.title, info: () => block(typeDocs(type)) };
    return names.map((label) => ({ ...option, label }));
  });
}

/** What there is to say about what stands at a place of the text: {from, to, dom}, or null. */
export function docsAt(text, line, column, knowledge) {
  const found = outline(text).entries.find((entry) => entry.line === line && isOn(entry, column));
  if (!found || typeof found.key === "number") return null;
  const isValue = column >= found.valueColumn;
  const role = found.key === "type" ? knowledge.roleOf(found.container) : null;
  const type = role && knowledge.type(role, valueOf(found.container, "type"));
  if (isValue) return type ? { column: found.valueColumn, length: found.value.length, dom: block(typeDocs(type)) } : null;
  const property = knowledge.properties(found.container).get(found.key);
  if (!property) return null;
  const { schema, required } = property;
  return {
    column: found.column,
    length: found.key.length,
    dom: block(propertyDocs(found.container, found.key, schema, required, knowledge)),
  };
}

function isOn(entry, column) {
  const onKey = column >= entry.column && column <= entry.column + String(entry.key).length;
  return onKey || (entry.value && column >= entry.valueColumn && column <= entry.valueColumn + entry.value.length);
}

function propertyDocs(container, name, schema, required, knowledge) {
  const byDefault = schema.default ?? schema.anyOf?.find((one) => one.default !== undefined && one.default !== null)?.default;
  const facts = [knowledge.kind(container, name, schema)];
  if (required) facts.push("required");
  const hasDefault =
    byDefault !== undefined && byDefault !== null && JSON.stringify(byDefault) !== "[]" && JSON.stringify(byDefault) !== "{}";
  if (hasDefault) facts.push(`default ${typeof byDefault === "string" ? byDefault : JSON.stringify(byDefault)}`);
  return [
    ["strong", name],
    ["p", schema.description ?? ""],
    ["small", facts.join(" · ")],
  ];
}

function typeDocs(type) {
  const parts = [
    ["strong", type.name],
    ["p", type.title],
  ];
  if (type.required?.length) parts.push(["small", `required: ${type.required.join(", ")}`]);
  const outputs = Object.keys(type.outputs ?? {});
  if (outputs.length) parts.push(["small", `outputs: ${outputs.join(", ")}`]);
  if (type.example) parts.push(["pre", type.example.trim()]);
  return parts;
}

/** Elements with texts, in a box. */
function block(parts) {
  const box = document.createElement("div");
  box.className = "editor-docs";
  for (const [tag, text] of parts.filter(([, text]) => text)) {
    const element = document.createElement(tag);
    element.textContent = text;
    box.append(element);
  }
  return box;
}
