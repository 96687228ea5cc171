// Changes of a YAML text that leave everything else as it was written: comments, order, quotes, blank lines. Pure: a text goes in,
// the one replacement {from, to, insert} that makes the change comes out, or null where there is none to make.
//
//   setAt(text, path, value)   puts a value there; undefined takes the key away. {yaml: "…"} is a value as YAML text
//   append(text, path, value)  one more item of a list, which is made where it is missing
//   removeAt(text, path)       takes an item of a list away
//   valueAt(text, path)        what stands there: {kind: "none" | "scalar" | "complex" | "alias", value, yaml}
//
// A path is of keys and indexes: ["inputs", 0, "defaults"].
import { isAlias, isMap, isScalar, isSeq, parseDocument, stringify } from "./vendor/yaml.js";

/** Which keys of a flow a new one comes after. */
const ORDER = [
  "id",
  "namespace",
  "description",
  "labels",
  "inputs",
  "variables",
  "concurrency",
  "tasks",
  "errors",
  "finally",
  "outputs",
  "triggers",
];
const OPTIONS = { keepSourceTokens: true, uniqueKeys: false };

/** The text as a document, which keeps the text itself as `text`; its `errors` say whether it can be edited. */
export function parse(text) {
  return Object.assign(parseDocument(text, OPTIONS), { text });
}

export function valueAt(document, path) {
  const node = path.length ? document.getIn(path, true) : document.contents;
  if (node === undefined || node === null) return { kind: "none" };
  if (isAlias(node)) return { kind: "alias", yaml: `*${node.source}` };
  if (isScalar(node)) return { kind: node.value === null ? "none" : "scalar", value: node.value };
  return { kind: "complex", yaml: asWritten(document, path, node) };
}

/** What stands there as YAML text, comments and all, from the left edge on. */
function asWritten({ text, contents }, path, node) {
  const map = path.slice(0, -1).reduce((inner, key) => inner.get(key, true), contents);
  const pair = map.items.find((one) => one.key?.value === path.at(-1));
  const isBelow = pair && text.slice(pair.key.range[1], node.range[0]).includes("\n");
  const start = isBelow ? lineEnd(text, pair.key.range[1]) + 1 : node.range[0];
  const edge = isBelow ? columnOf(text, node.range[0]) : columnOf(text, pair?.key.range[0] ?? 0);
  return text.slice(start, contentEnd(text, node)).replace(new RegExp(`^ {0,${edge}}`, "gm"), "");
}

export function setAt(text, path, value) {
  const document = parse(text);
  const { node, rest } = reach(document, path);
  if (rest.length > 1 || !rest.length) {
    if (value === undefined) return null;
    const nested = rest.slice(1).reduceRight((inner, key) => (typeof key === "number" ? [inner] : { [key]: inner }), value);
    return insertPair(text, node, rest[0], nested);
  }
  const [key] = rest;
  if (isSeq(node)) return isScalar(node.items[key]) ? replaceScalar(text, node.items[key], value) : null;
  const pair = node?.items?.find((one) => one.key?.value === key);
  if (!pair) return value === undefined ? null : insertPair(text, node, key, value);
  if (value === undefined) return removePair(text, node, pair);
  const isPlain = isScalar(pair.value) && !pair.value.type?.startsWith("BLOCK") && pair.value.source !== "" && !isComplex(value);
  if (isPlain && !String(value).includes("\n")) return replaceScalar(text, pair.value, value);
  return replaceValue(text, node, pair, value);
}

export function append(text, path, value) {
  const document = parse(text);
  const seq = document.getIn(path, true);
  if (!isSeq(seq) || !seq.items.length) return setAt(text, path, [value]);
  if (seq.flow) return setAt(text, path, [...seq.toJS(document), value]);
  const end = lineEnd(text, contentEnd(text, seq));
  const column = columnOf(text, dashOf(seq, 0));
  const isSpaced = seq.items.length > 1 && /\n[ \t]*\n/.test(text.slice(seq.items[0].range[0], dashOf(seq, 1)));
  return { from: end, to: end, insert: `\n${isSpaced ? "\n" : ""}${indented(written([value]), column)}` };
}

export function removeAt(text, path) {
  const document = parse(text);
  const above = path.slice(0, -1);
  const seq = document.getIn(above, true);
  const index = path.at(-1);
  if (seq.items.length === 1) return setAt(text, above, undefined);
  if (seq.flow) return setAt(text, above, seq.toJS(document).toSpliced(index, 1));
  const dash = dashOf(seq, index);
  const from = withComments(text, lineStart(text, dash), columnOf(text, dash));
  let to = Math.min(lineEnd(text, contentEnd(text, seq.items[index])) + 1, text.length);
  // The blank line between items goes with the item.
  const isFirst = index === 0;
  if (index < seq.items.length - 1 || isFirst) while (/^[ \t]*\n/.test(text.slice(to)) && to < text.length) to = text.indexOf("\n", to) + 1;
  const before = index === seq.items.length - 1 ? /(?:\n[ \t]*)*$/.exec(text.slice(0, from))[0].length - 1 : 0;
  return { from: from - Math.max(before, 0), to, insert: "" };
}

/** The deepest node on the way that is there, and the keys from there on. */
function reach(document, path) {
  let node = document.contents;
  for (let index = 0; index < path.length - 1; index++) {
    const next = isMap(node) || isSeq(node) ? node.get(path[index], true) : undefined;
    if (isAlias(next)) throw new Error(`it is written elsewhere, at &${next.source}: change it in the text`);
    if (!isMap(next) && !isSeq(next)) return { node, rest: path.slice(index) };
    node = next;
  }
  return { node, rest: path.slice(-1) };
}

