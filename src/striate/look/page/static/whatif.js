// What if: other windows for a layer, and what becomes of the whole network.

import { byId, html, put } from "./dom.js";
import { change, shape, short } from "./format.js";
import { tell } from "./notice.js";
import { post } from "./source.js";
import { current, layerOf, state, update, watch } from "./state.js";

const KNOBS = [
  { key: "size", name: "kernel size", least: 1, most: 11, of: (w) => w.size },
  { key: "stride", name: "stride", least: 1, most: 8, of: (w) => w.stride },
  { key: "padding", name: "padding", least: 0, most: 8, of: (w) => w.before },
  { key: "dilation", name: "dilation", least: 1, most: 6, of: (w) => w.dilation },
];
const turn = { asked: 0 };

export function startWhatif() {
  byId("whatif-reset").addEventListener("click", reset);
  byId("whatif-banner-reset").addEventListener("click", reset);
  watch(["model", "layer", "view"], drawKnobs);
  watch(["whatif", "changes", "layer", "view"], drawOutcome);
}

const reset = () => { turn.asked += 1; update({ changes: {}, whatif: null }); drawKnobs(); };

function drawKnobs() {
  const layer = state.model && current();
  if (!layer?.window || state.view !== "whatif") return;
  const changed = state.changes[layer.id] ?? {};
  put(byId("knobs"), ...KNOBS.map(({ key, name, least, most, of }) => {
    const now = of(layer.window[0]);
    const value = changed[key] ?? now;
    const told = html("output", {}, String(value));
    const slider = html("input", { type: "range", id: `knob-${key}`, min: least, max: Math.max(most, now), value, step: 1 });
    slider.addEventListener("input", () => { put(told, slider.value); turnKnob(layer.id, key, Number(slider.value), now); });
    return html("label", { for: slider.id }, html("span", {}, name), slider, told, html("small", { class: "soft" }, `now ${now}`));
  }));
}

const turnKnob = async (id, key, value, now) => {
  const own = { ...state.changes[id], [key]: value };
  if (value === now) delete own[key];
  const changes = { ...state.changes, [id]: own };
  if (!Object.keys(own).length) delete changes[id];
  const mine = turn.asked += 1;
  update({ changes });
  if (!Object.keys(changes).length) { update({ whatif: null }); return; }
  try {
    const whatif = await post("api/whatif", { changes });
    if (mine === turn.asked) update({ whatif });
  } catch (error) {
    if (mine === turn.asked) tell(error);
  }
};

function drawOutcome() {
  if (!state.model) return;
  const { whatif, changes } = state;
  byId("whatif-banner").hidden = !whatif;
  if (whatif) put(byId("whatif-banner-text"), `What if: ${Object.entries(changes).map(words).join("; ")}.`);
  byId("whatif-reset").hidden = !whatif;
  if (state.view !== "whatif") return;
  if (!whatif) {
    put(byId("outcome"), html("p", { class: "soft" }, "Move a slider: the map of the network shows every new shape, and where it stops fitting."));
    return;
  }
  const trouble = whatif.error && html("p", { class: "remark", role: "alert" }, `${layerOf(whatif.error.layer).name} stops fitting: ${whatif.error.text}`);
  put(byId("outcome"), trouble, totals(whatif), changedLayers(whatif));
}

const words = ([id, own]) => `${layerOf(id).name} with ${Object.entries(own).map(([key, value]) => `${key === "size" ? "kernel size" : key} ${value}`).join(", ")}`;

function totals({ totals: now, error }) {
  const before = state.model.totals;
  const line = (name, key) => html("div", {}, html("dt", {}, name), html("dd", {}, `${short(before[key])} \u2192 `, html("b", {}, short(now?.[key] ?? null)), html("small", {}, ` ${change(now?.[key], before[key])}`)));
  if (error || !now) return null;
  return html("dl", { class: "facts" }, line("MACs", "macs"), line("parameters", "params"));
}

function changedLayers({ layers }) {
  const rows = layers.map((now, id) => ({ now, old: layerOf(id) })).filter(({ now, old }) => now
    && (String(now.shape) !== String(old.shape) || sizes(now.field) !== sizes(old.field) || now.macs !== old.macs));
  if (!rows.length) return html("p", { class: "soft" }, "Nothing changes.");
  const head = ["layer", "output", "receptive field", "MACs"].map((name) => html("th", { scope: "col" }, name));
  return html("div", { class: "scroll-x", tabindex: 0, role: "region", "aria-label": "Layers that change" }, html("table", { class: "list" }, html("thead", {}, html("tr", {}, head)), html("tbody", {}, rows.map(({ now, old }) => html("tr", {},
    html("th", { scope: "row" }, old.name), both(shape(old.shape), shape(now.shape)), both(sizes(old.field), sizes(now.field)), both(short(old.macs), short(now.macs)))))));
}

const sizes = (field) => field?.some((f) => f) ? field.map((f) => f ? Number.isFinite(f.size) ? String(f.size) : "all" : "\u2013").join(" \u00d7 ") : "\u2013";
const both = (old, now) => html("td", {}, old === now ? now : [html("s", {}, old), " ", html("b", {}, now)]);
