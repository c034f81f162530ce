// Small drawings: a legend of the colours, a histogram, a signal, curves.

import { css, tint } from "./colors.js";
import { html, svg } from "./dom.js";
import { number, percent } from "./format.js";

// From -limit to limit; from 0 on where nothing is negative.
export function legend(limit, least) {
  const signed = least < 0;
  const canvas = html("canvas", { width: 120, height: 10, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  for (let x = 0; x < 120; x += 1) {
    const share = (x + 0.5) / 120;
    context.fillStyle = tint(signed ? 2 * share - 1 : share, 1);
    context.fillRect(x, 0, 1, 10);
  }
  const words = signed ? [number(-limit, 3), "0", number(limit, 3)] : ["0", number(limit, 3)];
  return html("figure", { class: "legend", role: "img", "aria-label": `Colours from ${words.join(" to ")}; orange is positive, blue negative` },
    canvas, html("figcaption", {}, words.map((word) => html("span", {}, word))));
}

const rect = (x, y, width, height, more) => svg("rect", { x, y, width, height: Math.max(height, 0), ...more });
const text = (x, y, words, anchor = "middle") => svg("text", { x, y, "text-anchor": anchor }, words);

export function histogram({ edges, counts, zeros }) {
  const [width, height, left, base] = [640, 190, 12, 160];
  const roots = counts.map(Math.sqrt);
  const most = Math.max(...roots, 1);
  const [low, high] = [edges[0], edges.at(-1)];
  const x = (value) => left + (value - low) / (high - low || 1) * (width - 2 * left);
  const bars = roots.map((root, k) => rect(x(edges[k]) + 0.5, base - 130 * root / most, Math.max(x(edges[k + 1]) - x(edges[k]) - 1, 0.5),
    130 * root / most, { class: edges[k] + edges[k + 1] < 0 ? "blue" : "orange" }));
  const zero = low < 0 && high > 0 ? [svg("line", { x1: x(0), x2: x(0), y1: 20, y2: base, class: "axis" }), text(x(0), base + 18, "0")] : [];
  const label = `Histogram of the values, from ${number(low)} to ${number(high)}; ${percent(zeros)} are exactly 0`;
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": label },
    bars, svg("line", { x1: left, x2: width - left, y1: base, y2: base, class: "axis" }), zero,
    text(left, base + 18, number(low, 3), "start"), text(width - left, base + 18, number(high, 3), "end"));
}

// Draw numbers as areas from 0 to the largest and the smallest of each column of pixels; the whole
// height is -limit .. limit, or 0 .. limit where none is negative.
export function wave(context, data, from, length, x, y, width, height, limit) {
  let least = 0;
  for (let k = 0; k < length; k += 1) if (data[from + k] < least) least = data[from + k];
  const zero = least < 0 ? y + height / 2 : y + height - 1;
  const scale = (least < 0 ? height / 2 - 1 : height - 2) / (limit || 1);
  const hues = [[css("--orange"), Math.max], [css("--blue"), Math.min]];
  const columns = Math.max(1, Math.min(length, Math.floor(width)));
  const wide = width / columns;
  const gap = wide > 4 ? 1 : 0;
  const edge = context.canvas.width / context.getTransform().a;
  context.fillStyle = css("--line");
  context.fillRect(x, zero, width, 1);
  const first = Math.max(0, Math.floor(-x / wide)), last = Math.min(columns, Math.ceil((edge - x) / wide));
  for (let column = first; column < last; column += 1) {
    const start = from + Math.floor(column * length / columns);
    const stop = Math.max(start + 1, from + Math.floor((column + 1) * length / columns));
    for (const [hue, further] of hues) {
      let value = 0;
      for (let k = start; k < stop; k += 1) value = further(value, data[k]);
      if (!value) continue;
      context.fillStyle = hue;
      context.fillRect(x + column * wide, Math.min(zero, zero - value * scale), gap ? wide - gap : wide + 0.4, Math.max(1, Math.abs(value) * scale));
    }
  }
}

// Curves over epochs: series [{ name, hue, values: [[epoch, value]] }].
export function curves(title, series) {
  const [width, height, left, right, top, base] = [320, 170, 46, 308, 24, 140];
  const all = series.flatMap((one) => one.values);
  if (!all.length) return null;
  const xs = all.map(([at]) => at), ys = all.map(([, value]) => value);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys, 0), Math.max(...ys)];
  const x = (at) => left + (at - x0) / (x1 - x0 || 1) * (right - left);
  const y = (value) => base - (value - y0) / (y1 - y0 || 1) * (base - top);
  const lines = series.map(({ hue, values }) => values.length > 1
    ? svg("polyline", { points: values.map(([at, value]) => `${x(at)},${y(value)}`).join(" "), class: `curve ${hue}` })
    : values.map(([at, value]) => svg("circle", { cx: x(at), cy: y(value), r: 3, class: hue })));
  const last = series.map(({ name, values }) => values.length ? `${name} ${number(values.at(-1)[1], 3)}` : name).join(", ");
  const keys = series.map(({ name, hue }, k) => svg("g", {}, rect(left + 110 + k * 80, 6, 9, 9, { class: hue, rx: 2 }), text(left + 124 + k * 80, 14, name, "start")));
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": `${title}: ${last}` },
    text(left, 14, title, "start"), keys,
    svg("line", { x1: left, x2: right, y1: base, y2: base, class: "axis" }),
    text(left - 6, base + 4, number(y0, 2), "end"), text(left - 6, top + 6, number(y1, 3), "end"),
    text(left, base + 18, `epoch ${x0}`, "start"), x1 > x0 ? text(right, base + 18, String(x1), "end") : null, lines);
}
