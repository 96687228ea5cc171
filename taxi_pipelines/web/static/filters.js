// A list's row of filters: submits itself where something is chosen, leaves out of the address what is empty.

const form = document.getElementById("filters");

form?.addEventListener("change", ({ target }) => {
  if (!("submits" in target.dataset)) return;
  const dates = document.getElementById(target.dataset.dates);
  if (dates) {
    dates.hidden = target.value !== "dates";
    if (!dates.hidden) return void dates.querySelector("input").focus();
    for (const input of dates.querySelectorAll("input")) input.value = "";
  }
  form.requestSubmit();
});

form?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "" || value === "dates") remove(formData, name, value);
});

// Who comes back finds what the address says, not what was chosen last.
addEventListener("pageshow", () => form?.reset());

function remove(formData, name, value) {
  const others = formData.getAll(name).filter((one) => one !== value);
  formData.delete(name);
  for (const other of others) formData.append(name, other);
}
