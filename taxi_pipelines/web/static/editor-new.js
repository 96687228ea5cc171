// The search in the blueprints of a new flow: every word must be there.
const search = document.getElementById("blueprint-search");
const cards = [...document.querySelectorAll("#blueprints > li")];

search.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const card of cards) card.hidden = !words.every((word) => card.textContent.toLowerCase().includes(word));
  document.getElementById("blueprint-none").hidden = cards.some((card) => !card.hidden);
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter")
    cards
      .find((card) => !card.hidden)
      ?.querySelector("a")
      .click();
});
