// Bars and lines, drawn by uPlot in the colours of the page.
//
//   import { drawBars, drawLines } from "./charts.js";
//   drawBars(element, data)     columns side by side at each place of x, or one upon the other with `stacked: true`
//   drawLines(element, data)    a line per series; a null is a gap
//
// `element` is an empty block (`<div id="…" data-keep></div>`): it takes its width, and is 220 px high. Calling again with the same
// element draws the new data in it. `data` is
//
//   {
//     title: "Executions by state",            // what the chart is called: for the table, and for who does not see it
//     x: { name: "Day", values: [...] },       // strings (places in that order), numbers, or Dates (lines have them to scale)
//     series: [{ name: "failed", values: [...], tone: "fail" }],   // as many numbers or nulls as x has; tone: of the stylesheet,
//                                                                  // good run fail warn hold wait stop; without it a colour of its own
//     stacked: false,                          // bars only
//     format: (value) => "…",                  // how values of y are written; else 1,234.5
//     zone: "America/New_York",                // in which Dates are written; else UTC
//   }
//
// Below the drawing stand a legend (where there are several series) and, folded, the same as a table. One hovers over a place, or
// goes along with the arrow keys, to read its values. Colours follow the theme, sizes the window.

import uPlot from "./vendor/uplot.js";

const HEIGHT = 220;
const OWN_TONES = ["run", "hold", "warn", "good", "wait"];
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/** The charts there are, by their elements. */
const charts = new Map();

export function drawBars(element, data) {
  draw(element, data, "bars");
}

export function drawLines(element, data) {
  draw(element, data, "lines");
}

function draw(element, data, kind) {
  forget();
  const known = charts.get(element);
  known?.plot?.destroy();
  const chart = known ?? framed(element);
  Object.assign(chart, { data, kind, plot: null, place: null });
  chart.canvas.setAttribute("aria-label", `${data.title}. Arrow keys read along; the same stands in the table below.`);
  paint(chart);
  showLegend(chart);
  showTable(chart);
}

/** What a chart stands in, made once for an element. */
function framed(element) {
  const canvas = node("div", { className: "chart-canvas", tabIndex: 0 });
  canvas.setAttribute("role", "img");
  const tip = node("div", { className: "chart-tip", hidden: true });
  tip.setAttribute("role", "status");
  const legend = node("ul", { className: "chart-legend" });
  const table = node("details", { className: "chart-table" });
  element.classList.add("chart");
  element.replaceChildren(canvas, tip, legend, table);
  const chart = { element, canvas, tip, legend, table };
  table.addEventListener("toggle", () => showTable(chart));
  canvas.addEventListener("keydown", (event) => goAlong(chart, event));
  canvas.addEventListener("blur", () => point(chart, null));
  chart.observer = new ResizeObserver(() => chart.plot?.setSize({ width: canvas.clientWidth || 300, height: HEIGHT }));
  chart.observer.observe(canvas);
  charts.set(element, chart);
  return chart;
}

function forget() {
  for (const [element, chart] of charts) {
    if (element.isConnected) continue;
    chart.observer.disconnect();
    chart.plot?.destroy();
    charts.delete(element);
  }
}

// ---------------------------------------------------------------- the drawing

function paint(chart) {
  const { data, kind, canvas } = chart;
  const [x, rows] = columnsOf(data, kind);
  const tops = kind === "bars" && data.stacked ? heaped(rows) : rows;
  chart.plot?.destroy();
  chart.plot = new uPlot(
    {
      width: canvas.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === "lines" } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), data.zone ?? "UTC"),
      scales: { x: xScale(x, data, kind), y: { range: (plot, low, high) => yRange(low, high, kind) } },
      axes: [xAxis(chart, x), yAxis(chart, rows)],
      series: [{}, ...rows.map((_, index) => seriesOf(data, kind, index, tops))],
      hooks: { setCursor: [(plot) => showTip(chart, plot.cursor.idx)] },
    },
    [x, ...tops],
    canvas,
  );
}

