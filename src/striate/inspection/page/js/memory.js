// Memory over time: the maps alive at test time, what training has saved, and what fits.

import { nameAt, orderChart } from "./chart.js";
import { atLeast, bytes, count } from "./format.js";
import { data, rowByName, rows, state, update, watch } from "./state.js";
import { byId } from "./svg.js";

const mapsUnknown = rows.some((row) => row.output_bytes === null);
const savedUnknown = data.memory.unknown.length > 0;

const savedSoFar = [];
rows.reduce((sum, row) => {
  savedSoFar.push(sum + (row.saved_bytes ?? 0));
  return savedSoFar[row.index];
}, 0);

function told(index) {
  const row = rows[index];
  const alive = atLeast(bytes(row.alive_bytes), mapsUnknown);
  const adds = row.saved_bytes === null ? "it adds an unknown amount" : `it adds ${bytes(row.saved_bytes)}`;
  return `${nameAt(index)}: ${alive} alive; ${atLeast(bytes(savedSoFar[index]), savedUnknown)} saved so far, ${adds}`;
}

function peak() {
  const row = rowByName.get(data.memory.peak_node);
  if (!row) return null;
  const amount = `peak ${atLeast(bytes(data.memory.peak), mapsUnknown)}`;
  const at = `${amount} at ${brief(row.name)}`;
  return { index: row.index, words: [`${at} (${row.kind.replaceAll("_", " ")})`, at, amount] };
}

const brief = (name) => name.length > 40 ? `${name.slice(0, 18)}…${name.slice(-20)}` : name;

function ended() {
  return { index: rows.length - 1, words: [`${atLeast(bytes(data.totals.saved_for_backward), savedUnknown)} saved`] };
}

// The largest batch: memory grows with it, weights and the optimizer's state do not.
function largest(maps, fixed) {
  const room = state.gigabytes * 1e9 - fixed;
  return Math.max(Math.floor((room * Math.max(data.batch_size, 1)) / Math.max(maps, 1)), 0);
}

function drawFit() {
  const { weights_file_bytes: weights, gradient_bytes: gradients, optimizer_bytes: states } = data.totals;
  const test = largest(data.totals.peak_memory_inference, weights);
  const train = largest(data.totals.saved_for_backward, weights + gradients + states);
  const most = (partial) => partial ? "at most " : "";
  byId("memory-fit").textContent = Number.isFinite(state.gigabytes)
    ? `Largest batch at test time ${most(mapsUnknown)}${count(test)}, in training ${most(savedUnknown)}${count(train)} (${data.optimizer}; weights counted).`
    : "";
}

export function memoryView() {
  const common = { toldId: "memory-told", kind: "steps", isBytes: () => true, write: bytes, told };
  orderChart({
    ...common, id: "memory-alive", height: 230, hue: "blue", mark: peak,
    title: () => "Bytes of maps alive while each layer runs", values: () => rows.map((row) => row.alive_bytes),
  });
  orderChart({
    ...common, id: "memory-saved", height: 200, hue: "orange", mark: ended,
    title: () => "Bytes saved for the backward pass so far", values: () => savedSoFar,
  });
  byId("memory-gb").addEventListener("input", (event) => {
    update({ gigabytes: event.target.value === "" ? NaN : Number(event.target.value) });
  });
  watch(["gigabytes"], drawFit);
}
