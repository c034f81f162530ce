// The chosen layer: its name, its numbers with their formulas, and four views of it.

import { byId, html, put } from "./dom.js";
import { bytes, count, number, percent, shape, short } from "./format.js";
import { histogram } from "./plots.js";
import { getJson } from "./source.js";
import { current, facts, state, update, watch } from "./state.js";

const VIEWS = ["maps", "filters", "spread", "whatif"];

export function startLayer() {
  const tabs = VIEWS.map((view) => byId(`tab-${view}`));
  tabs.forEach((tab, k) => {
    tab.addEventListener("click", () => update({ view: VIEWS[k] }));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const open = tabs.filter((one) => !one.hidden);
      const next = open[(open.indexOf(tab) + step + open.length) % open.length];
      next.focus();
      next.click();
      event.preventDefault();
    });
  });
  watch(["view", "layer", "model"], drawTabs);
  watch(["layer", "run", "model"], drawHead);
  watch(["layer", "run", "view"], drawSpread);
}

function drawTabs() {
  if (!state.model) return;
  const layer = current();
  const shown = { maps: true, filters: Boolean(layer.weights), spread: true, whatif: Boolean(layer.window) && !state.model.exported };
  const view = shown[state.view] ? state.view : "maps";
  if (view !== state.view) { update({ view }); return; }
  for (const one of VIEWS) {
    const tab = byId(`tab-${one}`);
    tab.hidden = !shown[one];
    tab.setAttribute("aria-selected", String(one === view));
    tab.tabIndex = one === view ? 0 : -1;
    byId(`panel-${one}`).hidden = one !== view;
  }
}

function drawHead() {
  if (!state.model) return;
  const layer = current();
  put(byId("layer-title"), layer.name);
  put(byId("layer-kind"), [layer.kind.replaceAll("_", " "), layer.details, layer.module].filter(Boolean).join(" \u00b7 "));
  const advice = state.model.advice.filter((one) => one.layer === layer.name);
  byId("layer-advice").hidden = !advice.length;
  put(byId("layer-advice-text"), ...advice.map(({ text }) => html("p", {}, text)));
  const formulas = new Map(layer.formulas.map((one) => [one.name, one]));
  put(byId("layer-facts"), ...factsOf(layer).filter(([, , value]) => value).map(([key, name, value]) => fact(name, value, formulas.get(key))));
  const used = new Set(factsOf(layer).map(([key]) => key));
  const rest = layer.formulas.filter(({ name, value }) => !used.has(name) && value !== null && name !== "dtype");
  put(byId("layer-more"), ...rest.map((one) => fact(one.name, say(one.value), one)));
  byId("layer-more-details").hidden = !rest.length;
  put(byId("layer-formula"), HINT);
}

const HINT = "Point at a number, or move to it with Tab, to see how it comes about.";
const say = (value) => typeof value === "number" ? Number.isInteger(value) ? count(value) : number(value) : Array.isArray(value) ? shape(value) : String(value);

// Key of the formula, name, value; those without a value are left out.
function factsOf(layer) {
  const run = facts(layer.id);
  return [
    ["output", "output", shape(layer.shape)],
    ["receptive field", "receptive field", fieldText(layer.field)],
    ["params", "parameters", count(layer.params)],
    ["MACs", "MACs", short(layer.macs)],
    ["output memory", "memory of its map", bytes(layer.map_bytes)],
    ["", "values", run && `${number(run.min, 3)} \u2026 ${number(run.max, 3)}`],
    ["", "mean \u00b1 std", run && `${number(run.mean, 3)} \u00b1 ${number(run.std, 3)}`],
    ["", "dead channels", run && (run.dead ? `${count(run.dead)} of ${count(layer.shape[0])} (${percent(run.dead / layer.shape[0])})` : "none")],
  ];
}

const fieldText = (field) => field && (field.some((f) => f)
  ? field.map((f) => f ? Number.isFinite(f.size) ? String(f.size) : "all" : "\u2013").join(" \u00d7 ") : null);

const OWN = {
  "mean \u00b1 std": "Mean and standard deviation over all values of this layer, for this input.",
  values: "Smallest and largest value of this layer, for this input.",
  "dead channels": "Channels whose map is 0 everywhere, or constant, for this input.",
};

function fact(name, value, formula) {
  const told = formula && [formula.text ? `${value} = ${formula.text}.` : "", formula.meaning].filter(Boolean).join(" ");
  const text = told ? `${name}: ${told}` : OWN[name];
  const show = () => put(byId("layer-formula"), text);
  const number = text
    ? html("button", { type: "button", class: "number", "aria-description": text, onmouseenter: show, onfocus: show, onclick: show }, value)
    : html("span", {}, value);
  return html("div", {}, html("dt", {}, name), html("dd", {}, number));
}

const drawSpread = async () => {
  if (state.view !== "spread" || !state.run || !facts(state.layer)) return;
  const [layer, run] = [state.layer, state.run];
  put(byId("spread"), html("p", { class: "soft" }, "Counting \u2026"));
  try {
    const found = await getJson(`api/runs/${run.id}/histogram/${layer}`);
    if (layer !== state.layer || run !== state.run) return;
    const words = `${count(found.counts.reduce((a, b) => a + b, 0))} values; ${percent(found.zeros)} are exactly 0. The height of a bar is the square root of its count.`;
    put(byId("spread"), histogram(found), html("p", { class: "soft" }, words));
  } catch (error) {
    put(byId("spread"), html("p", { class: "remark" }, error.message));
  }
};
