// From the reader to an input: a sample, a file that is chosen, dropped or pasted, the camera.

import { run } from "./actions.js";
import { byId, html, put } from "./dom.js";
import { tell } from "./notice.js";
import { state, watch } from "./state.js";

const LARGEST = 64 * 2 ** 20; // bytes; the server has its own limit, this one saves the way

export function startInput() {
  byId("choose").addEventListener("change", take);
  byId("camera").addEventListener("change", take);
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData?.files ?? []][0];
    if (file) { event.preventDefault(); send(file); }
  });
  let inside = 0; // dragenter and dragleave come for every element under the pointer
  const over = (on) => document.body.classList.toggle("dropping", on);
  addEventListener("dragenter", (event) => { if (event.dataTransfer?.types.includes("Files")) { inside += 1; over(true); } });
  addEventListener("dragleave", () => { inside = Math.max(0, inside - 1); over(inside > 0); });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    over(false);
    const file = event.dataTransfer?.files[0];
    if (file) send(file);
  });
  watch(["model"], drawWays);
  watch(["model", "sample"], drawSamples);
}

const take = (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) send(file);
};

const send = async (file) => {
  if (state.model.exported) tell(new Error("This page is an export: it holds only the answers of its own samples."));
  else if (file.size > LARGEST) tell(new Error(`${file.name} holds ${file.size} bytes; at most ${LARGEST} are taken.`));
  else await run(null, await file.arrayBuffer());
};

function drawWays() {
  const { input, exported } = state.model;
  byId("ways").hidden = exported;
  byId("choose").accept = input.accept ?? "";
  byId("camera-label").hidden = input.kind !== "image";
  byId("pad-details").hidden = exported || input.kind !== "image";
  byId("input-shape").textContent = input.shape.join(" \u00d7 ");
}

function drawSamples() {
  const { samples } = state.model;
  const shown = samples.slice(0, 60);
  put(byId("samples"), ...shown.map(({ id, label, thumbnail }) => html("li", {}, html("button", {
    type: "button", title: label, "aria-pressed": String(state.sample === id), onclick: () => run(id),
  }, html("img", { src: thumbnail, alt: label, loading: "lazy", width: 44, height: 44 })))));
  byId("samples").hidden = !shown.length;
}
