// A pad to draw on, with the mouse, a finger, or the arrow keys and the space bar.

import { run } from "./actions.js";
import { byId } from "./dom.js";
import { state, watch } from "./state.js";

const SIDE = 280; // pixels of the pad
const PAUSE = 250; // ms between runs while a line is drawn
const pen = { down: false, at: [SIDE / 2, SIDE / 2], sent: 0, busy: false, again: false };

export function startPad() {
  const pad = byId("pad");
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    pen.down = true;
    stroke(place(event), place(event));
    event.preventDefault();
    pad.focus();
  });
  pad.addEventListener("pointermove", (event) => {
    if (!pen.down || !event.buttons) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) stroke(pen.at, place(one));
    soon();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    pad.addEventListener(name, () => { if (pen.down) { pen.down = false; send(); } });
  }
  pad.addEventListener("keydown", onKey);
  pad.addEventListener("focus", cursor);
  pad.addEventListener("blur", () => { pen.down = false; cursor(); });
  byId("pad-clear").addEventListener("click", clear);
  watch(["model"], clear);
}

// One channel: white on black, as in the digits of the postal service; else black on white.
const inverse = () => state.model.input.channels === 1;
const context = () => byId("pad").getContext("2d", { willReadFrequently: true });

function clear() {
  const draw = context();
  draw.fillStyle = inverse() ? "#000" : "#fff";
  draw.fillRect(0, 0, SIDE, SIDE);
}

function place(event) {
  const box = byId("pad").getBoundingClientRect();
  return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
}

function stroke(from, to) {
  const draw = context();
  draw.strokeStyle = inverse() ? "#fff" : "#000";
  draw.lineWidth = Number(byId("pad-width").value);
  draw.lineCap = "round";
  draw.lineJoin = "round";
  draw.beginPath();
  draw.moveTo(...from);
  draw.lineTo(...to);
  draw.stroke();
  pen.at = to;
  cursor();
}

// While the pad has the focus a ring shows where the pen is.
function cursor() {
  const ring = byId("pen");
  ring.style.left = `${100 * pen.at[0] / SIDE}%`;
  ring.style.top = `${100 * pen.at[1] / SIDE}%`;
  ring.hidden = document.activeElement !== byId("pad");
  ring.classList.toggle("down", pen.down);
}

function onKey(event) {
  const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (event.key === " ") {
    pen.down = !pen.down;
    if (pen.down) stroke(pen.at, pen.at);
    else send();
  } else if (event.key === "Delete" || event.key === "Backspace") clear();
  else if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  else {
    const to = pen.at.map((n, axis) => Math.min(SIDE, Math.max(0, n + 10 * step[axis])));
    if (pen.down) stroke(pen.at, to);
    pen.at = to;
  }
  cursor();
  event.preventDefault();
}

// Run while the line grows, if the network is quick.
function soon() {
  const now = performance.now();
  if (pen.busy || now - pen.sent < PAUSE) return;
  pen.sent = now;
  send();
}

const send = async () => {
  if (pen.busy) { pen.again = true; return; }
  pen.busy = true;
  const blob = await new Promise((done) => { small().toBlob(done, "image/png"); });
  await run(null, await blob.arrayBuffer());
  pen.busy = false;
  if (pen.again) { pen.again = false; await send(); }
};

// In steps of a half, so that every pixel of the pad counts; a small network gets its own size.
function small() {
  const [height, width] = state.model.input.shape.slice(-2);
  let canvas = byId("pad");
  const target = Math.max(height, width) < SIDE ? [width, height] : [SIDE, SIDE];
  while (canvas.width > target[0]) {
    const next = document.createElement("canvas");
    next.width = Math.max(target[0], Math.floor(canvas.width / 2));
    next.height = Math.max(target[1], Math.floor(canvas.height / 2));
    const draw = next.getContext("2d");
    draw.imageSmoothingQuality = "high";
    draw.drawImage(canvas, 0, 0, next.width, next.height);
    canvas = next;
  }
  return canvas;
}
