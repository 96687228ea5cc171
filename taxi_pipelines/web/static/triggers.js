// Switches of triggers: what the API answers is what they show.
import { api, toast } from "./app.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-switch]");
  if (!button || button.ariaBusy === "true") return;
  const { namespace, flow: flowId, trigger: triggerId } = button.dataset;
  button.ariaBusy = "true";
  try {
    const disabled = button.ariaChecked === "true";
    const answer = await api("PUT", "/api/v1/triggers", { namespace, flowId, triggerId, disabled });
    button.ariaChecked = String(!answer.disabled);
    toast(`${flowId}, ${triggerId}: ${answer.disabled ? "off" : "on"}`);
  } catch (error) {
    toast(error.message, "fail");
  } finally {
    button.removeAttribute("aria-busy");
  }
});
