// The form that begins an execution. A page that loads this opens it as a dialog from any link with `data-execute`.
import { api, swap, toast } from "./app.js";

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-execute], [data-add-label], [data-curl]");
  if (!target) return;
  if ("addLabel" in target.dataset) addLabel(target);
  else if ("curl" in target.dataset) copyCurl(target.form);
  else if (!(event.ctrlKey || event.metaKey || event.shiftKey || event.button)) {
    event.preventDefault();
    open(target.href);
  }
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-execute-form]")) return;
  event.preventDefault();
  begin(event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.closest?.("[data-execute-form]")?.requestSubmit();
});

let waiting = 0;
let changes = 0; // what the server answers to an earlier one is out of date
for (const kind of ["change", "input"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest("[data-execute-form][data-depends]");
    if (!form || !event.target.name?.startsWith("in.") || event.target.type === "file") return;
    changes += 1;
    clearTimeout(waiting);
    waiting = setTimeout(() => refill(form), kind === "change" ? 0 : 400);
  });
}

async function open(url) {
  let dialog = document.getElementById("execute");
  if (!dialog) {
    dialog = document.createElement("dialog");
    Object.assign(dialog, { id: "execute", className: "dialog wide-dialog" });
    dialog.setAttribute("aria-labelledby", "execute-title");
    document.body.append(dialog);
  }
  const html = await part(url, "execute").catch((error) => void toast(error.message, "fail"));
  if (!html) return;
  dialog.innerHTML = html;
  dialog.showModal();
  dialog.querySelector(".execute-field :is(input, select, textarea), .primary")?.focus();
}

async function part(url, target) {
  return api("GET", url, undefined, { "HX-Request": "true", "HX-Target": target, Accept: "text/html" });
}

/** Which inputs are asked for, and what they offer, may follow from others: the server knows. Secrets and files stay here. */
async function refill(form) {
  const change = changes;
  const query = new URLSearchParams(form.dataset.revision ? { revision: form.dataset.revision } : {});
  for (const field of fieldsOf(form)) {
    for (const value of shownValues(field)) query.append(`in.${field.dataset.field}`, value);
  }
  try {
    const html = await part(`${form.dataset.depends}?${query}`, "execute-fields");
    if (change !== changes) return;
    const written = new Map([...form.querySelectorAll("input[type=password]")].map((input) => [input.id, input.value]));
    swap("execute-fields", html);
    for (const [id, value] of written) if (document.getElementById(id)) document.getElementById(id).value = value;
    for (const field of fieldsOf(form)) if (field.querySelector(".execute-problem").textContent) markInvalid(field);
  } catch (error) {
    toast(error.message, "fail");
  }
}

function fieldsOf(form) {
  return form.querySelectorAll("#execute-fields .execute-field");
}

function shownValues(field) {
  const controls = [...field.querySelectorAll("input, select, textarea")];
  const [first] = controls;
  if (first.type === "file") return [first.files.length ? first.files[0].name : ""];
  if (first.type === "password") return [first.value ? "given" : ""];
  if (field.dataset.type === "BOOLEAN" && first.type === "checkbox") return [String(first.checked)];
  if (first.type === "checkbox" || first.type === "radio") {
    const chosen = controls.filter((control) => control.checked).map((control) => control.value);
    return chosen.length ? chosen : [""];
  }
  return [first.value];
}

/** What is sent: [input, text or file]. What was left empty is not, so that the flow's default counts; a text may be emptied. */
function inputsOf(form) {
  const found = [];
  for (const field of fieldsOf(form)) {
    const { field: id, type } = field.dataset;
    const hasDefault = "hasDefault" in field.dataset;
    const file = field.querySelector("input[type=file]");
    const values = file ? [...file.files] : shownValuesToSend(field).filter((value) => value !== "");
    if (type === "MULTISELECT" && field.tagName === "FIELDSET" && (values.length || hasDefault)) found.push([id, JSON.stringify(values)]);
    else if (values.length) found.push([id, values[0]]);
    else if (type === "STRING" && hasDefault) found.push([id, ""]);
  }
  return found;
}

function shownValuesToSend(field) {
  const secret = field.querySelector("input[type=password]");
  return secret ? [secret.value] : shownValues(field);
}

