// CodeMirror as this editor has it: YAML in the colours of the page, two spaces deep, Tab only where somebody asked for it.
import {
  EditorState,
  EditorView,
  HighlightStyle,
  autocompletion,
  bracketMatching,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  defaultKeymap,
  drawSelection,
  foldGutter,
  foldKeymap,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSelectionMatches,
  highlightSpecialChars,
  history,
  historyKeymap,
  hoverTooltip,
  indentOnInput,
  indentUnit,
  indentWithTab,
  keymap,
  lineNumbers,
  lintGutter,
  lintKeymap,
  search,
  searchKeymap,
  syntaxHighlighting,
  tags,
  yaml,
} from "./vendor/codemirror.js";
import { completions, docsAt } from "./editor-complete.js";

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "editor-key" },
  { tag: [tags.string, tags.special(tags.string)], class: "editor-text-token" },
  { tag: [tags.comment, tags.lineComment], class: "editor-comment" },
  { tag: [tags.keyword, tags.meta, tags.typeName, tags.labelName], class: "editor-mark" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], class: "editor-sign" },
]);

/**
 * The editor in that element. `on` has what to do: `changed()`, `moved()`, `save()`. Escape and then Tab leaves it by keyboard, as
 * does Ctrl+M before Tab; both are CodeMirror's own.
 */
export function createEditor(parent, text, { knowledge, isReadOnly, on }) {
  const extensions = [
    lineNumbers(),
    foldGutter(),
    lintGutter(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    search({ top: true }),
    indentUnit.of("  "),
    EditorState.tabSize.of(2),
    yaml(),
    syntaxHighlighting(COLOURS),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": "The flow as YAML. Escape, then Tab leaves it.", tabindex: "0" }),
    EditorState.readOnly.of(isReadOnly),
    EditorView.editable.of(true),
    autocompletion({
      override: [(context) => (knowledge() ? completions(knowledge())(context) : null)],
      icons: false,
      maxRenderedOptions: 200,
    }),
    hoverTooltip((view, position) => hover(view, position, knowledge()), { hoverTime: 350 }),
    keymap.of([
      { key: "Mod-s", preventDefault: true, run: () => (on.save(), true) },
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...defaultKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...lintKeymap,
      indentWithTab,
    ]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) on.changed();
      if (update.docChanged || update.selectionSet) on.moved();
    }),
  ];
  return new EditorView({ parent, state: EditorState.create({ doc: text, extensions }) });
}

function hover(view, position, knowledge) {
  if (!knowledge) return null;
  const line = view.state.doc.lineAt(position);
  const found = docsAt(view.state.doc.toString(), line.number - 1, position - line.from, knowledge);
  if (!found) return null;
  const pos = line.from + found.column;
  return { pos, end: pos + found.length, above: true, create: () => ({ dom: found.dom }) };
}
