// The chosen layer: its name, its numbers with their formulas, and four views of it.

import { byId, html, put } from "./dom.js";
import { count, number, percent, shape, short } from "./format.js";
import { histogram } from "./plots.js";
import { getJson } from "./source.js";
import { current, facts, state, update, watch } from "./state.js";

const VIEWS = ["maps", "filters", "spread", "numbers", "whatif"];

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
  const shown = { maps: true, filters: Boolean(layer.weights), spread: true, numbers: true, whatif: Boolean(layer.window) && !state.model.exported };
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
  put(byId("layer-advice-first"), advice[0]?.text.split(/(?<=[.:])\s/)[0]);
  put(byId("layer-advice-text"), ...advice.map(({ text }) => html("p", {}, text)));
  const formulas = new Map(layer.formulas.map((one) => [one.name, one]));
  const known = factsOf(layer).filter(([, , value]) => value);
  put(byId("layer-facts"), ...known.slice(0, MOST_FACTS).map(([key, name, value]) => fact(name, value, formulas.get(key))));
  put(byId("layer-formula"), HINT);
  drawNumbers(layer, known.slice(3));
}

// Every number of inspect with the arithmetic behind it, and those of this input.
function drawNumbers(layer, known) {
  const own = known.filter(([key]) => !key).map(([, name, value]) => ({ name, value, text: "", meaning: OWN[name] }));
  const rows = [...layer.formulas.filter(({ value }) => value !== null), ...own].map(({ name, value, text, meaning }) => html("tr", {},
    html("th", { scope: "row" }, name), html("td", {}, String(value)), html("td", {}, text), html("td", { class: "soft" }, meaning)));
  const head = ["", "value", "from", "meaning"].map((name) => html("th", { scope: "col" }, name));
  put(byId("numbers"), html("table", { class: "list" }, html("thead", {}, html("tr", {}, head)), html("tbody", {}, rows)));
}

const MOST_FACTS = 6;
const HINT = "Point at a number, or move to it with Tab, to see how it comes about.";

// Key of the formula, name, value; those without a value are left out.
function factsOf(layer) {
  const run = facts(layer.id);
  return [
    ["output", "output", shape(layer.shape)],
    ["receptive field", "receptive field", fieldText(layer.field)],
    ["params", "parameters", count(layer.params)],
    ["MACs", "MACs", short(layer.macs)],
    ["", "values", run && `${number(run.min, 3)} \u2026 ${number(run.max, 3)}`],
    ["", "dead channels", run && (run.dead ? `${count(run.dead)} of ${count(layer.shape[0])} (${percent(run.dead / layer.shape[0])})` : "none")],
    ["", "mean \u00b1 std", run && `${number(run.mean, 3)} \u00b1 ${number(run.std, 3)}`],
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
