// The outline of a YAML text by its indentation: which keys stand inside of which, and where. Unlike a parser it gives an answer
// for any text, also for one that is just being typed: completion and hovering need nothing else.
//
//   outline(text, cursor) → {root, entries, here}
//     container  {kind: "map" | "seq", indent, entries, owner}: `owner` is the entry it stands under, null for the root
//     entry      {key, line, column, value, valueColumn, last, child, container}: places count from 0; `value` is what stands on the
//                key's own line; `last` is the last line of it all
//     here       what the cursor {line, column} is at, null at nothing: {kind: "key" | "value" | "block", container, entry, column, text};
//                of a key, `text` is what is there of it so far, and its container is one where it would stand

const KEY = /^("[^"]*"|'[^']*'|[^\s"'#&*!|>%@`{}[\],-][^#]*?|-[^\s][^#]*?)\s*:(?=\s|$)/;
const BLOCK = /^(?:[&!]\S+\s+)*[|>][-+0-9]*\s*(?:#.*)?$/;

export function outline(text, cursor) {
  const reader = new Reader(cursor);
  text.split("\n").forEach((line, number) => reader.read(line, number));
  reader.end();
  return { root: reader.root, entries: reader.entries, here: reader.here };
}

class Reader {
  constructor(cursor) {
    this.cursor = cursor;
    this.root = { kind: "map", indent: 0, entries: [], owner: null };
    this.stack = [this.root];
    this.entries = [];
    this.here = null;
    this.block = null; // the entry whose block of text goes on
    this.line = 0;
  }

  get top() {
    return this.stack[this.stack.length - 1];
  }

  read(line, number) {
    this.line = number;
    const indent = line.length - line.trimStart().length;
    const blank = indent === line.length;
    const at = this.cursor?.line === number ? this.cursor.column : -1;
    if (this.block) {
      const goesOn = indent > this.block.outer || (blank && at <= this.block.outer ? at < 0 : blank);
      if (goesOn) {
        if (at >= 0) this.here = { kind: "block", container: this.block.entry.container, entry: this.block.entry };
        return;
      }
      this.block = null;
    }
    if (blank) {
      if (at >= 0) this.place(at, "", at, number);
    } else if (line[indent] !== "#") this.readParts(line, indent, at);
  }

  /** The dashes of a line, then its key, or what else there is. */
  readParts(line, start, at) {
    let column = start;
    while (/^-(\s|$)/.test(line.slice(column))) {
      this.item(column);
      const dash = column++;
      while (line[column] === " ") column++;
      if (column >= line.length) {
        if (at > dash) this.place(Math.max(at, dash + 2), "", at, this.line);
        return;
      }
    }
    const rest = line.slice(column);
    const found = KEY.exec(rest);
    if (found) this.key(rest, found, column, at);
    else if (at >= column && /^[\w.$-]*\s*$/.test(rest)) this.place(column, rest.trim(), at, this.line);
    else this.scalar(rest, column, at);
  }

  key(rest, found, column, at) {
    const colon = column + found[0].length;
    const value = rest.slice(found[0].length).trim();
    const valueColumn = value ? column + rest.indexOf(value, found[0].length) : colon + 1;
    if (at >= 0 && at < colon) this.place(column, found[1], at, this.line);
    const entry = this.add(column, found[1].replace(/^(["'])(.*)\1$/, "$2"), { value, valueColumn, column });
    if (!entry) return;
    if (at >= colon) this.here = { kind: "value", container: entry.container, entry, column: valueColumn, text: value };
    if (BLOCK.test(value)) this.block = { entry, outer: entry.container.indent };
  }

  /** Text without a key: an item of a list, or more of the text above. */
  scalar(rest, column, at) {
    const entry = this.top.kind === "seq" ? this.top.entries.at(-1) : null;
    if (!entry || entry.line !== this.line) return;
    Object.assign(entry, { value: rest.trim(), valueColumn: column });
    if (at >= column) this.here = { kind: "value", container: entry.container, entry, column, text: rest.trim() };
    if (BLOCK.test(entry.value)) this.block = { entry, outer: entry.container.indent };
  }

  /** Says that a key could stand here. */
  place(column, text, at, line) {
    const container = this.container(column, "map", true);
    if (container) this.here = { kind: "key", container, entry: null, column: text ? column : at, text, line };
  }

  item(column) {
    const container = this.container(column, "seq", false);
    if (container) this.note(container, { key: container.entries.length, value: "", valueColumn: column + 2, column: column + 2 });
  }

  add(column, key, more) {
    const container = this.container(column, "map", false);
    return container && this.note(container, { key, ...more });
  }

  note(container, more) {
    const entry = { child: null, container, line: this.line, last: this.line, ...more };
    container.entries.push(entry);
    this.entries.push(entry);
    return entry;
  }

  /** The open container for what begins at a column; a new one below the last entry where that has none yet. */
  container(column, kind, isOnlyAsked) {
    while (this.stack.length > 1 && (this.top.indent > column || (kind === "map" && this.top.kind === "seq" && this.top.indent === column)))
      this.stack.pop();
    const top = this.top;
    if (top.kind === kind && top.indent === column) return top;
    if (kind === "map" && top.kind === "map" && top.indent >= column) return top;
    const owner = top.entries.at(-1);
    if (!owner) return top === this.root && kind === "map" ? top : null;
    if (owner.child && owner.child.kind !== kind) return null;
    const made = owner.child ?? { kind, indent: column, entries: [], owner };
    if (isOnlyAsked && !owner.child) return made;
    if (!isOnlyAsked) {
      made.indent = column;
      owner.child = made;
      this.stack.push(made);
    }
    return made;
  }

  /** Each entry ends before the next one that does not stand inside of it. */
  end() {
    const close = (container, last) => {
      container.entries.forEach((entry, index) => {
        const next = container.entries[index + 1];
        entry.last = next ? next.line - 1 : last;
        if (entry.child) close(entry.child, entry.last);
      });
    };
    close(this.root, this.line);
  }
}

/** The value of a key of a map, as plain text. */
export function valueOf(container, key) {
  const value = container.entries.find((entry) => entry.key === key)?.value ?? "";
  return value.replace(/\s+#.*$/, "").replace(/^(["'])(.*)\1$/, "$2");
}

/** Every map with an id and a type below that key of the root (and what is nested there). */
export function namedBelow(root, ...keys) {
  const found = [];
  const walk = (container) => {
    if (container.kind === "map" && valueOf(container, "id") && valueOf(container, "type")) found.push(container);
    for (const entry of container.entries) if (entry.child && entry.key !== "inputs") walk(entry.child);
  };
  for (const entry of root.entries) if (keys.includes(entry.key) && entry.child) walk(entry.child);
  return found;
}
