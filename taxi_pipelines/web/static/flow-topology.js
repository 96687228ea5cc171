// The topology of a flow, and beside it what its text says of the node one chooses.
import { drawAll, selectNode } from "./topology.js";

const page = document.querySelector(".flow-topology");
const chosen = new URLSearchParams(location.search).get("node");

drawAll({
  onSelect(node) {
    const url = `${page.dataset.url}?node=${encodeURIComponent(node.id)}`;
    history.replaceState(null, "", url);
    htmx.ajax("GET", url, { target: "#flow-told", swap: "innerHTML" });
  },
});
if (chosen) selectNode(document.getElementById("flow-graph"), chosen);
