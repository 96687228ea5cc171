// The box for SQL: runs a statement, shows its rows as a table and as a chart, keeps a history in the browser; and a table's preview.
import { api } from "./app.js";
import { drawBars, drawLines } from "./charts.js";

const HISTORY = "taxi.sql.history";
const KEPT = 20;
const LONGEST_IN_ADDRESS = 1500;
const SHOWN_ROWS = 1000;
const MOST_BARS = 200;
const ASK_PRICE_AFTER = 600;

const box = document.getElementById("sql");
const preview = document.getElementById("preview");

if (box) startBox();
if (preview) startPreview();

// ---------------------------------------------------------------- the box

function startBox() {
  const form = document.getElementById("question");
  const statement = document.getElementById("statement");
  let running = null;
  let answer = null;

  const run = async ({ remember = true } = {}) => {
    const sql = statement.value.trim();
    if (!sql || running) return;
    running = new AbortController();
    waiting(true);
    complain(null);
    if (remember) inAddress(sql);
    try {
      answer = await api("POST", "/api/v1/data/query", { sql, limit: SHOWN_ROWS }, {}, running.signal);
      keep(sql);
      show(answer, sql);
    } catch (error) {
      if (running.signal.aborted) tell("Cancelled.");
      else complain(error, statement);
    } finally {
      running = null;
      waiting(false);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  statement.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  });
  document.getElementById("cancel").addEventListener("click", () => running?.abort());
  for (const menu of box.querySelectorAll("[data-menu]")) {
    menu.addEventListener("click", (event) => {
      const chosen = event.target.closest("[data-sql]");
      if (!chosen) return;
      menu.open = false;
      statement.value = chosen.dataset.sql;
      statement.focus();
      priceSoon(statement);
      if (!("bills" in box.dataset)) run();
    });
  }
  for (const id of ["chart-kind", "chart-x", "chart-y"]) document.getElementById(id).addEventListener("change", () => draw(answer));
  document.getElementById("chart-fold").addEventListener("toggle", () => draw(answer));
  addEventListener("popstate", () => {
    statement.value = new URLSearchParams(location.search).get("sql") ?? statement.value;
  });
  statement.addEventListener("input", () => priceSoon(statement));
  showHistory();
  priceSoon(statement);
  if (new URLSearchParams(location.search).has("sql") && !("bills" in box.dataset)) run({ remember: false });
}

function waiting(is) {
  document.getElementById("run").disabled = is;
  document.getElementById("cancel").hidden = !is;
  document.getElementById("rows").setAttribute("aria-busy", String(is));
  if (is) tell("Running…");
}

function tell(text) {
  document.getElementById("told").textContent = text;
  document.getElementById("result").hidden = false;
  for (const part of ["files", "rows", "chart-fold"]) document.getElementById(part).hidden = true;
}

function complain(error, statement = null) {
  const trouble = document.getElementById("trouble");
  trouble.hidden = !error;
  if (!error) return;
  const result = document.getElementById("result");
  if (result) result.hidden = true;
  const at = error.problems?.find((problem) => problem.line);
  trouble.textContent = (at ? `Line ${at.line}, column ${at.column}: ` : "") + error.message;
  if (at && statement) mark(statement, at);
}

/** Selects the word that an error is about. */
function mark(statement, { line, column }) {
  const text = statement.value;
  const shift = text.length - text.trimStart().length;
  const lines = text.slice(shift).split("\n");
  const start = shift + lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  const word = /^(\w+|.)/.exec(text.slice(start))?.[0] ?? "";
  statement.focus();
  statement.setSelectionRange(start, start + word.length);
}

function show(answer, sql) {
  const rows = answer.rows.length.toLocaleString("en");
  const cut = answer.truncated;
  const many = answer.rows.length === 1 ? "row" : "rows";
  const billed = answer.bytesBilled === null ? "" : `, ${bytes(answer.bytesBilled)} billed`;
  tell(`${rows} ${cut ? "of more rows" : many} in ${answer.seconds.toFixed(2)} s${billed}${cut ? "; the rest is in the download" : ""}.`);
  for (const link of document.querySelectorAll("#files a")) {
    link.href = `/api/v1/data/export?${new URLSearchParams({ format: link.dataset.format, sql })}`;
  }
  const place = document.getElementById("rows");
  place.replaceChildren(tableOf(answer));
  place.scrollTo(0, 0);
  for (const part of ["files", "rows"]) document.getElementById(part).hidden = false;
  offerChart(answer);
}

function inAddress(sql) {
  const url = new URL(location.href);
  if (sql.length <= LONGEST_IN_ADDRESS) url.searchParams.set("sql", sql);
  else url.searchParams.delete("sql");
  if (url.href !== location.href) history.pushState(null, "", url);
}

// ---------------------------------------------------------------- what was asked before

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(HISTORY)) ?? [];
  } catch {
    return [];
  }
}

