// The map of the network: a tree of rows, beside the lanes in which the values flow.

import { chooseLayer } from "./actions.js";
import { byId, html, put, svg } from "./dom.js";
import { bytes, plural, shape, short } from "./format.js";
import { glyph } from "./glyphs.js";
import { layOut, line } from "./lanes.js";
import { layerOf, state, update, watch } from "./state.js";
import { allOpen, firstOpen, pathTo, rowsOf } from "./tree.js";

const ROW = 42, HEAD = 30, LANE = 16, EDGE = 14; // pixels
const COSTS = {
  macs: { title: "Multiply-adds (MACs)", of: (layer) => layer.macs ?? 0, text: short },
  params: { title: "Parameters", of: (layer) => layer.params ?? 0, text: short },
  map_bytes: { title: "Memory of the maps", of: (layer) => layer.map_bytes ?? 0, text: bytes },
};
const drawn = { rows: [], focus: 0 };

export function startArchitecture() {
  const choice = byId("heat");
  put(choice, ...Object.entries(COSTS).map(([key, { title }]) => html("option", { value: key }, title)));
  choice.addEventListener("change", () => update({ heat: choice.value }));
  byId("search").addEventListener("input", (event) => update({ query: event.target.value.trim() }));
  byId("search").addEventListener("keydown", fromSearch);
  byId("unfold").addEventListener("click", () => update({ open: allOpen(state.model) }));
  byId("fold").addEventListener("click", () => update({ open: new Set() }));
  byId("tree").addEventListener("keydown", onKey);
  watch(["model"], () => { update({ open: firstOpen(state.model) }); });
  watch(["open", "query", "heat", "whatif", "changes"], draw);
  watch(["layer"], () => { reveal(); intoView(chosen()); mark(); });
  watch(["shown"], light);
}

// Unfold what hides the chosen layer.
function reveal() {
  if (drawn.rows.some((row) => row.id === state.layer)) return;
  const hidden = pathTo(state.model.blocks, state.layer).filter((path) => !state.open.has(path));
  if (hidden.length && !state.query) update({ open: new Set([...state.open, ...hidden]) });
}

function draw() {
  if (!state.model) return;
  const rows = state.query ? found() : rowsOf(state.model, state.open);
  const held = byId("tree").contains(document.activeElement);
  let top = 0;
  for (const row of rows) {
    row.top = top;
    row.height = row.open ? HEAD : ROW;
    top += row.height;
  }
  const lanes = state.query ? null : layOut(rows);
  const step = lanes && lanes.width > 9 ? Math.max(4, 9 * LANE / lanes.width) : LANE;
  const x = (lane) => EDGE + lane * step;
  const room = lanes ? x(lanes.width - 1) + EDGE : 6;
  const most = Math.max(1, ...rows.map(cost));
  rows.forEach((row, index) => { row.element = rowElement(row, index, rows, room, most); });
  put(byId("tree"), lanes && lanesOf(rows, lanes, x, room, top), ...rows.map((row) => row.element));
  put(byId("found"), state.query ? rows.length ? plural(rows.length, "layer") : "No layer has this name or kind." : "");
  Object.assign(drawn, { rows, focus: Math.max(0, rows.findIndex((row) => row.id === state.layer)) });
  mark();
  if (held) rows[drawn.focus]?.element.focus({ preventScroll: true });
}

function found() {
  const words = state.query.toLowerCase().split(/\s+/);
  return state.model.layers
    .filter((one) => words.every((word) => `${one.name} ${one.kind} ${one.module}`.toLowerCase().includes(word)))
    .map((one) => ({ id: one.id, depth: 0, parent: null, reads: [] }));
}

const own = (row) => row.block ? row.layers.map(layerOf) : row.id < 0 ? [] : [layerOf(row.id)];
const cost = (row) => row.open ? 0 : own(row).reduce((sum, one) => sum + COSTS[state.heat].of(one), 0);

function lanesOf(rows, lanes, x, room, height) {
  const middle = (index) => rows[index].top + rows[index].height / 2;
  const last = (index) => rows[index].layers?.at(-1) ?? rows[index].id;
  const edges = lanes.edges.map((edge) => svg("path", {
    d: line(edge, lanes.lane, x, middle), class: edge.turns.length ? "edge aside" : "edge", "data-from": last(edge.from),
  }));
  const nodes = rows.map((row, index) => row.open ? null : glyph(kindOf(row), x(lanes.lane[index]), middle(index)));
  return svg("svg", { width: room, height, class: "lanes", "aria-hidden": "true" }, edges, nodes);
}

const kindOf = (row) => row.block ? "block" : row.id < 0 ? "input" : layerOf(row.id).kind;
const kindText = ({ kind, details }) => ["activation", "binary"].includes(kind) && details ? details : kind.replaceAll("_", " ");
// A name within the block that it is shown in.
function nameIn(row, name) {
  const around = row.parent?.block.path;
  return around && name.startsWith(`${around}.`) ? name.slice(around.length + 1) : name;
}

