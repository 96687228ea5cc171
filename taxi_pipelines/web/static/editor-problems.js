// What is wrong with the text, asked of the service: marks at the lines, and a list below.
import { setDiagnostics } from "./vendor/codemirror.js";
import { h } from "./editor-fields.js";

const WORD = /^[^\s:#,'"{}[\]()|]+/;

/** Shows problems ({line, column, message, hint}, counted from 1) in the editor and in the list. */
export function showProblems(view, list, problems) {
  const found = problems.map((problem) => placed(view.state.doc, problem)).sort((one, other) => one.from - other.from);
  const diagnostics = found.map(({ from, to, problem, fix }) => ({
    from,
    to,
    severity: "error",
    message: said(problem),
    actions: fix && !view.state.readOnly ? [action(fix)] : [],
  }));
  view.dispatch(setDiagnostics(view.state, diagnostics));
  list.replaceChildren(...found.map((one) => item(view, one)));
}

function placed(doc, problem) {
  const line = doc.line(Math.min(Math.max(problem.line, 1), doc.lines));
  const column = Math.min(problem.column - 1, line.length);
  const rest = line.text.slice(column);
  const length = WORD.exec(rest)?.[0].length ?? rest.trimEnd().length;
  const from = line.from + column;
  return { from, to: Math.max(from + length, from), problem, fix: fixOf(line, column, problem) };
}

/** Where the hint names the word that was meant, and the text has the one that was not: the replacement. */
function fixOf(line, column, { message, hint }) {
  const meant = /did you mean '([^']+)'\?/.exec(hint ?? "")?.[1];
  const given = [...message.matchAll(/'([^']+)'/g)].at(-1)?.[1];
  const at = meant && given ? line.text.indexOf(given, column) : -1;
  return at < 0 ? null : { from: line.from + at, to: line.from + at + given.length, insert: meant };
}

function said({ message, hint }) {
  return hint ? `${message}; ${hint}` : message;
}

function action(fix) {
  return { name: `Write ${fix.insert}`, apply: (view) => view.dispatch({ changes: fix, userEvent: "input.fix" }) };
}

function item(view, { from, problem, fix }) {
  const go = () => {
    const container = view.dom.closest("[data-shown]");
    container.dataset.shown = container.dataset.shown === "problems" ? "text" : container.dataset.shown;
    view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
    view.focus();
  };
  const place = h("button", { type: "button", class: "ghost small editor-place", click: go }, `Line ${problem.line}`);
  const mend =
    fix && !view.state.readOnly
      ? h("button", { type: "button", class: "small", click: () => action(fix).apply(view) }, action(fix).name)
      : null;
  return h(
    "li",
    {},
    place,
    h("span", { class: "editor-said" }, problem.message, problem.hint ? h("span", { class: "muted" }, ` ${problem.hint}`) : null),
    mend,
  );
}
