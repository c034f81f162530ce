// The selected layer in words and numbers.

import { columns } from "./columns.js";
import { rows, state, watch } from "./state.js";
import { byId, html } from "./svg.js";

const WIDE = 20; // letters that fit one of two columns
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
  byId("layer-facts").replaceChildren(...told.map(({ title, help, cell, full }) => {
    const text = (full ?? cell)(row);
    const wide = title.length + text.length > WIDE ? "wide" : null;
    return html("div", { class: wide }, html("dt", { title: help || null }, title), html("dd", {}, text));
  }));
}

export function layerView() {
  watch(["selected"], draw);
}