function rowElement(row, index, rows, room, most) {
  const selected = row.id >= 0;
  const heat = cost(row);
  const element = html("div", {
    role: "treeitem", id: `row-${index}`, tabindex: -1, "aria-level": row.depth + 1, class: `row ${row.open ? "head" : ""}`,
    "aria-expanded": row.block ? String(row.open) : null, "data-layer": selected ? row.id : null,
    style: { height: `${row.height}px`, "padding-left": `${room + row.depth * 8}px`, "--heat": heat / most * 0.24 },
    onclick: () => { drawn.focus = index; act(row); },
    onmouseenter: () => { if (row.id >= 0 && state.run) update({ shown: row.id }); },
    onmouseleave: () => { if (state.shown !== null) update({ shown: null }); },
  }, ...contents(row, heat));
  return element;
}

function contents(row, heat) {
  if (row.id < 0) return [title(state.model.input.name, "input"), shapes(state.model.input.shape)];
  const value = heat ? html("span", { class: "cost" }, COSTS[state.heat].text(heat)) : null;
  if (row.block) {
    const mark = html("span", { class: "fold", "aria-hidden": "true" }, row.open ? "\u25be" : "\u25b8");
    const name = html("span", { class: "name" }, mark, nameIn(row, row.block.path));
    if (row.open) return [html("span", { class: "title", title: row.block.path }, name)];
    const kind = html("span", { class: "kind" }, plural(row.layers.length, "layer"));
    return [html("span", { class: "title", title: row.block.path }, name, kind), value, ...after(row.layers.at(-1))];
  }
  const layer = layerOf(row.id);
  return [title(nameIn(row, layer.name), kindText(layer), layer.name), value, ...after(row.id)];
}

const title = (name, kind, full = name) => html("span", { class: "title", title: full },
  html("span", { class: "name" }, name), html("span", { class: "kind" }, kind));

const shapes = (lengths, kind = "") => html("span", { class: `shape ${kind}` }, shape(lengths));

// The shape that flows on; where a what-if is asked, the new one beside the old.
function after(id) {
  const old = layerOf(id).shape;
  if (!state.whatif) return [shapes(old)];
  const now = state.whatif.layers[id];
  if (state.whatif.error?.layer === id) return [html("span", { class: "shape broken" }, "does not fit")];
  if (!now) return [html("span", { class: "shape gone" }, "not reached")];
  if (String(now.shape) === String(old)) return [shapes(old)];
  return [html("span", { class: "shape new" }, html("s", {}, shape(old)), " ", shape(now.shape))];
}

// The row of the chosen layer, or of the folded block that holds it.
const chosen = () => drawn.rows.find((row) => row.id === state.layer)
  ?? drawn.rows.find((row) => row.block && !row.open && row.layers.includes(state.layer));

// Show which row is chosen, and which were changed.
function mark() {
  const own = chosen();
  drawn.rows.forEach((row, index) => {
    set(row.element, "aria-selected", row === own);
    set(row.element, "tabindex", index === drawn.focus ? 0 : -1);
    row.element.classList.toggle("changed", row.id in state.changes);
  });
  light();
}

// Show which row the reader points at, here or in the list of fields. Nothing scrolls away from it.
function light() {
  for (const row of drawn.rows) row.element.classList.toggle("lit", row.id === state.shown && state.shown !== null);
}

// What is set again, though it is the same, is styled again.
function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function intoView(row) {
  if (!row) return;
  const { element } = row;
  const box = byId("tree-scroll");
  const [top, bottom] = [element.offsetTop, element.offsetTop + element.offsetHeight];
  if (top < box.scrollTop) box.scrollTop = top - 40;
  else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + 40;
}

// Choose a layer, or fold and unfold a block.
function act(row) {
  if (row.block) fold(row, !row.open);
  else if (row.id >= 0 && row.id !== state.layer) chooseLayer(row.id);
  else if (row.id < 0) byId("input").scrollIntoView({ block: "nearest" });
}

function fold(row, open) {
  const paths = new Set(state.open);
  if (open) paths.add(row.block.path);
  else paths.delete(row.block.path);
  update({ open: paths });
  focus(drawn.rows.findIndex((one) => one.block?.path === row.block.path));
}

function focus(index) {
  const row = drawn.rows[Math.min(Math.max(index, 0), drawn.rows.length - 1)];
  if (!row) return;
  drawn.focus = drawn.rows.indexOf(row);
  drawn.rows.forEach((one) => set(one.element, "tabindex", one === row ? 0 : -1));
  row.element.focus({ preventScroll: true });
  intoView(row);
}

function onKey(event) {
  const row = drawn.rows[drawn.focus];
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const folding = row.block && (event.key === "ArrowRight" ? !row.open : event.key === "ArrowLeft" && row.open);
  const to = {
    ArrowDown: drawn.focus + 1, ArrowUp: drawn.focus - 1, Home: 0, End: drawn.rows.length - 1,
    ArrowLeft: row.parent ? drawn.rows.indexOf(row.parent) : drawn.focus, ArrowRight: drawn.focus + (row.open ? 1 : 0),
  }[event.key];
  if (folding) fold(row, !row.open);
  else if (event.key === "Enter" || event.key === " ") act(row);
  else if (to === undefined) return;
  else focus(to);
  event.preventDefault();
}

function fromSearch(event) {
  if (event.key === "Escape") { event.target.value = ""; update({ query: "" }); }
  if (event.key === "Enter" && drawn.rows[0]?.id >= 0 && state.query) chooseLayer(drawn.rows[0].id);
  if (event.key === "ArrowDown") focus(0);
}
