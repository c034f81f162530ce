// One map or picture with boxes drawn over it, and a cursor that picks a pixel.

import { css } from "./colors.js";
import { html, put, sized, svg } from "./dom.js";

const STRIP = 64; // pixels: how tall a signal is drawn

// pick(place) is called with the pixel that was clicked or moved to; aim() tells where keys go on from:
// what was picked last may not have been drawn yet. show({ paint, lengths, boxes,
// most, view, cursor, label, veil }): paint(context, x, y, width, height) draws the map of `lengths`;
// boxes are { box: [[from, to], ...], kind }; view is the region shown, by default all that there is.
export function createPlane(host, pick = null, aim = () => null) {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const over = svg("svg", { "aria-hidden": "true" });
  const frame = html("div", { class: "plane", role: pick ? "application" : "img", tabindex: pick ? 0 : null }, canvas, over);
  put(host, frame);
  const plane = { shown: null, frame };

  plane.show = (options) => {
    const shown = placed(options);
    plane.shown = shown;
    frame.setAttribute("aria-label", options.label);
    frame.hidden = false;
    const context = sized(canvas, shown.width, shown.height);
    context.imageSmoothingEnabled = shown.scale[1] < 1;
    hatch(context, shown);
    const [top, left] = [shown.at(0, 0), shown.at(1, 0)];
    const [tall, wide] = [shown.at(0, shown.lengths[0]) - top, shown.at(1, shown.lengths[1]) - left];
    context.fillStyle = css("--card");
    context.fillRect(left, top, wide, tall);
    options.paint(context, left, top, wide, tall);
    for (const [name, value] of [["width", shown.width], ["height", shown.height]]) over.setAttribute(name, value);
    put(over, ...shown.boxes.map((one) => outline(one, shown)), shown.cursor && outline({ box: shown.cursor.map((n) => [n, n + 1]), kind: "unit" }, shown));
  };
  plane.hide = () => { frame.hidden = true; };

  if (pick) {
    frame.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const found = [event.clientY - box.top, event.clientX - box.left].map((pixel, axis) => plane.shown.from(axis, pixel));
      if (found.every((n, axis) => n >= 0 && n < plane.shown.lengths[axis])) pick(plane.shown.flat ? found.slice(1) : found);
    });
    frame.addEventListener("keydown", (event) => {
      const { lengths, flat } = plane.shown ?? {};
      const cursor = flat ? [0, ...aim()?.slice(-1) ?? []] : aim()?.slice(-2);
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step || !lengths || cursor?.length !== 2 || event.ctrlKey || event.metaKey || event.altKey) return;
      const leap = event.shiftKey ? 8 : 1;
      const to = cursor.map((n, axis) => Math.min(lengths[axis] - 1, Math.max(0, n + leap * step[axis])));
      pick(flat ? to.slice(1) : to);
      event.preventDefault();
    });
  }
  return plane;
}

// Where everything lies on the screen. A signal becomes a map of one row.
function placed(options) {
  const flat = options.lengths.length === 1;
  const two = (list, one) => flat && list ? [one, ...list] : list;
  const lengths = two(options.lengths, 1);
  const boxes = (options.boxes ?? []).filter(({ box }) => box && box.every((pair) => pair)).map((one) => ({ ...one, box: two(one.box, [0, 1]) }));
  const cursor = two(options.cursor, 0);
  const view = two(options.view, [0, 1]) ?? lengths.map((n, axis) => [
    Math.min(0, ...boxes.map(({ box }) => box[axis][0])), Math.max(n, ...boxes.map(({ box }) => box[axis][1])),
  ]);
  const spans = view.map(([a, b]) => b - a);
  const scale = flat ? [STRIP, options.most / spans[1]] : [0, 0].fill(options.most / Math.max(...spans));
  const at = (axis, n) => (n - view[axis][0]) * scale[axis];
  const from = (axis, pixel) => Math.floor(pixel / scale[axis] + view[axis][0]);
  return { ...options, flat, lengths, boxes, cursor, view, scale, at, from, height: spans[0] * scale[0], width: spans[1] * scale[1] };
}

function outline({ box: [[y0, y1], [x0, x1]], kind, hue = null }, { at, width, height, flat }) {
  const [left, right] = [at(1, x0), at(1, x1)].map((n) => Math.min(Math.max(n, 1), width - 1));
  const [top, bottom] = [at(0, y0), at(0, y1)].map((n) => Math.min(Math.max(n, 1), height - 1));
  return svg("rect", { x: left, y: top, width: Math.max(right - left, 2), height: Math.max(bottom - top, 2), class: `box ${kind}${flat ? " flat" : ""}`, style: hue ? { stroke: hue } : null });
}

// Outside the map there is padding: hatched where a box covers it.
function hatch(context, { boxes, at, width, height, lengths }) {
  const over = boxes.find(({ box }) => box.some(([a, b], axis) => a < 0 || b > lengths[axis]));
  if (!over) return;
  const [[y0, y1], [x0, x1]] = over.box;
  context.save();
  context.beginPath();
  context.rect(at(1, x0), at(0, y0), at(1, x1) - at(1, x0), at(0, y1) - at(0, y0));
  context.clip();
  context.strokeStyle = css("--hatch");
  context.lineWidth = 1;
  context.beginPath();
  for (let x = -height; x < width; x += 6) { context.moveTo(x, height); context.lineTo(x + height, 0); }
  context.stroke();
  context.restore();
}
