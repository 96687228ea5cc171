// Saving: asks first whether somebody else has saved meanwhile, and shows what differs.
import { EditorState, EditorView, lineNumbers, unifiedMergeView, yaml } from "./vendor/codemirror.js";
import { api } from "./app.js";

const YAML = { "Content-Type": "application/x-yaml" };

/**
 * Keeps the text as the next revision; what the API answers, or null where somebody thinks better of it. `flow` is what the text was
 * loaded as ({namespace, id, revision, source}), null for a new one. Throws an Error with `problems`.
 */
export async function save(flow, text) {
  if (!flow) return api("POST", "/api/v1/flows", text, YAML);
  const url = `/api/v1/flows/${encodeURIComponent(flow.namespace)}/${encodeURIComponent(flow.id)}`;
  const newest = await api("GET", `${url}?source=true`);
  if (newest.revision !== flow.revision) {
    const choice = await choose(newest, text);
    if (choice === "theirs") return { ...newest, isTheirs: true };
    if (choice !== "mine") return null;
  }
  return api("PUT", url, text, YAML);
}

/** "mine", "theirs" or "": which text is to stay. */
function choose(newest, text) {
  const dialog = document.getElementById("editor-conflict");
  const place = document.getElementById("editor-conflict-diff");
  document.getElementById("editor-conflict-revision").textContent = newest.revision;
  const extensions = [
    yaml(),
    lineNumbers(),
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.lineWrapping,
    unifiedMergeView({ original: newest.source, mergeControls: false, collapseUnchanged: { margin: 2, minSize: 6 } }),
  ];
  const view = new EditorView({ parent: place, state: EditorState.create({ doc: text, extensions }) });
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => (view.destroy(), resolve(dialog.returnValue)), { once: true });
  });
}