/** The numbers to draw: places or values of x, and those of the series. */
function columnsOf(data, kind) {
  const values = data.x.values;
  const toScale = kind === "lines" && values.length > 0 && values.every((one) => typeof one === "number" || one instanceof Date);
  const rows = data.series.map((one) => one.values);
  if (!toScale) return [values.map((_, index) => index), rows];
  const order = values.map((_, index) => index).sort((a, b) => values[a] - values[b]);
  data.x.values = order.map((index) => values[index]);
  data.series = data.series.map((one) => ({ ...one, values: order.map((index) => one.values[index]) }));
  const x = data.x.values.map((one) => (one instanceof Date ? one.getTime() / 1e3 : one));
  return [x, data.series.map((one) => one.values)];
}

function heaped(rows) {
  let below = rows[0]?.map(() => 0) ?? [];
  return rows.map((row) => (below = row.map((value, index) => below[index] + (value ?? 0))));
}

function xScale(x, data, kind) {
  const isTime = kind === "lines" && data.x.values[0] instanceof Date;
  return kind === "bars" ? { time: false, range: [-0.6, x.length - 0.4] } : { time: isTime };
}

function yRange(low, high, kind) {
  if (low === null || high === null) return [0, 1];
  if (kind === "bars") return [Math.min(0, low), high > 0 ? high * 1.08 : 1];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return [low >= 0 && low - room < (high - low) / 2 ? 0 : low - room, high + room];
}

function seriesOf(data, kind, index, tops) {
  const { tone, stroke, fill } = coloursOf(data, index);
  const common = { label: data.series[index].name, stroke, points: { show: false } };
  if (kind === "bars") return { ...common, fill, width: tone === "fail" ? 0 : 1, paths: columns(data, index, tops) };
  const alone = data.x.values.length < 40;
  const dash = DASHES[Math.floor(index / OWN_TONES.length) % DASHES.length];
  return { ...common, width: 2, dash, points: { show: alone, size: 5 } };
}

/** A column at each place: upon those of the series before, or in its share of the place's width. */
function columns(data, index, tops) {
  const share = 0.8 / (data.stacked ? 1 : data.series.length);
  const begin = -0.4 + (data.stacked ? 0 : share * index);
  const edge = (plot, x) => Math.round(plot.valToPos(x, "x", true));
  return (plot, _, from, to) => {
    const path = new Path2D();
    for (let place = from; place <= to; place++) {
      const high = tops[index][place];
      const low = data.stacked && index > 0 ? tops[index - 1][place] : 0;
      if (high === null || high === undefined || high === low) continue;
      const [left, right] = [edge(plot, place + begin), edge(plot, place + begin + share)];
      const [top, bottom] = [plot.valToPos(Math.max(high, low), "y", true), plot.valToPos(Math.min(high, low), "y", true)];
      path.rect(left, top, Math.max(right - left - 1, 1), Math.max(bottom - top, 1));
    }
    return { stroke: path, fill: path };
  };
}

// ---------------------------------------------------------------- axes and colours

function xAxis(chart, x) {
  const { data, kind } = chart;
  const axis = { stroke: token("--ink-2"), grid: { show: false }, ticks: { show: false }, font: font(), size: 30, gap: 6 };
  const toScale = kind === "lines" && typeof data.x.values[0] !== "string";
  if (toScale && data.x.values.length) return { ...axis, space: 70, ...(data.x.values[0] instanceof Date ? {} : { values: (_, all) => all.map((one) => exact.format(one)) }) };
  const longest = Math.max(...data.x.values.map((one) => written(one, data).length), 1);
  return {
    ...axis,
    splits: (plot) => {
      const fit = Math.max(Math.floor(plot.bbox.width / devicePixelRatio / (longest * 7 + 14)), 1);
      const step = Math.ceil(x.length / fit);
      return x.filter((place) => place % step === 0);
    },
    values: (_, places) => places.map((place) => written(data.x.values[place], data)),
  };
}

function yAxis(chart, rows) {
  const whole = rows.every((row) => row.every((value) => value === null || Number.isInteger(value)));
  const written = chart.data.format ?? ((value) => compact.format(value));
  return {
    stroke: token("--ink-2"),
    grid: { stroke: token("--line"), width: 1 },
    ticks: { show: false },
    font: font(),
    gap: 6,
    space: 36,
    ...(whole ? { incrs: [1, 2, 5].flatMap((one) => [...Array(15)].map((_, power) => one * 10 ** power)).sort((a, b) => a - b) } : {}),
    values: (_, splits) => splits.map((value) => written(value)),
    size: (_, values) => Math.max(...(values ?? []).map((value) => value.length), 2) * 7.5 + 14,
  };
}

