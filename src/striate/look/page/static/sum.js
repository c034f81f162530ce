// A unit's sum before your eyes: the window's values, the weights, the products, and how they add up.

import { tint } from "./colors.js";
import { byId, calm, html, put, svg } from "./dom.js";
import { brief, count, number, place, plural } from "./format.js";
import { layerOf } from "./state.js";

const MOST_GROUPS = 6; // channels shown at first
const MOST_BARS = 12;
const held = { timer: 0, all: false, bars: false, layer: null };

// Terms by the channel they read: [{ channel, terms, total }]; the terms keep their places in the sum.
export function groupsOf(sum) {
  const groups = new Map();
  sum.terms.forEach((term, index) => {
    const key = term.offset?.length ? `${term.layer} ${term.channel}` : "";
    if (!groups.has(key)) groups.set(key, { channel: term.channel, layer: term.layer, terms: [], total: 0 });
    const group = groups.get(key);
    group.terms.push({ ...term, index });
    group.total += term.product;
  });
  return [...groups.values()];
}

// choose(channel) is called when the reader turns to one channel of the window.
export function drawSum(unit, layer, choose) {
  cancelAnimationFrame(held.timer);
  const { sum } = unit;
  byId("sum").hidden = !sum;
  if (!sum) return;
  if (held.layer !== layer.id) Object.assign(held, { layer: layer.id, all: false, bars: false });
  put(byId("equation"), ...equation(sum));
  put(byId("each-term"), sum.formula === PRODUCT ? "" : `Each term is ${written(sum.formula)}.`);
  const again = () => drawSum(unit, layer, choose);
  const complete = sum.terms_shown === sum.terms_total;
  const cells = complete ? drawGrids(sum, choose, again) : [];
  if (!complete) put(byId("products"));
  const bars = drawBars(sum, again);
  drawSteps(sum, [...cells, ...bars]);
}

const PRODUCT = "x * w";
const written = (formula) => formula.replaceAll("*", "\u00d7").replaceAll("-", "\u2212").replaceAll("^2", "\u00b2");

// x and w, and what they make, in the sign or the words of the sum's formula.
const factors = ({ x, w }, formula, digits = 4) => formula === PRODUCT
  ? `${number(x, digits)} \u00d7 ${number(w, digits)}` : formula.includes("w") ? `x ${number(x, digits)}, w ${number(w, digits)}` : `x ${number(x, digits)}`;

const part = (name, value, sign = "") => [
  sign && html("span", { class: "sign" }, sign),
  html("span", { class: "part" }, html("b", { "data-part": name, "data-value": value }, number(value)), html("small", {}, name)),
];

function equation({ terms, terms_total, terms_shown, rest, bias, total, after, formula }) {
  const shown = terms.reduce((sum, { product }) => sum + product, 0);
  const hidden = terms_total - terms_shown;
  const word = formula === PRODUCT ? "product" : "term";
  return [
    part(hidden ? `${terms_shown} largest of ${count(terms_total)} ${word}s` : plural(terms_total, word), shown),
    hidden ? part(`the other ${count(hidden)}`, rest, "+") : null,
    bias === null || bias === undefined ? null : part("bias", bias, "+"),
    part("total", total, "="),
    after ? part(after.name, after.value, "\u2192") : null,
  ].flat();
}

// Three aligned tables for each channel: x, w, x * w. Gives [{ index, elements }].
function drawGrids(sum, choose, again) {
  const groups = groupsOf(sum);
  const limits = ["x", "w", "product"].map((key) => Math.max(...sum.terms.map((term) => Math.abs(term[key])), 1e-30));
  const shown = held.all ? groups : [...groups].sort((a, b) => Math.abs(b.total) - Math.abs(a.total)).slice(0, MOST_GROUPS).sort((a, b) => a.channel - b.channel);
  const several = new Set(groups.map(({ layer }) => layer)).size > 1;
  const cells = [];
  const [times, equals] = sum.formula === PRODUCT ? ["\u00d7", "="] : ["", "\u2192"];
  const drawn = shown.map((group) => {
    const columns = columnsOf(group.terms);
    const name = group.terms[0].offset?.length ? whose(group, several) : "all inputs";
    const head = groups.length > 1
      ? html("button", { type: "button", class: "link", onclick: () => choose(group.channel), onmouseenter: () => choose(group.channel) }, name)
      : html("span", {}, name);
    const tables = [["x", "value"], ["w", "weight"], ["product", "product"]].map(([key, word], k) =>
      table(group.terms, key, `${word}s of ${name}`, columns, limits[k], cells, sum.formula));
    return html("div", { class: "products" }, html("div", { class: "whose" }, head, html("small", {}, `sum ${number(group.total, 3)}`)),
      tables[0], html("span", { class: "sign" }, times), sum.formula.includes("w") ? tables[1] : null, html("span", { class: "sign" }, equals), tables[2]);
  });
  const more = groups.length > shown.length
    ? html("button", { type: "button", onclick: () => { held.all = true; again(); } }, `Show all ${groups.length} channels`) : null;
  const note = more ? html("p", { class: "soft" }, `The ${shown.length} channels that count most. `, more) : null;
  put(byId("products"), ...drawn, note);
  return cells;
}

// A sum or a concatenation of maps reads several layers.
const whose = ({ channel, layer }, several) => `${several ? `${nameOf(layer)}, ` : ""}channel ${channel}`;
const nameOf = (layer) => layer === null ? "weights" : layer < 0 ? "input" : layerOf(layer).name;

