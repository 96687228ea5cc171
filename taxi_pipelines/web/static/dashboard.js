// The dashboard's chart: drawn anew whenever its figures are others.

import { drawBars } from "./charts.js";

const chart = document.getElementById("dashboard-chart");
let drawn = "";

function draw() {
  const text = document.querySelector("#dashboard-figures [data-chart]").dataset.chart;
  if (text === drawn) return;
  drawn = text;
  drawBars(chart, JSON.parse(text));
}

if (chart) {
  draw();
  document.addEventListener("taxi:part", ({ detail }) => detail.id === "dashboard-figures" && draw());
}
