// One map drawn to scale, with the window of one unit on it: a strip for one axis, a plane for two.

import { drawing, label, line, rect, svg } from "./svg.js";

const EDGE = 34; // room for the numbers beside the drawing
const BAND = 34; // thickness of a strip
const CLOSEST = 5; // pixels of the screen between two dots

// axis: { n, from, to, first, extent, step, units }: a map of n pixels, a window from .. to on it.
// The second of two axes runs across; a single one does too.
export function drawMap(axes, most, title, id) {
  const [down, across] = axes.length > 1 ? axes : [null, axes[0]];
  const scale = most / Math.max(span(across), down ? span(down) : 0);
  const x = placer(across, scale, EDGE);
  const y = down ? placer(down, scale, EDGE) : band();
  const parts = [
    ...hatch(id), box(x, y, "over", `url(#${id}-hatch)`), whole(x, y, "map"),
    ...grid(x, y, scale, id), inside(x, y), whole(x, y, "outline"), box(x, y, "window"),
    ...centre(x, y), ...lengths(x, y, down),
  ];
  const width = x.end + EDGE;
  return drawing(width, y.end + EDGE, title, ...parts);
}

const low = (axis) => Math.min(0, axis.from);
const span = (axis) => Math.max(axis.n, axis.to) - low(axis);

// From pixels of the map to pixels of the screen, and the four edges there.
function placer(axis, scale, edge) {
  const at = (pixel) => edge + (pixel - low(axis)) * scale;
  return { axis, at, from: at(axis.from), to: at(axis.to), zero: at(0), stop: at(axis.n), end: at(low(axis) + span(axis)) };
}

const band = () => ({ axis: null, from: EDGE, to: EDGE + BAND, zero: EDGE, stop: EDGE + BAND, end: EDGE + BAND });

const box = (x, y, kind, fill = null) => rect(x.from, y.from, x.to - x.from, y.to - y.from, kind, { fill });
const whole = (x, y, kind) => rect(x.zero, y.zero, x.stop - x.zero, y.stop - y.zero, kind);

function inside(x, y) {
  const [left, top] = [Math.max(x.from, x.zero), Math.max(y.from, y.zero)];
  return rect(left, top, Math.min(x.to, x.stop) - left, Math.min(y.to, y.stop) - top, "seen");
}

function hatch(id) {
  const stroke = line(0, 0, 0, 6, "hatching");
  const pattern = { id: `${id}-hatch`, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return [svg("defs", {}, svg("pattern", pattern, stroke))];
}

// How many units lie from one dot to the next, so that they can be told apart.
export function everyOf(axes, most) {
  const scale = most / Math.max(...axes.map(span));
  return Math.max(1, ...axes.filter((axis) => axis.step > 0).map((axis) => Math.ceil(CLOSEST / (axis.step * scale))));
}

// The centres of all units' windows: dots in one pattern, or ticks on a strip.
function grid(x, y, scale, id) {
  const along = [x, y].filter((one) => one.axis);
  if (along.some(({ axis }) => !(axis.step > 0))) return [];
  const every = Math.max(1, ...along.map(({ axis }) => Math.ceil(CLOSEST / (axis.step * scale))));
  const tile = ({ axis, at }) => {
    const width = axis.step * scale * every;
    const first = at(axis.first + axis.extent / 2);
    const many = Math.ceil(axis.units / every);
    return { width, from: first - width / 2, length: width * many };
  };
  const a = tile(x);
  const b = y.axis ? tile(y) : { width: BAND, from: EDGE, length: BAND };
  const pattern = { id: `${id}-dots`, x: a.from, y: b.from, width: a.width, height: b.width, patternUnits: "userSpaceOnUse" };
  const dot = svg("circle", { cx: a.width / 2, cy: b.width / 2, r: 1.1, class: "unit" });
  return [svg("defs", {}, svg("pattern", pattern, dot)), rect(a.from, b.from, a.length, b.length, "units", { fill: `url(#${id}-dots)` })];
}

function centre(x, y) {
  const [cx, cy] = [(x.from + x.to) / 2, (y.from + y.to) / 2];
  return [line(cx - 5, cy, cx + 5, cy, "centre"), line(cx, cy - 5, cx, cy + 5, "centre")];
}

const pixels = (n) => `${Math.round(n * 100) / 100} px`;

// The map's lengths below and at the left; the window's above and at the right.
function lengths(x, y, down) {
  const parts = [
    label((x.zero + x.stop) / 2, y.end + 20, pixels(x.axis.n), "middle"),
    label((x.from + x.to) / 2, Math.min(y.from, y.zero) - 9, pixels(x.axis.extent), "middle", "field"),
  ];
  if (!down) return parts;
  const upright = (at, height, text, kind) =>
    svg("text", { x: 0, y: 0, transform: `translate(${at} ${height}) rotate(-90)`, "text-anchor": "middle", class: kind }, text);
  return [...parts,
    upright(Math.min(x.zero, x.from) - 12, (y.zero + y.stop) / 2, pixels(down.n), null),
    upright(x.end + 20, (y.from + y.to) / 2, pixels(down.extent), "field"),
  ];
}