function coloursOf(data, index) {
  const tone = data.series[index].tone ?? OWN_TONES[index % OWN_TONES.length];
  const isOwn = data.series[index].tone === undefined;
  const stroke = token(`--tone-${tone}`);
  return { tone, stroke, fill: tone === "fail" ? token("--tone-fail-solid") : isOwn ? stroke : token(`--tone-${tone}-pale`) };
}

/** A colour of the stylesheet as it is now, in the light or in the dark: what an element that has it would be drawn in. */
function token(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function font() {
  return `12px ${getComputedStyle(document.body).fontFamily}`;
}

function written(value, data) {
  if (value instanceof Date) return new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", timeZone: data.zone ?? "UTC" }).format(value);
  return typeof value === "number" ? exact.format(value) : String(value ?? "");
}

// ---------------------------------------------------------------- reading it

function lineOf(data, place) {
  const format = data.format ?? ((value) => exact.format(value));
  const values = data.series.map((one) => [one.name, one.values[place]]).filter(([, value]) => value !== null && value !== undefined && (value !== 0 || !data.stacked));
  return [written(data.x.values[place], data), values.map(([name, value]) => `${name} ${format(value)}`)];
}

function showTip(chart, place) {
  const { tip, data, plot } = chart;
  tip.hidden = place === null || place === undefined;
  if (tip.hidden) return;
  chart.place = place;
  const [title, values] = lineOf(data, place);
  tip.replaceChildren(node("strong", { textContent: title }), ...(values.length ? values : ["nothing"]).map((text) => node("span", { textContent: text })));
  const at = plot.valToPos(plot.data[0][place], "x") + plot.bbox.left / devicePixelRatio;
  const room = chart.element.clientWidth - tip.offsetWidth;
  tip.style.left = `${Math.max(0, Math.min(at + 12 > room ? at - tip.offsetWidth - 12 : at + 12, room))}px`;
}

function goAlong(chart, event) {
  const last = chart.data.x.values.length - 1;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "Escape") point(chart, null);
  else if (step && last >= 0) {
    event.preventDefault();
    point(chart, chart.place === null ? (step > 0 ? 0 : last) : Math.min(Math.max(chart.place + step, 0), last));
  }
}

function point(chart, place) {
  const { plot } = chart;
  if (place === null) chart.place = null;
  plot?.setCursor(place === null ? { left: -10, top: -10 } : { left: plot.valToPos(plot.data[0][place], "x"), top: 10 });
}

function showLegend({ legend, data }) {
  legend.hidden = data.series.length < 2;
  legend.replaceChildren(
    ...data.series.map((one, index) => {
      const { stroke, fill } = coloursOf(data, index);
      const swatch = node("span", { className: "chart-swatch" });
      swatch.style.background = fill;
      swatch.style.borderColor = stroke;
      const item = node("li", {});
      item.append(swatch, one.name);
      return item;
    }),
  );
}

/** Made only where it is looked at: a result may have thousands of rows. */
function showTable({ table, data }) {
  const summary = table.querySelector("summary") ?? node("summary", { textContent: "As a table" });
  if (!table.open) return void table.replaceChildren(summary);
  const grid = node("table", {});
  grid.createCaption().textContent = data.title;
  const head = grid.createTHead().insertRow();
  head.append(node("th", { scope: "col", textContent: data.x.name }));
  for (const { name } of data.series) head.append(node("th", { scope: "col", className: "number", textContent: name }));
  const body = grid.createTBody();
  data.x.values.forEach((value, place) => {
    const row = body.insertRow();
    row.append(node("th", { scope: "row", textContent: written(value, data) }));
    for (const one of data.series) row.append(node("td", { className: "number", textContent: one.values[place] === null ? "" : (data.format ?? exact.format)(one.values[place]) }));
  });
  const scroll = node("div", { className: "scroll", tabIndex: 0 });
  scroll.append(grid);
  table.replaceChildren(summary, scroll);
}

function node(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

// ---------------------------------------------------------------- other colours

function repaint() {
  forget();
  for (const chart of charts.values()) {
    paint(chart);
    showLegend(chart);
  }
}

document.addEventListener("taxi:theme", repaint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