function replaceScalar(text, node, value) {
  const isQuoted = node.type?.startsWith("QUOTE");
  const asWritten = typeof value === "string" && isQuoted ? { defaultStringType: node.type } : {};
  const insert = stringify(value, { lineWidth: 0, ...asWritten }).trimEnd();
  const [from, to] = node.range;
  return text.slice(from, to) === insert ? null : { from, to, insert };
}

/** All that stands after the colon, which may be nothing, lines below it, or an inline value with its anchor. */
function replaceValue(text, map, pair, value) {
  const colon = text.indexOf(":", pair.key.range[1]) + 1;
  const end = pair.value && pair.value.source !== "" ? contentEnd(text, pair.value) : colon;
  if (map.flow) return { from: colon, to: end, insert: ` ${JSON.stringify(plain(value))}` };
  const lines = pairText(pair.key.value, value, columnOf(text, pair.key.range[0])).trimStart();
  const insert = lines.slice(lines.indexOf(":") + 1);
  // Lines below the key take the place of lines below it: an anchor or a comment beside the key stays.
  const isBelow = insert.startsWith("\n") && text.slice(colon, end).trimStart() && lineEnd(text, colon) < end && !isScalar(pair.value);
  return { from: isBelow ? lineEnd(text, colon) : colon, to: end, insert };
}

function insertPair(text, map, key, value) {
  if (!map || !isMap(map) || !map.items.length) {
    if (map && !map.flow) throw new Error("there is no map to put it in: change it in the text");
    if (map) return { from: map.range[0], to: map.range[1], insert: `{${key}: ${JSON.stringify(plain(value))}}` };
    return { from: text.length, to: text.length, insert: `${text && !text.endsWith("\n") ? "\n" : ""}${pairText(key, value, 0)}\n` };
  }
  if (map.flow) {
    const end = contentEnd(text, map.items.at(-1));
    return { from: end, to: end, insert: `, ${key}: ${JSON.stringify(plain(value))}` };
  }
  const column = columnOf(text, map.items[0].key.range[0]);
  const isTop = column === 0 && ORDER.includes(key);
  const earlier = isTop
    ? map.items.findLast((pair) => ORDER.indexOf(pair.key.value) < ORDER.indexOf(key) && ORDER.includes(pair.key.value))
    : null;
  const end = lineEnd(text, contentEnd(text, earlier ?? map.items.at(-1)));
  return { from: end, to: end, insert: `\n${isTop && isComplex(value) ? "\n" : ""}${pairText(key, value, column)}` };
}

function removePair(text, map, pair) {
  const index = map.items.indexOf(pair);
  const next = map.items[index + 1];
  const start = pair.key.range[0];
  if (map.flow || text.slice(lineStart(text, start), start).trim()) {
    // Beside a dash or in braces: what comes next takes its place.
    if (next) return { from: start, to: next.key.range[0], insert: "" };
    if (map.flow && index) return { from: contentEnd(text, map.items[index - 1]), to: contentEnd(text, pair), insert: "" };
    return { from: start, to: contentEnd(text, pair), insert: "{}" };
  }
  let from = lineStart(text, start);
  const to = Math.min(lineEnd(text, contentEnd(text, pair)) + 1, text.length);
  // Of two blank lines around it, one goes with it.
  if (/\n[ \t]*\n$/.test(text.slice(0, from)) && /^[ \t]*(\n|$)/.test(text.slice(to))) from = text.lastIndexOf("\n", from - 2) + 1;
  return { from, to, insert: "" };
}

// ---------------------------------------------------------------- texts

function isComplex(value) {
  return typeof value === "object" && value !== null;
}

function plain(value) {
  return isComplex(value) && "yaml" in value ? (parseDocument(value.yaml).toJS() ?? null) : value;
}

function written(value) {
  return stringify(value, { lineWidth: 0 }).trimEnd();
}

/** `key: value`, or `key:` with lines below it; what is given as YAML stays as it is given. */
function pairText(key, value, column) {
  if (!isComplex(value) || !("yaml" in value)) return indented(written({ [key]: value }), column);
  const given = value.yaml.trimEnd();
  const isInline = !given.includes("\n") && !/^(- |[\w.$-]+:(\s|$))/.test(given);
  return indented(isInline ? `${key}: ${given}` : `${key}:\n${indented(given, 2)}`, column);
}

function indented(text, column) {
  return text.replace(/^(?=.)/gm, " ".repeat(column));
}

// ---------------------------------------------------------------- places

/** Where the last scalar of a node, or pair, ends: comments below it are not part of it. */
function contentEnd(text, node) {
  if (node.items?.length && !node.flow) return contentEnd(text, node.items.at(-1));
  if (!node.range)
    return node.value && (!isScalar(node.value) || node.value.source !== "")
      ? contentEnd(text, node.value)
      : text.indexOf(":", node.key.range[1]) + 1;
  let end = node.range[1];
  while (end > node.range[0] && /\s/.test(text[end - 1])) end--;
  return end;
}

function dashOf(seq, index) {
  return seq.srcToken.items[index].start.find((token) => token.type === "seq-item-ind").offset;
}

function lineStart(text, at) {
  return text.lastIndexOf("\n", at - 1) + 1;
}

function lineEnd(text, at) {
  const found = text.indexOf("\n", at);
  return found < 0 ? text.length : found;
}

function columnOf(text, at) {
  return at - lineStart(text, at);
}

/** The start of the comment lines directly above a line, as far in as the line itself. */
function withComments(text, start, column) {
  let from = start;
  while (from > 0) {
    const above = lineStart(text, from - 1);
    const line = text.slice(above, from - 1);
    if (line.trimStart()[0] !== "#" || line.length - line.trimStart().length !== column) break;
    from = above;
  }
  return from;
}
