// The graph of a flow as SVG: tasks as boxes, flow control as boxes around them, arrows for what comes after what.
//
//   drawTopology(element, graph, {onSelect, direction})
//     element    what the macro `box` of topology.html makes: `<div class="topology" data-looks=…>`
//     graph      what `GET /api/v1/flows/{namespace}/{id}/graph`, `POST /api/v1/flows/graph` and
//                `GET /api/v1/executions/{id}/graph` answer: {nodes: [{id, kind, type, label, parent, …}], edges: [{source, target, kind}]};
//                states that its nodes carry are shown
//     onSelect   is called with a node when somebody chooses it, by mouse or keyboard; without it, subflows are links
//     direction  "down", "right" or "fits" (the default: to the right where there is room for it)
//   Drawing again replaces the picture at once: zoom, scroll, focus and the chosen node stay.
//
//   setStates(element, {taskId: {state, runs, seconds}})
//     state      as `ui.state` knows it; `runs` counts task runs by state where there are several, `seconds` is how long it took
//     Tasks that are not named have not begun, and are drawn hollow.
//
//   selectNode(element, nodeId) marks a node as chosen, or none.
//   drawAll(options) draws those that a page comes with: `topology.box(id, graph)` of topology.html, where the graph is given.

import { present } from "./topology-zoom.js";
import { Graph, layout } from "./vendor/dagre.js";

const SVG = "http://www.w3.org/2000/svg";
const ICONS = new URL("icons.svg", import.meta.url).pathname;
const LINE = 15; // from the edge of a box to its first words
const TASK_HEIGHT = 46;
const TITLE_HEIGHT = 33;
const INSIDE = 14; // between a box and what is in it
const WIDEST = 250;
const NARROWEST = 116;

/** What belongs to each element: its graph, its drawn nodes, what was chosen. */
const pictures = new WeakMap();

export function drawTopology(element, graph, { onSelect, direction = "fits" } = {}) {
  const before = pictures.get(element);
  const picture = { element, graph, onSelect, chosen: before?.chosen ?? null, drawn: new Map() };
  pictures.set(element, picture);
  const root = boxes(graph);
  const right = direction === "right" || (direction === "fits" && fitsToTheRight(root, element));
  place(root, right ? "LR" : "TB");
  const focused = element.contains(document.activeElement) ? document.activeElement.closest("[data-node]")?.dataset.node : null;
  present(element, svgOf(picture, root), { width: root.width ?? 0, height: root.height ?? 0 });
  if (focused) picture.drawn.get(focused)?.focus({ preventScroll: true });
  if (graph.nodes.some((node) => node.state)) setStates(element, statesIn(graph));
}

export function setStates(element, states) {
  const { graph, drawn } = pictures.get(element);
  const looks = JSON.parse(element.dataset.looks ?? "{}");
  for (const node of graph.nodes) {
    const group = drawn.get(node.id);
    const known = node.taskId ? states[node.taskId] : undefined;
    const look = known && looks[known.state];
    group.setAttribute("class", `topology-node ${node.kind} ${node.disabled ? "disabled" : ""} ${look ? `tone-${look.tone}` : node.taskId ? "hollow" : ""}`);
    group.querySelector(".topology-state")?.remove();
    const words = known ? progressWords(known, looks) : "";
    group.setAttribute("aria-label", [spoken(node), words].filter(Boolean).join(", "));
    group.querySelector("title").textContent = [spoken(node), node.note, words].filter(Boolean).join("\n");
    if (look) group.append(stateSign(group, node, look, known));
  }
}

export function selectNode(element, nodeId) {
  const picture = pictures.get(element);
  picture.chosen = nodeId;
  for (const [id, group] of picture.drawn) {
    if (id === nodeId) group.setAttribute("aria-current", "true");
    else group.removeAttribute("aria-current");
  }
}

function statesIn(graph) {
  return Object.fromEntries(graph.nodes.filter((node) => node.state).map((node) => [node.taskId, node]));
}

// ---------------------------------------------------------------- how large, and where

const pen = document.createElement("canvas").getContext("2d");
let family = "";

function widthOf(text, weight, size) {
  family ||= getComputedStyle(document.body).fontFamily;
  pen.font = `${weight} ${size}px ${family}`;
  return pen.measureText(text).width;
}

