// Pages of flows: import, export, filters, restoring a revision.
import { api, confirmed, toast } from "./app.js";

document.addEventListener("change", async (event) => {
  const input = event.target.closest("[data-import-flows]");
  if (!input?.files.length) return;
  const form = new FormData();
  form.append("fileUpload", input.files[0]);
  input.value = "";
  try {
    await api("POST", "/api/v1/flows/import", form);
    location.assign("/flows");
  } catch (error) {
    const first = error.problems[0];
    toast(first ? `${error.message}: ${[first.line && `line ${first.line}`, first.message].filter(Boolean).join(", ")}` : error.message, "fail");
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-export]");
  if (!button) return;
  try {
    const { namespace, id, source } = await api("GET", button.dataset.export);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([source], { type: "application/yaml" }));
    link.download = `${namespace}.${id}.yaml`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  } catch (error) {
    toast(error.message, "fail");
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-restore]");
  if (!button) return;
  const { restore: url, revision } = button.dataset;
  if (!(await confirmed(`Save the text of revision ${revision} as a new revision?`))) return;
  try {
    const { source } = await api("GET", `${url}?source=true&revision=${revision}`);
    await api("PUT", url, source, { "Content-Type": "application/x-yaml" });
    location.assign(location.pathname);
  } catch (error) {
    toast(error.message, "fail");
  }
});
