// Tokens, whose text is shown once, and what the doctor finds.
import { api, swap, toast } from "./app.js";

const dialog = document.getElementById("token-dialog");
const form = document.querySelector("[data-token-form]");
const made = document.querySelector("[data-token-made]");

async function refreshTokens() {
  const response = await fetch("/system", { headers: { "HX-Request": "true", "HX-Target": "system-tokens" } });
  if (response.ok) swap("system-tokens", await response.text());
}

async function make() {
  const failed = form.querySelector("[data-failed]");
  try {
    const { token } = await api("POST", "/api/v1/tokens", { role: form.elements.role.value });
    made.querySelector("[data-token-text]").textContent = token;
    made.querySelector("[data-token-copy]").dataset.copy = token;
    form.hidden = true;
    made.hidden = false;
    failed.hidden = true;
    await refreshTokens();
  } catch (error) {
    failed.textContent = error.message;
    failed.hidden = false;
  }
}

/** The token's text stays nowhere. */
function forget() {
  made.querySelector("[data-token-text]").textContent = "";
  made.querySelector("[data-token-copy]").dataset.copy = "";
  form.hidden = false;
  made.hidden = true;
}

function element(name, text, kind = "") {
  const item = document.createElement(name);
  item.textContent = text;
  item.className = kind;
  return item;
}

async function examine(button) {
  button.disabled = true;
  button.ariaBusy = "true";
  const place = document.getElementById("system-findings");
  place.replaceChildren(element("dd", "Looking …", "muted"));
  try {
    const findings = await api("POST", "/api/v1/doctor");
    place.replaceChildren(
      ...findings.flatMap(({ name, ok, detail, fix }) => [
        element("dt", name),
        element("dd", ok ? detail : `${detail}; ${fix}`, ok ? "" : "system-wrong"),
      ]),
    );
  } catch (error) {
    place.replaceChildren();
    toast(error.message, "fail");
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  make();
});
dialog?.addEventListener("close", forget);
document.querySelector("[data-examine]")?.addEventListener("click", ({ currentTarget }) => examine(currentTarget));
document.addEventListener("taxi:called", refreshTokens);
