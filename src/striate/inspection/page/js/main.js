// Put the views together, and select the layer that the address names: #layer=layer4.1.conv2

import { columns, firstColumns } from "./columns.js";
import { costView } from "./cost.js";
import { fieldView } from "./field.js";
import { layerView } from "./layer.js";
import { memoryView } from "./memory.js";
import { data, drawAll, rowByName, rows, select, state, update } from "./state.js";
import { reveal, tableView } from "./table.js";
import { blocksOf } from "./tree.js";

const MANY = 60; // rows; a longer table begins with its blocks folded

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
state.folded = new Set(rows.length > MANY ? blocksOf() : []);
state.selected = rowByName.get(data.memory.peak_node)?.index ?? 0;

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