function keep(sql) {
  const kept = [sql, ...remembered().filter((one) => one !== sql)].slice(0, KEPT);
  localStorage.setItem(HISTORY, JSON.stringify(kept));
  showHistory();
}

function showHistory() {
  const kept = remembered();
  document.getElementById("history").hidden = kept.length === 0;
  document.getElementById("history-list").replaceChildren(
    ...kept.map((sql) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: sql });
      button.textContent = sql.replace(/\s+/g, " ");
      button.dataset.sql = sql;
      return button;
    }),
  );
}

// ---------------------------------------------------------------- what it would cost, where that is billed

let priceTimer = 0;

function priceSoon(statement) {
  if (!("bills" in box.dataset)) return;
  clearTimeout(priceTimer);
  priceTimer = setTimeout(async () => {
    const sql = statement.value.trim();
    const told = document.getElementById("price");
    try {
      const price = sql ? await api("POST", "/api/v1/data/price", { sql }) : null;
      told.textContent = price ? `would read ${bytes(price.bytes)}` : "";
    } catch {
      told.textContent = ""; // it says what is wrong when it is run
    }
  }, ASK_PRICE_AFTER);
}

function bytes(count) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${(count / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

// ---------------------------------------------------------------- rows

function tableOf({ columns, rows }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const { name, type, kind } of columns) {
    const cell = Object.assign(document.createElement("th"), { textContent: name, title: type, scope: "col" });
    if (kind === "number") cell.className = "number";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value, place) => fill(line.insertCell(), value, columns[place].kind));
  }
  return table;
}

function fill(cell, value, kind) {
  if (kind === "number") cell.className = "number";
  if (value === null) {
    cell.classList.add("data-null");
    cell.textContent = "null";
    return;
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  cell.textContent = text;
  if (text.length > 40) cell.title = text;
}

// ---------------------------------------------------------------- a chart of them

function offerChart({ columns, rows }) {
  const numbers = columns.filter(({ kind }) => kind === "number").map(({ name }) => name);
  const fold = document.getElementById("chart-fold");
  fold.hidden = rows.length < 2 || columns.length < 2 || numbers.length === 0;
  if (fold.hidden) return;
  const x = columns.find(({ kind }) => kind === "time") ?? columns.find(tellsApart(columns, rows)) ?? columns.find(({ kind }) => kind !== "number") ?? columns[0];
  choose("chart-x", columns.map(({ name }) => name), x.name);
  choose("chart-y", numbers, numbers.filter((name) => name !== x.name).at(-1) ?? numbers[0]);
  document.getElementById("chart-kind").value = x.kind === "time" && rows.length > 12 ? "lines" : "bars";
  draw({ columns, rows });
}

/** Whether a column of words has another one in each row. */
function tellsApart(columns, rows) {
  return (column) => column.kind !== "number" && new Set(rows.map((row) => JSON.stringify(row[columns.indexOf(column)]))).size === rows.length;
}

function choose(id, names, chosen) {
  const select = document.getElementById(id);
  select.replaceChildren(...names.map((name) => new Option(name, name, name === chosen, name === chosen)));
}

function draw(answer) {
  const fold = document.getElementById("chart-fold");
  if (!answer || !fold.open || fold.hidden) return;
  const place = (id) => answer.columns.findIndex(({ name }) => name === document.getElementById(id).value);
  const [x, y] = [place("chart-x"), place("chart-y")];
  const lines = document.getElementById("chart-kind").value === "lines";
  const rows = lines ? answer.rows : answer.rows.slice(0, MOST_BARS);
  const data = {
    title: `${answer.columns[y].name} over ${answer.columns[x].name}`,
    x: { name: answer.columns[x].name, values: rows.map((row) => placeOf(row[x], answer.columns[x].kind, lines)) },
    series: [{ name: answer.columns[y].name, values: rows.map((row) => numberOf(row[y])) }],
  };
  (lines ? drawLines : drawBars)(document.getElementById("chart"), data);
}

function placeOf(value, kind, lines) {
  if (value === null) return "null";
  if (lines && kind === "time" && /^\d{4}-\d\d-\d\d/.test(value)) return new Date(value.length > 10 ? `${value.slice(0, 23).replace(" ", "T")}Z` : value);
  if (lines && kind === "number") return numberOf(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function numberOf(value) {
  const number = value === null ? NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

// ---------------------------------------------------------------- a table's preview

function startPreview() {
  const load = async () => {
    preview.setAttribute("aria-busy", "true");
    complain(null);
    try {
      preview.replaceChildren(tableOf(await api("POST", "/api/v1/data/query", { sql: preview.dataset.sql })));
    } catch (error) {
      complain(error);
    }
    preview.removeAttribute("aria-busy");
  };
  document.getElementById("preview-run")?.addEventListener("click", load);
  if ("now" in preview.dataset) load();
}
