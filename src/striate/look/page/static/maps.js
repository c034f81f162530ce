// The feature maps of a layer: one tile a channel, in one scale.

import { chooseUnit, mapsUrl } from "./actions.js";
import { tint } from "./colors.js";
import { byId, html, put } from "./dom.js";
import { number, place, plural } from "./format.js";
import { createGrid } from "./grid.js";
import { legend, wave } from "./plots.js";
import { createSlices, drawPlane } from "./slices.js";
import { current, facts, state, update, watch } from "./state.js";

const TILES = { 40: "small", 64: "medium", 112: "large", 224: "huge" };
const held = { grid: null, slices: null, order: [], key: "" };

export function startMaps() {
  held.grid = createGrid(byId("maps-grid"), "Feature maps");
  byId("maps-sort").addEventListener("change", (event) => update({ sort: event.target.value }));
  put(byId("maps-side"), ...Object.entries(TILES).map(([side, name]) => html("option", { value: side, selected: side === "64" }, name)));
  byId("maps-side").addEventListener("change", (event) => update({ side: Number(event.target.value) }));
  byId("maps-slice").addEventListener("input", (event) => update({ slice: Number(event.target.value) }));
  watch(["model"], () => drawHeld(state.model.kept));
  watch(["run", "layer", "sort", "side", "slice", "view", "epoch"], draw);
  watch(["channel"], markChosen);
}

function draw() {
  const layer = state.model && current();
  const known = layer && facts(layer.id);
  byId("maps-none").hidden = Boolean(known);
  byId("maps").hidden = !known;
  if (!known || state.view !== "maps") return;
  const lengths = layer.shape.slice(1);
  drawControls(layer, lengths, known);
  const key = [state.run.id, layer.id, state.slice, state.epoch].join();
  if (key !== held.key) {
    held.slices?.drop();
    held.slices = createSlices((first) => mapsUrl(layer.id, first, 64, 64, state.slice), () => known.limit, held.grid.redraw);
    held.key = key;
  }
  held.order = ordered(layer.shape[0], known.order);
  held.slices.at(layer.shape.length === 1 ? 0 : held.order[0]); // an answer that is there is drawn with the first frame
  const flat = lengths.every((n) => n === 1);
  const shown = { count: layer.shape[0], told: (at) => told(layer, at), label: (at) => String(held.order[at]), choose, hover, name: `Feature maps of ${layer.name}` };
  if (flat) held.grid.show({ ...shown, width: 20, height: 20, gap: 4, caption: 0, paint: paintNumber(known.limit) });
  else if (lengths.length === 1) held.grid.show({ ...shown, width: Math.max(180, 2 * state.side), height: Math.max(40, state.side * 0.75), gap: 10, caption: 16, paint: paintWave(known.limit) });
  else held.grid.show({ ...shown, ...tile(lengths.slice(-2)), gap: 8, caption: 16, paint: paintMap });
  markChosen();
}

const ROUNDED = { float32: "", float16: "rounded to 3 digits", int8: "rounded to 1/127 of the largest of 64" };

// An export says how exactly it holds its maps.
function drawHeld(kept) {
  byId("maps-held").hidden = !kept;
  if (kept) put(byId("maps-held"), `In this file maps are ${[ROUNDED[kept.dtype], `averaged down to ${kept.side} pixels a side where they are larger`].filter(Boolean).join(", and ")}. Sums are exact.`);
}

function drawControls(layer, lengths, known) {
  put(byId("maps-legend"), legend(known.limit, known.min));
  byId("maps-side-label").hidden = lengths.every((n) => n === 1);
  byId("maps-slice-label").hidden = lengths.length !== 3;
  if (lengths.length === 3) {
    const slider = byId("maps-slice");
    slider.max = lengths[0] - 1;
    slider.value = state.slice ?? Math.floor(lengths[0] / 2);
    put(byId("maps-slice-text"), `${slider.value} of ${lengths[0]}`);
  }
}

