// The selected layer in words and numbers.

import { columns } from "./columns.js";
import { rows, state, watch } from "./state.js";
import { byId, html } from "./svg.js";

const elsewhere = new Set(["index", "kind", "module", "details", "params_share", "macs_share"]);

function draw() {
  const row = rows[state.selected];
  if (!row) {
    byId("layer-title").textContent = "No layers";
    return;
  }
  byId("layer-title").textContent = row.name;
  byId("layer-what").textContent = [row.module || row.kind.replaceAll("_", " "), row.details].filter(Boolean).join(", ");
  const told = columns.filter(({ key, cell }) => !elsewhere.has(key) && cell(row) !== "–");
  byId("layer-facts").replaceChildren(...told.map(({ title, help, cell }) =>
    html("div", {}, html("dt", { title: help || null }, title), html("dd", {}, cell(row)))));
}

export function layerView() {
  watch(["selected"], draw);
}
