// How large a picture is shown: it fits its place where words can still be read; larger and smaller by buttons and by pinching.
// Wheels scroll the page.

const SMALLEST = 0.55; // at which words can still be read

/** Of each element: how large its picture is, how large it is shown, and the zoom somebody chose (null: it fits). */
const views = new WeakMap();

/** Puts a picture into the element, instead of the one before: zoom and scroll stay. */
export function present(element, svg, size) {
  const frame = element.querySelector(".topology-scroll") ?? frameOf(element);
  const { scrollLeft, scrollTop } = frame;
  views.set(element, { zoom: views.get(element)?.zoom ?? null, size, shown: 1 });
  frame.replaceChildren(svg);
  show(element);
  frame.scrollTo(scrollLeft, scrollTop);
}

function frameOf(element) {
  const frame = document.createElement("div");
  frame.className = "topology-scroll";
  const tools = document.createElement("div");
  tools.className = "topology-tools";
  tools.hidden = true;
  for (const [text, label, zoom] of [["−", "Smaller", (now) => now / 1.25], ["+", "Larger", (now) => now * 1.25], ["Fit", "Fit into the page", () => null]]) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "ghost small", textContent: text, title: label });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => zoomTo(element, zoom(views.get(element).shown)));
    tools.append(button);
  }
  element.replaceChildren(tools, frame);
  pinching(element, frame);
  new ResizeObserver(() => views.get(element).zoom ?? show(element)).observe(frame);
  return frame;
}

function zoomTo(element, zoom) {
  views.get(element).zoom = zoom && Math.min(2, Math.max(0.25, zoom));
  show(element);
}

function show(element) {
  const view = views.get(element);
  const frame = element.querySelector(".topology-scroll");
  const fitting = Math.max(SMALLEST, Math.min(1, frame.clientWidth / Math.max(1, view.size.width)));
  view.shown = view.zoom ?? fitting;
  const svg = frame.querySelector("svg");
  svg.setAttribute("width", Math.floor(view.size.width * view.shown));
  svg.setAttribute("height", Math.floor(view.size.height * view.shown));
  const isWhole = svg.getAttribute("width") <= frame.clientWidth;
  element.querySelector(".topology-tools").hidden = view.zoom === null && isWhole && view.shown > 0.85;
  if (isWhole) frame.removeAttribute("tabindex");
  else frame.tabIndex = 0; // what scrolls is reached by the keyboard
}

function pinching(element, frame) {
  const fingers = new Map();
  let apart = 0;
  const distance = () => {
    const [one, other] = [...fingers.values()];
    return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  };
  const pinch = (event) => {
    if (!event.ctrlKey) return; // how browsers tell of pinching on a touch pad
    event.preventDefault();
    zoomTo(element, views.get(element).shown * Math.exp(-event.deltaY / 150));
  };
  frame.addEventListener("wheel", pinch, { passive: false });
  frame.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") fingers.set(event.pointerId, event);
    if (fingers.size === 2) apart = distance() / views.get(element).shown;
  });
  frame.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) zoomTo(element, distance() / apart);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) frame.addEventListener(end, (event) => fingers.delete(event.pointerId));
}
