// A training run as it goes on: its curves, and everything else anew when the weights change.

import { runAnew } from "./actions.js";
import { byId, html, put } from "./dom.js";
import { forget } from "./source.js";
import { curves } from "./plots.js";
import { getJson } from "./source.js";
import { state, update, watch } from "./state.js";

const EVERY = 2000; // ms
const held = { updated: null, timer: 0, failed: 0 };

export function startLive() {
  watch(["model"], () => {
    byId("live").hidden = !state.model.live;
    clearTimeout(held.timer);
    if (state.model.live) poll();
  });
}

const poll = async () => {
  try {
    // The number keeps the answer from being one that was kept.
    const { epochs, updated } = await getJson(`api/live?at=${Date.now()}`);
    held.failed = 0;
    drawCurves(epochs);
    if (held.updated !== null && updated !== held.updated && !document.hidden) await renew();
    held.updated = updated;
  } catch (error) {
    held.failed += 1;
    put(byId("live-told"), html("span", { class: "remark" }, error.message));
  }
  held.timer = setTimeout(poll, EVERY * Math.min(1 + held.failed, 8));
};

const renew = async () => {
  forget();
  update({ epoch: state.epoch + 1 });
  await runAnew();
};

const PARTS = [["train", "blue"], ["val", "orange"], ["valid", "orange"], ["test", "orange"]];

// Entries as in metrics.jsonl: every number of an epoch; those of one quantity go into one drawing.
function drawCurves(epochs) {
  epochs = epochs.filter((entry) => !entry.kind || entry.kind === "epoch");
  const keys = [...new Set(epochs.flatMap((entry) => Object.keys(entry)))];
  const quantity = (word) => PARTS.flatMap(([name, hue]) => keys
    .filter((key) => key.includes(word) && key.startsWith(name))
    .slice(0, 1)
    .map((key) => ({ name, hue, values: epochs.map((entry, k) => [entry.epoch ?? k + 1, entry[key]]).filter(([, value]) => Number.isFinite(value)) })));
  const drawn = [curves("Loss", quantity("loss")), curves("Accuracy", quantity("acc")), curves("Error", quantity("error"))].filter(Boolean);
  put(byId("curves"), ...drawn);
  put(byId("live-told"), epochs.length ? `Epoch ${epochs.at(-1).epoch ?? epochs.length}` : "Waiting for the first epoch \u2026");
}