function queryOf(form) {
  const query = new URLSearchParams();
  const keys = form.querySelectorAll("[name=label-key]");
  form.querySelectorAll("[name=label-value]").forEach((input, index) => {
    if (keys[index].value.trim()) query.append("labels", `${keys[index].value.trim()}:${input.value.trim()}`);
  });
  for (const name of ["scheduleDate", "slot"]) if (form.elements[name]?.value.trim()) query.set(name, form.elements[name].value.trim());
  if (form.dataset.revision) query.set("revision", form.dataset.revision);
  return query.size ? `?${query}` : "";
}

async function begin(form) {
  const button = form.querySelector(".primary");
  if (button.disabled) return;
  button.disabled = true;
  clearTimeout(waiting);
  changes += 1;
  clearProblems(form);
  const body = new FormData();
  const inputs = inputsOf(form);
  for (const [id, value] of inputs) body.append(id, value);
  try {
    const { id } = await api("POST", form.dataset.executeForm + queryOf(form), inputs.length ? body : undefined);
    location.assign(`/executions/${id}`);
  } catch (error) {
    tell(form, error);
    button.disabled = false;
  }
}

function clearProblems(form) {
  form.querySelector("[data-problem]").hidden = true;
  for (const field of form.querySelectorAll(".execute-field")) {
    field.querySelector(".execute-problem").textContent = "";
    for (const control of field.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  }
}

/** Each problem at its field, `'month': '2024' does not match …`; what belongs to none above them. */
function tell(form, error) {
  const others = [];
  const problems = error.problems.length ? error.problems : [{ message: error.message }];
  for (const { message, path } of problems) {
    const [, id, said] = /^'([^']+)': ([^]*)$/.exec(message) ?? [];
    const field = [...form.querySelectorAll(".execute-field")].find((one) => one.dataset.field === (id ?? (message.startsWith("slot ") ? "slot" : "")));
    if (field) tellAt(field, said ?? message);
    else others.push([path?.startsWith("query.") ? path.replace("query.", "") : "", message].filter(Boolean).join(": "));
  }
  if (others.length) {
    const notice = form.querySelector("[data-problem]");
    notice.querySelector("span").textContent = others.join("; ");
    notice.hidden = false;
    notice.scrollIntoView({ block: "nearest" });
  }
  form.querySelector("[aria-invalid]")?.focus();
}

function tellAt(field, said) {
  const place = field.querySelector(".execute-problem");
  place.textContent = said;
  markInvalid(field);
}

function markInvalid(field) {
  for (const control of field.querySelectorAll("input, select, textarea")) control.setAttribute("aria-invalid", "true");
}

function addLabel(button) {
  const row = button.previousElementSibling.cloneNode(true);
  for (const input of row.querySelectorAll("input")) input.value = "";
  button.before(row);
  row.querySelector("input").focus();
}

// ---------------------------------------------------------------- the same as a command

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** One `-F` or `--form-string`: the latter takes texts as they are that would mean a file, or a type, to the former. */
function option(field, id, value) {
  if (field.dataset.type === "SECRET") return `--form-string "${id}=$${id.toUpperCase().replace(/[^A-Z0-9]/g, "_").replace(/^(?=\d)/, "_")}"`;
  if (value instanceof File) {
    const name = /[,;"\\]/.test(value.name) ? `"${value.name.replace(/["\\]/g, "\\$&")}"` : value.name;
    return `-F ${quoted(`${id}=@${name}`)}`;
  }
  return `${/^[@<]|;/.test(value) ? "--form-string" : "-F"} ${quoted(`${id}=${value}`)}`;
}

function curlOf(form) {
  const fields = new Map([...fieldsOf(form)].map((field) => [field.dataset.field, field]));
  const parts = [`curl -X POST ${quoted(form.dataset.base + form.dataset.executeForm + queryOf(form))}`];
  if ("login" in form.dataset) parts.push(`-u "$TAXI_AUTH"`);
  for (const [id, value] of inputsOf(form)) parts.push(option(fields.get(id), id, value));
  return parts.join(" \\\n  ");
}

async function copyCurl(form) {
  const command = curlOf(form);
  const shown = form.querySelector(".execute-curl") ?? document.createElement("pre");
  shown.className = "execute-curl";
  shown.textContent = command;
  form.append(shown);
  try {
    await navigator.clipboard.writeText(command);
    toast("Copied");
  } catch {
    toast("The browser does not let us copy; it stands below", "fail");
  }
}