// A window of two or three axes keeps its rows; one of a single axis, or a vector, is wrapped.
const WRAPPED = { 0: 6, 1: 5 };
const columnsOf = ([{ offset }, ...rest]) => Math.min(WRAPPED[offset?.length ?? 0] ?? Infinity,
  offset?.length ? Math.max(offset.at(-1), ...rest.map((term) => term.offset.at(-1))) + 1 : rest.length + 1);

function table(terms, key, label, columns, limit, cells, formula) {
  const rows = [];
  terms.forEach((term, k) => {
    const slice = term.offset?.length === 3 && k && !term.offset[1] && !term.offset[2];
    if (k % columns === 0) rows.push(html("tr", { class: slice ? "slice" : null }));
    const outside = term.place === null;
    const cell = html("td", {
      class: outside && key === "x" ? "padding" : null, title: `${outside ? "padding" : `channel ${term.channel} ${place(term.place)}`}: ${factors(term, formula)} = ${number(term.product)}`,
      style: { "background-color": tint(term[key], limit, 0.55) }, "data-value": term[key],
    }, brief(term[key]));
    cells.push({ index: term.index, element: cell });
    rows.at(-1).append(cell);
  });
  return html("table", { "aria-label": label }, html("tbody", {}, rows));
}

// The contributions, largest first.
function drawBars(sum, again) {
  const sorted = sum.terms.map((term, index) => ({ ...term, index })).sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const most = Math.abs(sorted[0]?.product ?? 1) || 1;
  const shown = sorted.slice(0, held.bars ? sorted.length : MOST_BARS);
  byId("bars").hidden = sorted.length < 6; // the tables say it all
  const several = new Set(sorted.map(({ layer }) => layer)).size > 1;
  const cells = [];
  const items = shown.map((term) => {
    const item = html("li", {},
      html("span", { class: "whose" }, term.offset?.length || several ? `${whose(term, several)} ${term.place ? place(term.place) : "padding"}` : `input ${term.channel}`),
      html("span", { class: "factors" }, factors(term, sum.formula, 3)),
      html("span", { class: "amount" }, `${term.product > 0 ? "+" : ""}${number(term.product, 3)}`),
      html("span", { class: "track" }, html("span", { class: `fill ${term.product < 0 ? "blue" : "orange"}`, style: { width: `${50 * Math.abs(term.product) / most}%` } })));
    cells.push({ index: term.index, element: item });
    return item;
  });
  const more = sorted.length > shown.length ? html("button", { type: "button", onclick: () => { held.bars = true; again(); } }, `Show all ${sorted.length}`) : null;
  put(byId("bars"), html("h4", {}, "Largest contributions"), html("ol", { class: "bars" }, items), more);
  return cells;
}

// A slider through the sum, and the running total as a curve.
function drawSteps(sum, cells) {
  const amounts = [...sum.terms.map(({ product }) => product), ...(sum.terms_shown < sum.terms_total ? [sum.rest] : []), sum.bias ?? 0];
  const totals = [0];
  amounts.forEach((amount) => totals.push(totals.at(-1) + amount));
  const slider = html("input", { type: "range", min: 0, max: amounts.length, value: amounts.length, "aria-label": "How many terms are added up" });
  const told = html("output", { class: "running" });
  const play = html("button", { type: "button" }, "Add up");
  const [curve, cursor] = runningCurve(totals);
  const show = () => {
    const done = Number(slider.value);
    const words = done === amounts.length ? "all terms and the bias" : `${done} of ${sum.terms_shown} products`;
    slider.setAttribute("aria-valuetext", `${words}: ${number(totals[done])}`);
    put(told, `${words}: `, html("b", {}, number(totals[done])));
    cursor(done);
    for (const { index, element } of cells) element.classList.toggle("later", index >= done);
  };
  slider.addEventListener("input", () => { cancelAnimationFrame(held.timer); show(); });
  play.addEventListener("click", () => animate(slider, amounts.length, show));
  put(byId("steps"), play, slider, told, curve);
  show();
}

function animate(slider, most, show) {
  cancelAnimationFrame(held.timer);
  if (calm()) { slider.value = most; show(); return; }
  const lasts = Math.min(6000, 1200 + 30 * most); // milliseconds
  let start = null;
  const step = (now) => {
    start ??= now;
    slider.value = Math.min(most, Math.floor((now - start) / lasts * most));
    show();
    if (now - start < lasts) held.timer = requestAnimationFrame(step);
    else { slider.value = most; show(); }
  };
  held.timer = requestAnimationFrame(step);
}

function runningCurve(totals) {
  const [width, height] = [600, 70];
  const [low, high] = [Math.min(...totals, 0), Math.max(...totals, 0)];
  const x = (k) => 4 + k / Math.max(totals.length - 1, 1) * (width - 8);
  const y = (value) => height - 6 - (value - low) / (high - low || 1) * (height - 12);
  const dot = svg("circle", { r: 4, class: "dot" });
  const steps = totals.map((value, k) => `${k ? `H${x(k)}` : ""}${k ? "V" : `M${x(0)} `}${y(value)}`).join("");
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot running-curve", role: "img", "aria-label": `The running sum, from 0 to ${number(totals.at(-1))}` },
    svg("line", { x1: 0, x2: width, y1: y(0), y2: y(0), class: "axis" }), svg("path", { d: steps, class: "curve blue" }), dot);
  return [drawing, (k) => { dot.setAttribute("cx", x(k)); dot.setAttribute("cy", y(totals[k])); }];
}
