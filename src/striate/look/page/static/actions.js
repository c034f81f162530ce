// What the reader can do: run an input, choose a layer, choose a unit.

import { hush, tell } from "./notice.js";
import { SLICE } from "./slices.js";
import { forget, getArray, getUnit, has, startRun } from "./source.js";
import { facts, layerOf, state, update } from "./state.js";

const turn = { run: 0, unit: 0 }; // only the last question of each kind is answered
const last = { sample: null, file: null };
let undrawn = {}; // a new run, until its first unit is drawn

// Run a sample, or a file's bytes.
export const run = async (sample, file = null, wanted = {}) => {
  const mine = turn.run += 1;
  update({ busy: "Running the network \u2026" });
  try {
    const answer = await startRun(sample, file);
    if (mine !== turn.run) return;
    Object.assign(last, { sample, file });
    hush();
    const layer = wanted.layer ?? state.layer;
    const channel = wanted.channel ?? (layer === state.layer ? state.channel : null);
    undrawn = { run: answer, sample, busy: "" };
    Object.assign(state, undrawn);
    await chooseLayer(layer, channel, wanted.place ?? state.place);
  } catch (error) {
    if (mine === turn.run) { update({ busy: "" }); tell(error); }
  }
};

// The same input again: the server has let its run go, or the weights have changed.
export const again = () => run(last.sample, last.file);

export const runAnew = () => { forget(); return again(); };

const spatial = (layer) => layer.shape?.slice(1) ?? [];
const fits = (layer, channel, place) => Number.isInteger(channel) && channel < (layer.shape?.[0] ?? 0)
  && place && place.length === spatial(layer).length && place.every((n, k) => n < spatial(layer)[k]);

// Choose a layer; its unit is the one given, or the strongest of its most active map.
export const chooseLayer = (id, channel = null, place = null) => {
  const layer = layerOf(id);
  const known = facts(id);
  const strongest = layer.shape && known?.order.length ? [known.order[0], known.peak] : [null, null];
  const unit = fits(layer, channel, place) ? [channel, place] : strongest;
  return show(id, ...unit, { layer: id, unit: null, slice: null, shown: null });
};

export const chooseUnit = (channel, place) => show(state.layer, channel, place);

// The server answers sooner than the page is drawn: what is chosen is drawn with its answers, once,
// unless they take longer than this.
const PATIENCE = 60; // ms
const soon = (promise) => Promise.race([promise.catch(() => null), new Promise((resolve) => { setTimeout(resolve, PATIENCE, null); })]);

const show = async (id, channel, place, patch = {}) => {
  const mine = turn.unit += 1; // answers on the unit before come too late
  state.aim = { channel, place };
  const asked = channel !== null && facts(id) ? getUnit(state.run.id, id, channel, place) : null;
  const answers = asked && await soon(Promise.all([asked, "layer" in patch && firstMaps(id, channel)]));
  if (mine !== turn.unit) return;
  const held = answers && "value" in answers[0];
  update({ ...undrawn, ...patch, channel, place, ...(held ? { unit: answers[0] } : {}) });
  undrawn = {};
  if (!asked || held) return;
  try {
    const unit = await asked;
    if (mine !== turn.unit) return;
    if ("value" in unit) update({ unit });
    else if (unit.place) await chooseUnit(channel, unit.place);
    else update({ unit: { channel, place, value: null, sum: null, feeds: [], text: "This file holds no sum of this channel, only its map." } });
  } catch (error) {
    if (mine === turn.unit) { update({ unit: null }); await failed(error); }
  }
};

// Maps are asked for with the unit, not when the grid is drawn.
const firstMaps = (id, channel) => {
  const first = layerOf(id).shape.length === 1 ? 0 : channel - channel % SLICE;
  return state.view === "maps" ? getArray(mapsUrl(id, first, SLICE, 64)).catch(() => null) : null;
};

const failed = async (error) => {
  if (error.status === 404 && turn.retried !== state.run?.id) {
    turn.retried = state.run?.id;
    await again();
  } else tell(error);
};

// A unit of a vector has no place.
export const at = (place) => place.length ? `&place=${place.join(",")}` : "";

export const mapsUrl = (id, first, count, side, slice = null) =>
  `api/runs/${state.run.id}/maps/${id}?first=${first}&count=${count}&side=${side}${slice === null ? "" : `&slice=${slice}`}`;

// One channel's map in full; in an export, which keeps maps of up to 64 pixels, what it has.
export const fullMap = async (id, channel, slice = null) => {
  const volume = spatial(layerOf(id)).length === 3;
  const url = mapsUrl(id, channel, 1, 0, volume ? slice : null);
  if (has(url)) {
    const { shape, data } = await getArray(url);
    return shape.length === 1 ? { shape: [1], data: data.slice(channel, channel + 1) } : { shape: shape.slice(1), data };
  }
  const first = channel - channel % SLICE;
  const { shape, data } = await getArray(mapsUrl(id, first, SLICE, 64));
  if (shape.length === 1) return { shape: [1], data: data.slice(channel, channel + 1) };
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return { shape: shape.slice(1), data: data.subarray((channel - first) * size, (channel - first + 1) * size) };
};
