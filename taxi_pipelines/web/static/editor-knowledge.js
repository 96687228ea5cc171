// What may stand where in a flow: the service's JSON schema, looked up by the outline of a text.
import { valueOf } from "./editor-outline.js";

const OLDER = /^The older name of /;
const REF = "#/$defs/";
/** Definitions that are any of several types → their role. */
const ROLES = { task: "task", trigger: "trigger", condition: "condition", taskrunner: "task runner", input: "input" };

export class Knowledge {
  /** Fetched once; the browser asks whether it has changed. */
  static async load() {
    const answer = await fetch("/editor/knowledge.json");
    if (!answer.ok) throw new Error("the editor's knowledge of types cannot be had: reload the page");
    return new Knowledge(await answer.json());
  }

  constructor(told) {
    Object.assign(this, told);
    this.byName = new Map(Object.values(told.types).flatMap((type) => type.names.map((name) => [`${type.role} ${name}`, type])));
  }

  /** A type of a role by any of its names. */
  type(role, name) {
    return this.byName.get(`${role} ${name}`);
  }

  /** The schemas that a container's content may have: references, alternatives and types followed. */
  schemasOf(container) {
    if (!container.owner) return [this.schema];
    return this.inner(this.schemasOf(container.owner.container), container.owner.key, container);
  }

  /** The schemas of what stands under an entry's key. */
  schemasAt(entry) {
    return this.inner(this.schemasOf(entry.container), entry.key, null);
  }

  inner(schemas, key, container) {
    const found = [];
    for (const schema of schemas) {
      const next = typeof key === "number" ? schema.items : (schema.properties?.[key] ?? schema.additionalProperties);
      if (next && next !== true) found.push(...this.expand(next, container));
    }
    return found;
  }

  expand(schema, container) {
    if (schema.$ref) {
      const name = schema.$ref.slice(REF.length);
      const found = this.schema.$defs[name];
      return name in ROLES && found.oneOf ? this.chosen(found, container, ROLES[name]) : this.expand(found, container);
    }
    if (schema.pattern === "\\{[{%]" || schema.type === "null") return [];
    if (!schema.anyOf || schema.properties) return [schema];
    return schema.anyOf.flatMap((one) => this.expand(one, container));
  }

  /** Of several types the one that the text names; what they have in common where it names none. */
  chosen(schema, container, role) {
    const all = schema.oneOf.flatMap((one) => this.expand(one, null));
    const name = container?.kind === "map" ? valueOf(container, "type") : "";
    const named = all.filter((one) => one.properties.type?.enum.includes(name));
    if (named.length) return named.map((one) => ({ ...one, role }));
    const shared = Object.keys(all[0].properties).filter((key) => all.every((one) => key in one.properties));
    const properties = Object.fromEntries(shared.map((key) => [key, all[0].properties[key]]));
    properties.type = { enum: all.flatMap((one) => one.properties.type.enum), description: "What it is." };
    return [{ type: "object", role, properties, required: ["id", "type"].filter((key) => key in properties) }];
  }

  /**
   * name → {schema, required} of a map: each property by its usual name. The schema does not ask for what a type requires, for
   * pluginDefaults may bring it; people want to know nevertheless.
   */
  properties(container) {
    const found = this.propertiesOf(this.schemasOf(container));
    const needed = this.type(this.roleOf(container), valueOf(container, "type"))?.required ?? [];
    for (const name of needed) if (found.has(name)) found.get(name).required = true;
    return found;
  }

  propertiesOf(schemas) {
    const found = new Map();
    const said = new Set();
    for (const { properties = {}, required = [] } of schemas) {
      for (const [name, schema] of Object.entries(properties)) {
        const isOther = OLDER.test(schema.description ?? "") || (schema.description && said.has(schema.description));
        if (schema.description) said.add(schema.description);
        if (!isOther && !found.has(name)) found.set(name, { schema, required: required.includes(name) });
      }
    }
    return found;
  }

  /** What a property may be, of those values that can be listed. */
  values(schemas) {
    const found = schemas.flatMap((schema) => {
      if (schema.enum) return schema.enum;
      return schema.type === "boolean" ? [true, false] : [];
    });
    return [...new Set(found)];
  }

  /** The role of the types that stand at `type` of this container: task, trigger, input …; undefined where it is none of these. */
  roleOf(container) {
    return this.schemasOf(container).find((schema) => schema.role)?.role;
  }

  /** Types to choose from, the short names: [{name, title, example}]. */
  typesOf(role) {
    if (role === "input")
      return this.schema.$defs.input.oneOf.map((one) => ({ name: one.title, title: "", names: one.properties.type.enum }));
    return Object.values(this.types).filter((type) => type.role === role);
  }

  /** A property's type in words. */
  kind(container, name, schema) {
    const told = container && this.type(this.roleOf(container), valueOf(container, "type"))?.kinds[name];
    if (told) return told;
    const expanded = this.expand(schema, null);
    const values = this.values(expanded);
    if (values.length > 2) return values.join(", ");
    const kinds = expanded.flatMap((one) => (Array.isArray(one.type) ? one.type : one.type ? [one.type] : []));
    const words = { string: "text", number: "number", array: "list", object: "map", integer: "integer", boolean: "boolean" };
    const said = [...new Set(kinds.map((kind) => words[kind]).filter(Boolean))];
    return (said.includes("text") ? said.filter((word) => word !== "number") : said).join(" or ") || "anything";
  }
}
