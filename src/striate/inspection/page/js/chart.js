// A chart over the layers in the order they run: bars or steps, with a cursor that tells a layer.

import { select, rows, state, watch } from "./state.js";
import { byId, drawing, label, line, rect, svg, ticks } from "./svg.js";

const TOP = 10;
const BOTTOM = 34;
const LEAST = 66; // room for most numbers, so that the charts stand under each other
const LETTER = 7.2;
const BOLD = 7.8;

// A layer in words; names like "1" do not tell enough.
export function nameAt(index) {
  const { name, kind } = rows[index];
  return `${name} (${kind.replaceAll("_", " ")}, layer ${index + 1} of ${rows.length})`;
}

// Numbers at the axes, without the digits that are zero.
const round = (text) => text.replace(/(\.\d*?)0+(?= |$)/, "$1").replace(/\.(?= |$)/, "");

// mark() gives { index, words }: texts to write beside a layer, of which the first that fits is.
// chart: { id, height, isBytes, kind: "bars" | "steps", hue, title(), values(), write(), mark() },
// keys: what it is drawn anew for, besides the width; told: where the cursor's layer is written.
export function orderChart(chart) {
  const box = byId(chart.id);
  let plane = null;
  let pointed = null;

  function draw() {
    plane = planeOf(chart, box.clientWidth || 640);
    const picture = drawing(plane.width, plane.height, chart.title(),
      ...axes(plane, chart), shape(plane, chart), ...marked(plane, chart), rows.length ? cursor() : null);
    for (const [name, value] of Object.entries({
      role: "slider", tabindex: 0, "aria-valuemin": 1, "aria-valuemax": rows.length,
    })) picture.setAttribute(name, value);
    box.replaceChildren(picture);
    point(null);
  }

  const cursor = () => rect(0, TOP, 1, plane.bottom - TOP, "cursor");

  function point(index) {
    if (!rows.length) return;
    pointed = index;
    const at = pointed ?? state.selected;
    const picture = box.firstElementChild;
    const mark = picture.querySelector(".cursor");
    mark.setAttribute("x", plane.left + at * plane.step);
    mark.setAttribute("width", Math.max(plane.step, 1.5));
    const words = chart.told(at);
    picture.setAttribute("aria-valuenow", at + 1);
    picture.setAttribute("aria-valuetext", words);
    byId(chart.toldId).textContent = words;
  }

  function indexAt(event) {
    const frame = box.getBoundingClientRect();
    const x = (event.clientX - frame.left) * (plane.width / frame.width) - plane.left;
    return Math.min(Math.max(Math.floor(x / plane.step), 0), rows.length - 1);
  }

  function press(event) {
    const last = rows.length - 1;
    const to = {
      ArrowRight: state.selected + 1, ArrowUp: state.selected + 1, Home: 0, End: last,
      ArrowLeft: state.selected - 1, ArrowDown: state.selected - 1,
      PageUp: state.selected + 10, PageDown: state.selected - 10,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    select(to);
  }

  box.addEventListener("pointermove", (event) => point(indexAt(event)));
  box.addEventListener("pointerleave", () => point(null));
  box.addEventListener("click", (event) => select(indexAt(event)));
  box.addEventListener("keydown", press);
  watch([...(chart.keys ?? []), "width"], draw);
  watch(["selected"], () => point(null));
}

function planeOf(chart, width) {
  const values = chart.values();
  const most = values.reduce((top, value) => Math.max(top, value ?? 0), 0);
  const steps = ticks(most, chart.isBytes());
  const left = Math.max(LEAST, 12 + LETTER * Math.max(...steps.map((tick) => round(chart.write(tick)).length)));
  const top = Math.max(most, steps[steps.length - 1]) || 1;
  const bottom = chart.height - BOTTOM;
  const step = (width - left - 8) / Math.max(rows.length, 1);
  const up = (value) => bottom - (value / top) * (bottom - TOP - 14);
  return { width, height: chart.height, left, bottom, step, up, steps, values };
}

function axes(plane, chart) {
  const across = plane.steps.flatMap((tick) => [
    line(plane.left, plane.up(tick), plane.width - 8, plane.up(tick), "grid"),
    label(plane.left - 8, plane.up(tick) + 4, round(chart.write(tick)), "end"),
  ]);
  const room = Math.max(Math.floor((plane.width - plane.left) / 70), 1);
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => rows.length / n <= room) ?? 2000;
  const numbers = rows.filter((row) => (row.index + 1) % every === 0 || row.index === 0 && every < 5)
    .map((row) => label(plane.left + (row.index + 0.5) * plane.step, plane.bottom + 15, row.index + 1, "middle"));
  const name = label(plane.width - 8, plane.bottom + 30, "layer, in the order they run", "end");
  return [...across, ...numbers, name];
}

// One path for all: bars with a gap between them where there is room for one, or steps.
function shape(plane, chart) {
  const { left, step, up, bottom, values } = plane;
  if (!values.length) return null;
  const gap = chart.kind === "bars" ? Math.min(step * 0.2, 2) : 0;
  if (chart.kind === "bars") {
    const path = values.map((value, k) => value
      ? `M${left + k * step + gap / 2} ${bottom}V${Math.min(up(value), bottom - 1)}h${step - gap}V${bottom}Z` : "");
    const lost = values.map((value, k) => value === null
      ? rect(left + k * step + gap / 2, TOP + 14, step - gap, bottom - TOP - 14, "lost") : null);
    return svg("g", {}, ...lost, svg("path", { d: path.join(""), class: `bars ${chart.hue}` }));
  }
  const steps = values.map((value, k) => `${k ? "V" : "M" + left + " "}${up(value ?? 0)}H${left + (k + 1) * step}`);
  const edge = steps.join("");
  return svg("g", {}, svg("path", { d: `${edge}V${bottom}H${left}Z`, class: `area ${chart.hue}` }),
    svg("path", { d: edge, class: `edge ${chart.hue}` }));
}

function marked(plane, chart) {
  const mark = chart.mark?.();
  if (!mark || !rows.length) return [];
  const x = plane.left + (mark.index + 0.5) * plane.step;
  const y = plane.up(plane.values[mark.index]);
  // Beside the dot where there is room for it, and inside the picture in any case.
  const words = mark.words.find((text) => text.length * BOLD < plane.width) ?? mark.words.at(-1);
  const length = words.length * BOLD;
  const beside = x > plane.width / 2 ? x - 8 - length : x + 8;
  const from = Math.max(Math.min(beside, plane.width - length), 0);
  return [
    svg("circle", { cx: x, cy: y, r: 4, class: `dot ${chart.hue}` }),
    label(from, y - 6, words, "start", "peak"),
  ];
}
