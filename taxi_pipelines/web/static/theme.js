// Before anything is drawn: the colours the visitor has chosen, if not those of the system.
const chosen = localStorage.getItem("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