/** The text, or its beginning and an ellipsis where it is wider. */
function fitted(text, weight, size, width) {
  if (widthOf(text, weight, size) <= width) return text;
  let end = Math.max(1, Math.floor((text.length * width) / widthOf(text, weight, size)));
  while (end > 1 && widthOf(`${text.slice(0, end)}…`, weight, size) > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

/** The tree of boxes: each with its children, and the edges among them. */
function boxes(graph) {
  const root = { node: null, children: [], edges: [] };
  const all = new Map([[null, root]]);
  const homes = new Map();
  for (const node of graph.nodes) {
    const box = { node, children: [], edges: [] };
    all.set(node.id, box);
    homes.set(node.id, all.get(node.parent));
    all.get(node.parent).children.push(box);
  }
  for (const edge of graph.edges) homes.get(edge.source).edges.push(edge);
  return root;
}

/** Gives each box its width and height, and its children their places in it: the innermost first. */
function place(box, rankdir) {
  const { node } = box;
  if (node) {
    const words = Math.max(widthOf(node.label, 600, 13), widthOf(typeWords(node), 400, 11.5)) + 2 * LINE + 18;
    box.width = Math.min(WIDEST, Math.max(NARROWEST, words));
    box.height = TASK_HEIGHT;
  }
  if (!box.children.length) return;
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir, nodesep: 18, ranksep: 30, edgesep: 12, rankalign: "top" });
  for (const child of box.children) {
    place(child, rankdir);
    graph.setNode(child.node.id, { width: child.width, height: child.height });
  }
  box.edges.forEach((edge, index) => graph.setEdge(edge.source, edge.target, {}, String(index)));
  layout(graph);
  const { width, height } = graph.graph();
  const title = node ? Math.min(WIDEST * 1.6, headWidth(node)) + 2 * LINE : 0;
  const around = node ? INSIDE : 2;
  box.width = Math.max(width + 2 * around, title);
  box.height = height + around + (node ? TITLE_HEIGHT : around);
  box.shift = { x: (box.width - width) / 2, y: node ? TITLE_HEIGHT : around };
  box.vertical = rankdir === "TB";
  const seen = inOrder(box, graph);
  for (const child of box.children) {
    const { x, y } = seen(graph.node(child.node.id));
    Object.assign(child, { x: x - child.width / 2 + box.shift.x, y: y - child.height / 2 + box.shift.y });
  }
  const at = new Map(box.children.map((child) => [child.node.id, child]));
  box.lines = box.edges.map((edge, index) => {
    const bends = graph.edge(edge.source, edge.target, String(index)).points.slice(1, -1).map(seen);
    const around = bends.length > 1 ? bends : []; // between neighbours one sweep is smoother
    const middle = around.map(({ x, y }) => [x + box.shift.x, y + box.shift.y]);
    return { edge, points: [sideOf(at.get(edge.source), box.vertical, 1), ...middle, sideOf(at.get(edge.target), box.vertical, 0)] };
  });
}

/** Where an arrow leaves a box (1), or comes to it (0). */
function sideOf({ x, y, width, height }, vertical, end) {
  return vertical ? [x + width / 2, y + end * height] : [x + end * width, y + height / 2];
}

/** dagre may place siblings in the other order than the text has them: then the picture is turned over. */
function inOrder(box, graph) {
  const across = box.vertical ? "x" : "y";
  const [along, size] = box.vertical ? ["y", "width"] : ["x", "height"];
  const places = box.children.map((child) => graph.node(child.node.id));
  let balance = 0;
  places.forEach((one, index) => {
    for (const other of places.slice(index + 1)) if (Math.abs(one[along] - other[along]) < 1) balance += Math.sign(other[across] - one[across]);
  });
  return balance < 0 ? (point) => ({ ...point, [across]: graph.graph()[size] - point[across] }) : (point) => point;
}

function headWidth(node) {
  return widthOf(node.label, 600, 13) + widthOf(headNote(node), 400, 11.5) + (node.kind === "branch" ? 8 : 34);
}

function headNote(node) {
  return [node.type, node.note].filter(Boolean).join(" · ");
}

/** Whether it would be no wider than the element: as many boxes as are in its longest way, of common width. */
function fitsToTheRight(root, element) {
  return element.clientWidth >= 640 && longest(root) * 170 <= element.clientWidth;
}

function longest(box) {
  const lengths = new Map();
  const after = new Map();
  for (const edge of box.edges) after.set(edge.source, [...(after.get(edge.source) ?? []), edge.target]);
  const sizes = new Map(box.children.map((child) => [child.node.id, child.children.length ? longest(child) + 0.4 : 1]));
  const from = (id) => {
    if (!lengths.has(id)) lengths.set(id, sizes.get(id) + Math.max(0, ...(after.get(id) ?? []).map(from)));
    return lengths.get(id);
  };
  return Math.max(0, ...box.children.map((child) => from(child.node.id)));
}

// ---------------------------------------------------------------- the picture

