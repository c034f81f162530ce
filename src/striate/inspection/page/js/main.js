// Put the views together, and select the layer that the address names: #layer=layer4.1.conv2

import { columns, firstColumns } from "./columns.js";
import { costView } from "./cost.js";
import { fieldView } from "./field.js";
import { layerView } from "./layer.js";
import { memoryView } from "./memory.js";
import { data, drawAll, rowByName, rows, select, state, update } from "./state.js";
import { reveal, tableView } from "./table.js";
import { foldedFor } from "./tree.js";

const LINES = 32; // of the table to begin with; blocks that would make it longer are folded

function named() {
  const [key, name] = decodeURIComponent(location.hash.slice(1)).split(/=(.*)/s);
  return key === "layer" ? rowByName.get(name) : undefined;
}

function follow() {
  const row = named();
  if (!row) return;
  select(row.index);
  reveal(row.index);
}

state.columns = new Set(firstColumns.filter((key) => columns.some((column) => column.key === key)));
state.folded = foldedFor(LINES);
state.selected = first().index ?? 0;

// The last convolution whose units slide over the input, or else the layer of the peak.
function first() {
  const slides = (row) => row.weights && row.looks.input?.every((look) => look?.how === "slides");
  return rows.findLast((row) => row.kind.startsWith("conv") && slides(row)) ?? rowByName.get(data.memory.peak_node) ?? {};
}

costView();
memoryView();
tableView();
layerView();
fieldView();
drawAll();
follow();

let waiting = false;
window.addEventListener("resize", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; update({ width: innerWidth }); });
});
window.addEventListener("hashchange", follow);
document.addEventListener("click", (event) => {
  const row = rowByName.get(event.target.closest("[data-layer]")?.dataset.layer);
  if (!row) return;
  event.preventDefault();
  select(row.index);
  reveal(row.index);
  document.getElementById("layers").scrollIntoView();
});
