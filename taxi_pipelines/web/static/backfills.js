// The form of a backfill: opens as a dialog where a page has one, starts the backfill, and says in place what stands against it.
import { api } from "./app.js";

/** What the form says, as the API wants it; empty inputs are not given. */
function orderOf(form) {
  const fields = new FormData(form);
  const inputs = {};
  for (const field of form.querySelectorAll(".execute-field")) {
    const values = fields.getAll(`in.${field.dataset.field}`).filter(Boolean);
    const isList = field.dataset.type === "MULTISELECT" && field.tagName === "FIELDSET";
    if (values.length) inputs[field.dataset.field] = isList ? JSON.stringify(values) : values[0];
  }
  const lines = (fields.get("labels") ?? "").split("\n").filter((line) => line.trim());
  const labels = Object.fromEntries(lines.map((line) => [line.split(":")[0].trim(), line.split(":").slice(1).join(":").trim()]));
  return {
    trigger: form.dataset.backfill,
    start: fields.get("start"),
    end: fields.get("end"),
    parallel: Number(fields.get("parallel")),
    inputs,
    labels,
    force: fields.has("force"),
  };
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.backfill) return;
  event.preventDefault();
  const button = form.querySelector("button.primary");
  button.disabled = true;
  try {
    const { id } = await api("POST", "/api/v1/backfills", orderOf(form));
    location.assign(`/backfills/${id}`);
  } catch (error) {
    const place = form.querySelector("[data-failed]");
    place.textContent = error.message;
    place.hidden = false;
    button.disabled = false;
  }
});

document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = event.detail.target;
  if (dialog.id === "backfill-dialog" && !dialog.open) dialog.showModal();
});