function make(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function icon(name, x, y, size = 14) {
  return make("use", { href: `${ICONS}#${name}`, x, y, width: size, height: size });
}

function svgOf(picture, root) {
  const { width = 0, height = 0 } = root;
  const arrow = make("marker", { id: "topology-arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" },
    make("path", { d: "M0.500 0.500 7.500 4 0.500 7.500z" }));
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Graph of the tasks" }, make("defs", {}, arrow));
  drawInside(picture, svg, root, 0, 0);
  return svg;
}

function drawInside(picture, svg, box, x, y) {
  for (const child of box.children) drawBox(picture, svg, child, x + child.x, y + child.y);
  for (const { edge, points } of box.lines ?? []) {
    const at = points.map(([along, down]) => [along + x, down + y]);
    svg.append(make("path", { class: `topology-edge ${edge.kind}`, d: curve(at, box.vertical), "marker-end": "url(#topology-arrow)" }));
  }
}

function curve(points, vertical) {
  let path = `M${points[0].map(round)}`;
  for (let index = 1; index < points.length; index += 1) {
    const [[x0, y0], [x1, y1]] = [points[index - 1], points[index]];
    const [half, middle] = [(y0 + y1) / 2, (x0 + x1) / 2];
    const bends = vertical ? [x0, half, x1, half] : [middle, y0, middle, y1];
    path += `C${[...bends, x1, y1].map(round)}`;
  }
  return path;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function drawBox(picture, svg, box, x, y) {
  const { node, width, height } = box;
  const isBox = box.children.length > 0;
  const group = make("g", { class: `topology-node ${node.kind} ${node.disabled ? "disabled" : ""}`, "data-node": node.id, transform: `translate(${round(x)} ${round(y)})` },
    make("title", {}, [spoken(node), node.note].filter(Boolean).join("\n")),
    make("rect", { class: "topology-box", width: round(width), height: round(height), rx: node.kind === "trigger" ? 23 : 6 }),
    ...(isBox ? title(node, width) : words(node, width)));
  group.dataset.width = width;
  picture.drawn.set(node.id, group);
  svg.append(makeReachable(picture, node, group));
  if (isBox) drawInside(picture, svg, box, x, y);
}

function words(node, width) {
  const room = width - 2 * LINE - 16;
  const sign = { trigger: "clock", subflow: "flow" }[node.kind];
  return [
    make("text", { class: "topology-name", x: LINE, y: 20 }, fitted(node.label, 600, 13, room)),
    make("text", { class: "topology-type", x: LINE, y: 36 }, fitted(typeWords(node), 400, 11.5, room + 8)),
    ...(sign ? [make("g", { class: "topology-sign" }, icon(sign, width - LINE - 9, TASK_HEIGHT - 20, 13))] : []),
  ];
}

function typeWords(node) {
  return node.disabled ? `${node.type}, disabled` : node.type;
}

function title(node, width) {
  const label = fitted(node.label, 600, 13, width - 2 * LINE);
  const start = LINE + widthOf(label, 600, 13) + 8;
  const room = width - start - LINE - 18;
  return [
    make("text", { class: "topology-name", x: LINE, y: 20 }, label),
    ...(room > 20 ? [make("text", { class: "topology-type", x: round(start), y: 20 }, fitted(headNote(node), 400, 11.5, room))] : []),
  ];
}

function spoken(node) {
  const what = node.kind === "branch" ? node.label : [node.label, node.type].filter(Boolean).join(", ");
  return node.disabled ? `${what}, disabled` : what;
}

function makeReachable(picture, node, group) {
  if (node.kind === "branch") return setAll(group, { role: "img", "aria-label": spoken(node) });
  if (picture.onSelect) {
    setAll(group, { role: "button", tabindex: 0, "aria-label": spoken(node) });
    if (node.id === picture.chosen) group.setAttribute("aria-current", "true");
    const choose = () => {
      selectNode(picture.element, node.id);
      picture.onSelect(node);
    };
    group.addEventListener("click", choose);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    });
    return group;
  }
  setAll(group, { role: node.flow ? "link" : "img", "aria-label": spoken(node) });
  return node.flow ? make("a", { href: `/flows/${node.flow.namespace}/${node.flow.id}` }, group) : group;
}

function setAll(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// ---------------------------------------------------------------- states

/** The state's icon at the right of a node, and how many runs are in that state, or how long the only one took, where there is room. */
function stateSign(group, node, look, known) {
  const width = Number(group.dataset.width);
  const sign = make("g", { class: "topology-state" }, icon(look.icon, round(width - LINE - 9), 8));
  if (["group", "branch"].includes(node.kind)) return sign;
  const text = total(known) > 1 ? `${known.runs[known.state]} of ${total(known)}` : spent(known.seconds);
  const room = width - 2 * LINE - 4 - widthOf(text, 400, 11);
  const beside = widthOf(node.label, 600, 13) <= room - 16;
  const below = node.kind === "task" && widthOf(typeWords(node), 400, 11.5) <= room;
  if (beside) sign.append(make("text", { class: "topology-spent", x: round(width - LINE - 13), y: 20, "text-anchor": "end" }, text));
  else if (below) sign.append(make("text", { class: "topology-spent", x: round(width - LINE + 5), y: 36, "text-anchor": "end" }, text));
  return sign;
}

function total(known) {
  return Object.values(known.runs ?? {}).reduce((sum, count) => sum + count, 0);
}

function progressWords(known, looks) {
  if (total(known) > 1) return Object.entries(known.runs).map(([state, count]) => `${count} ${looks[state]?.word ?? state}`).join(", ");
  return [looks[known.state]?.word ?? known.state, spent(known.seconds)].filter(Boolean).join(", ");
}

function spent(seconds) {
  if (seconds === undefined || seconds === null) return "";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min`;
}

// ---------------------------------------------------------------- pictures that pages come with

/** Draws what is in the page already: `<div class="topology" data-graph="#id-of-its-json">`. */
export function drawAll(options = {}) {
  for (const element of document.querySelectorAll(".topology[data-graph]")) {
    drawTopology(element, JSON.parse(document.querySelector(element.dataset.graph).textContent), options);
  }
}
