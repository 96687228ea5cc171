// Searches with a name, kept in this browser: chips above a list, each an address of that list. Included by saved.html.

const place = document.getElementById("saved");
const dialog = document.getElementById("saved-dialog");
const key = `saved:${location.pathname}`;

function read() {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? [];
  } catch {
    return []; // somebody else's
  }
}

function write(searches) {
  localStorage.setItem(key, JSON.stringify(searches));
  show();
}

/** What is searched for here, whatever page of it one is on. */
function here() {
  const query = new URLSearchParams(location.search);
  for (const name of ["page", "before", "tail"]) query.delete(name);
  return query.toString();
}

function show() {
  const searches = read();
  const query = here();
  const current = searches.find((one) => one.query === query);
  place.replaceChildren(...searches.map((one) => chip(one, one === current)));
  if (query) {
    const button = node("button", { type: "button", className: "ghost small", textContent: current ? "Rename" : "Save this search" });
    button.addEventListener("click", () => ask(current));
    place.append(button);
  }
  place.hidden = !place.childElementCount;
}

function chip(one, isCurrent) {
  const item = node("span", { className: "saved-chip" });
  const link = node("a", { href: `${location.pathname}?${one.query}`, textContent: one.name });
  if (isCurrent) link.setAttribute("aria-current", "true");
  const remove = node("button", { type: "button", className: "ghost small", textContent: "×" });
  remove.setAttribute("aria-label", `Remove the search ${one.name}`);
  remove.addEventListener("click", () => write(read().filter((other) => other.query !== one.query)));
  item.append(link, remove);
  return item;
}

function ask(current) {
  const input = dialog.querySelector("input");
  dialog.querySelector("h2").textContent = current ? "Rename this search" : "Save this search";
  input.value = current?.name ?? "";
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener(
    "close",
    () => {
      const name = input.value.trim();
      if (dialog.returnValue !== "save" || !name) return;
      const query = here();
      write([...read().filter((one) => one.query !== query), { name, query }].sort((a, b) => a.name.localeCompare(b.name)));
    },
    { once: true },
  );
}

function node(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

show();
