// Values and secrets of a namespace: dialogs that keep them by the API, and say in place what stands against it.
import { api, swap, toast } from "./app.js";

const namespace = document.querySelector("[data-namespace]")?.dataset.namespace;
const place = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
const EXAMPLES = { STRING: "", NUMBER: "10", BOOLEAN: "true", DATETIME: "2026-12-01T09:00:00Z", DATE: "2026-12-01", DURATION: "PT1H", JSON: '{"rows": 10}' };

const valueForm = document.querySelector("[data-value-form]");
const secretForm = document.querySelector("[data-secret-form]");

/** The lists as they are now. */
async function refresh() {
  const response = await fetch(location.pathname, { headers: { "HX-Request": "true", "HX-Target": "namespace-parts" } });
  if (response.ok) swap("namespace-parts", await response.text());
}

function open(form, title, key) {
  const dialog = form.closest("dialog");
  form.reset();
  form.querySelector("[data-failed]").hidden = true;
  dialog.querySelector("h2").textContent = title;
  form.elements.key.value = key;
  form.elements.key.readOnly = Boolean(key);
  dialog.showModal();
  if (key) form.elements.value.focus();
}

async function editValue(button) {
  const { valueEdit: key, type } = button.dataset;
  open(valueForm, key ? `Change ${key}` : "Add a value", key);
  if (key) {
    const from = "inherited" in button.dataset ? button.closest("tr").querySelector("a.chip").getAttribute("href").replace("/namespaces/", "") : namespace;
    const { value } = await api("GET", `/api/v1/namespaces/${encodeURIComponent(from)}/kv/${encodeURIComponent(key)}`);
    valueForm.elements.type.value = type;
    valueForm.elements.value.value = type === "JSON" ? JSON.stringify(value, null, 2) : String(value);
  }
  valueForm.elements.value.placeholder = EXAMPLES[valueForm.elements.type.value];
}

/** Sends a form's content; its dialog closes when that went well. */
async function save(form, send) {
  const failed = form.querySelector("[data-failed]");
  const button = form.querySelector("button.primary");
  button.disabled = true;
  try {
    await send(form.elements);
    form.closest("dialog").close();
    form.reset();
    await refresh();
    toast("Saved");
  } catch (error) {
    failed.textContent = error.message;
    failed.hidden = false;
  } finally {
    button.disabled = false;
  }
}

function sendValue({ key, type, value, ttl }) {
  const headers = { "Content-Type": "text/plain; charset=utf-8", ...(ttl.value.trim() ? { ttl: ttl.value.trim() } : {}) };
  return api("PUT", `${place}/kv/${encodeURIComponent(key.value)}?type=${type.value}`, value.value, headers);
}

function sendSecret({ key, value }) {
  return api("PUT", `${place}/secrets`, { key: key.value, value: value.value });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-value-edit], [data-secret-edit]");
  if (!button) return;
  const { secretEdit: secret } = button.dataset;
  if (secret === undefined) editValue(button).catch((error) => toast(error.message, "fail"));
  else open(secretForm, secret ? `Set ${secret}` : "Add a secret", secret);
});

valueForm?.elements.type.addEventListener("change", ({ target }) => (valueForm.elements.value.placeholder = EXAMPLES[target.value]));
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form === valueForm || form === secretForm) {
    event.preventDefault();
    save(form, form === valueForm ? sendValue : sendSecret);
  } else if ("openNamespace" in form.dataset) {
    event.preventDefault();
    location.assign(`/namespaces/${form.elements.namespace.value}`);
  }
});
document.addEventListener("taxi:called", () => namespace && refresh());