// A tile of the map's own proportions, `side` pixels at its longer side.
function tile([height, width]) {
  const scale = state.side / Math.max(height, width);
  return { width: Math.max(8, Math.round(width * scale)), height: Math.max(8, Math.round(height * scale)) };
}

function ordered(count, active) {
  const all = Array.from({ length: count }, (_, k) => k);
  if (state.sort === "channel") return all;
  const first = new Set(active);
  return [...active, ...all.filter((k) => !first.has(k))];
}

function paintMap(context, at, x, y, width, height) {
  const slice = held.slices.at(held.order[at]);
  if (!slice) return false;
  drawPlane(context, slice, slice.number, x, y, width, height);
  return true;
}

const paintWave = (limit) => (context, at, x, y, width, height) => {
  const slice = held.slices.at(held.order[at]);
  if (!slice) return false;
  const length = slice.array.shape.at(-1);
  wave(context, slice.array.data, slice.number * length, length, x, y, width, height, limit);
  return true;
};

// A vector comes whole, maps of one pixel in slices.
function single(channel) {
  const vector = current().shape.length === 1;
  const slice = held.slices.at(vector ? 0 : channel);
  return slice ? slice.array.data[vector ? channel : slice.number] : null;
}

const paintNumber = (limit) => (context, at, x, y, width, height) => {
  const value = single(held.order[at]);
  if (value === null) return false;
  context.fillStyle = tint(value, limit);
  context.fillRect(x, y, width, height);
  return true;
};

// What is at a tile, or at a pixel of it, in words.
function told(layer, at, fx = null, fy = null) {
  const channel = held.order[at];
  const name = `channel ${channel}`;
  const lengths = layer.shape.slice(1);
  if (lengths.every((n) => n === 1)) {
    const value = single(channel);
    return value === null ? name : `${layer.shape.length === 1 ? "unit" : "channel"} ${channel}: ${number(value)}`;
  }
  const slice = held.slices.at(channel);
  if (!slice || fx === null) return slice ? `${name}: ${summary(slice)}` : name;
  const spot = pixel(slice.array.shape.slice(1), fx, fy);
  const real = pixel(lengths.slice(-(slice.array.shape.length - 1)), fx, fy);
  const index = spot.reduce((sum, n, axis) => sum * slice.array.shape[axis + 1] + n, slice.number);
  return `${name} at ${place(real)}: ${number(slice.array.data[index])}`;
}

function summary({ array, number: k }) {
  const size = array.data.length / array.shape[0];
  let [low, high] = [Infinity, -Infinity];
  for (let n = k * size; n < (k + 1) * size; n += 1) { low = Math.min(low, array.data[n]); high = Math.max(high, array.data[n]); }
  return low === high ? `${number(low)} everywhere` : `from ${number(low)} to ${number(high)}`;
}

const pixel = (lengths, fx, fy) =>
  (lengths.length === 1 ? [fx] : [fy, fx]).map((share, k) => Math.min(lengths[k] - 1, Math.floor(share * lengths[k])));

function choose(at, fx, fy) {
  const lengths = current().shape.slice(1);
  const channel = held.order[at];
  if (fx === null) { chooseUnit(channel, state.place ?? lengths.map((n) => Math.floor(n / 2))); return; }
  if (lengths.length === 3) {
    const slice = state.slice ?? Math.floor(lengths[0] / 2);
    chooseUnit(channel, [slice, ...pixel(lengths.slice(1), fx, fy)]);
  } else chooseUnit(channel, lengths.length ? pixel(lengths, fx, fy) : []);
}

function hover(found) {
  const layer = current();
  put(byId("maps-told"), found ? told(layer, ...found) : `${plural(layer.shape[0], layer.shape.length === 1 ? "unit" : "channel")}. Click a pixel to see how it is computed.`);
}

function markChosen() {
  if (!held.grid || state.view !== "maps" || !state.model) return;
  const at = state.channel === null ? -1 : held.order.indexOf(state.channel);
  held.grid.show({ marked: at, active: at >= 0 ? at : held.grid.active });
  if (facts(state.layer)) hover(null);
}
