// One unit: what it sees, where its window lies on the map before, its sum, and who reads it.

import { chooseLayer, chooseUnit } from "./actions.js";
import { byId, html, put, widthOf } from "./dom.js";
import { number, place, plural } from "./format.js";
import { createPlane } from "./plane.js";
import { getJson, onlyStrongest } from "./source.js";
import { current, facts, layerOf, state, watch } from "./state.js";
import { drawSum, groupsOf } from "./sum.js";
import { channelView, inputView } from "./views.js";

const planes = {};
// The channel shown of the map before; the room for planes, and the side of one, in pixels.
const held = { channel: 0, room: null, most: 0 };

export function startUnit() {
  planes.seen = createPlane(byId("seen-plane"));
  planes.before = createPlane(byId("before-plane"), pickBefore);
  planes.own = createPlane(byId("own-plane"), (at) => chooseUnit(state.aim.channel, [...deep(), ...at]), () => state.aim?.place);
  byId("channel").addEventListener("change", (event) => moveTo(Number(event.target.value), state.place));
  byId("where").addEventListener("change", (event) => moveTo(state.channel, event.target.value.split(/[^\d]+/).filter(Boolean).map(Number)));
  watch(["unit", "layer", "channel", "place"], draw);
  held.room = widthOf(byId("planes"), refit);
}

// The place along a volume's first axis, which the planes do not show.
const deep = () => state.place.length === 3 ? state.place.slice(0, 1) : [];
const flat = (box) => box && box.length === 3 ? box.slice(1) : box;

const answered = () => state.unit && state.unit.channel === state.channel && String(state.unit.place) === String(state.place);

function moveTo(channel, at) {
  const [most, ...lengths] = current().shape;
  const good = channel >= 0 && channel < most && at?.length === lengths.length && at.every((n, k) => n < lengths[k]);
  if (good) chooseUnit(channel, at);
  else draw();
}

const draw = async () => {
  const { unit } = state;
  const layer = state.model && current();
  byId("unit-body").hidden = !unit;
  byId("unit-none").hidden = Boolean(unit);
  if (!layer) return;
  drawHead(layer);
  if (!answered()) return; // the answer on this unit is still on its way
  put(byId("unit-text"), unit.sum ? "" : unit.text);
  byId("unit-held").hidden = !onlyStrongest(state.run.id, layer.id);
  drawFeeds(unit);
  drawPatches(layer);
  drawSum(unit, layer, (channel) => drawBefore(unit, channel));
  await drawPlanes(unit, layer, strongest(unit));
};

const drawPlanes = (unit, layer, channel) => {
  held.most = most();
  return Promise.all([drawSeen(unit), drawOwn(unit, layer), drawBefore(unit, channel)].map((one) => one.catch(() => {})));
};

function refit() {
  if (state.unit && answered() && most() !== held.most) drawPlanes(state.unit, current(), held.channel);
}

function drawHead(layer) {
  const known = state.channel !== null;
  const vector = layer.shape?.length === 1;
  put(byId("unit-title"), known ? `${vector ? "Unit" : "Channel"} ${state.channel}${vector ? "" : ` at ${place(state.place)}`} of ${layer.name}` : "No unit chosen");
  put(byId("unit-value"), answered() && state.unit.value !== null ? number(state.unit.value) : "");
  byId("unit-value").dataset.value = answered() ? state.unit.value ?? "" : "";
  byId("channel").value = state.channel ?? "";
  byId("channel").max = (layer.shape?.[0] ?? 1) - 1;
  byId("where").value = state.place?.join(", ") ?? "";
  byId("unit-choice").hidden = !known;
  byId("where-label").hidden = !state.place?.length;
}

const most = () => {
  const room = held.room();
  const columns = Math.max(1, Math.min(3, Math.floor((room + 22) / 200)));
  return Math.round(Math.min((room - 22 * (columns - 1)) / columns - 2, 340));
};

const fresh = (unit) => state.unit === unit;

const drawSeen = async (unit) => {
  const visible = flat(unit.visible);
  const figure = byId("seen");
  figure.hidden = !visible || visible.some((pair) => !pair || pair[1] <= pair[0]);
  if (figure.hidden) return;
  const view = await inputView(middle(unit.box));
  if (!fresh(unit)) return;
  const box = flat(unit.box);
  const sizes = unit.box.map(([a, b]) => b - a).join(" \u00d7 ");
  planes.seen.show({ ...view, boxes: [{ box, kind: "field" }], view: box, most: held.most, label: `The ${sizes} pixels of the input that the unit sees` });
  const hidden = unit.box.some(([a, b], k) => a < unit.visible[k][0] || b > unit.visible[k][1]);
  put(byId("seen-words"), `Sees ${sizes} of the input, ${range(unit.box)}${hidden ? "; the hatched part is padding" : ""}.`);
};

const middle = (box) => box?.length === 3 ? Math.max(0, Math.floor((box[0][0] + box[0][1] - 1) / 2)) : null;
const range = (box) => box.map(([a, b], k) => `${"zyx".at(k - box.length)} ${a} \u2026 ${b - 1}`.replaceAll("-", "\u2212")).join(", ");

const drawOwn = async (unit, layer) => {
  byId("own").hidden = layer.shape.length < 2 || layer.shape.slice(1).every((n) => n === 1);
  if (byId("own").hidden) return;
  const view = await channelView(layer.id, unit.channel, deep()[0] ?? null);
  if (!fresh(unit)) return;
  const cursor = unit.place.slice(-view.lengths.length);
  planes.own.show({ ...view, cursor, most: held.most, label: `Channel ${unit.channel} of ${layer.name}; the arrow keys move the unit, now at ${place(unit.place)}` });
  put(byId("own-words"), `${layer.name}, channel ${unit.channel}. Click, or use the arrow keys.`);
};

// Which channel of the map before counts most in the sum; the same one where nothing is summed.
function strongest(unit) {
  const groups = unit.sum ? groupsOf(unit.sum) : [];
  if (groups.length) return groups.reduce((a, b) => Math.abs(b.total) > Math.abs(a.total) ? b : a).channel;
  return unit.channel;
}

const drawBefore = async (unit, channel) => {
  const { layer, box } = unit.previous ?? {};
  const shape = layer === undefined || layer === null ? null : layer < 0 ? state.model.input.shape : layerOf(layer).shape;
  byId("before").hidden = !shape || shape.length < 2 || shape.slice(1).every((n) => n === 1) || !box || (layer >= 0 && !facts(layer));
  if (byId("before").hidden) return;
  held.channel = Math.min(channel, shape[0] - 1);
  const view = await channelView(layer, held.channel, shape.length === 4 ? Math.min(Math.max(middle(box) ?? 0, 0), shape[1] - 1) : null);
  if (!fresh(unit)) return;
  const name = layer < 0 ? "the input" : layerOf(layer).name;
  planes.before.show({ ...view, boxes: [{ box: flat(box), kind: "window" }], most: held.most, label: `Channel ${held.channel} of ${name} with the unit's window, ${range(box)}` });
  put(byId("before-words"), `Its window on ${name}, channel ${held.channel}: ${range(box)}.`);
};

// Walk back: the clicked pixel of the map before becomes the unit looked at.
function pickBefore(at) {
  const { layer, box } = state.unit?.previous ?? {};
  if (layer >= 0) chooseLayer(layer, held.channel, box.length === 3 ? [Math.max(0, middle(box)), ...at] : at);
}

function drawFeeds(unit) {
  const items = unit.feeds.map(({ layer, units }) => html("li", {}, html("button", { type: "button", class: "link", onclick: () => chooseLayer(layer) }, layerOf(layer).name), units === null ? null : ` ${plural(units, "unit")}`));
  put(byId("feeds"), ...(items.length ? items : [html("li", { class: "soft" }, "nothing: this is the output")]));
}

function drawPatches(layer) {
  byId("patches").hidden = !state.model.has_data;
  if (!state.model.has_data) return;
  const find = html("button", { type: "button", onclick: () => showPatches(layer, state.channel) }, "Find the patches that excite this channel most");
  put(byId("patches-list"), find);
}

const showPatches = async (layer, channel) => {
  put(byId("patches-list"), html("p", { class: "soft", role: "status" }, "Looking through the data \u2026"));
  try {
    const { patches } = await getJson(`api/top/${layer.id}?channel=${channel}`);
    if (state.layer !== layer.id || state.channel !== channel) return;
    put(byId("patches-list"), html("ul", { class: "patches" }, patches.map(({ sample, value, picture }) => html("li", {},
      html("img", { src: picture, alt: `Patch of sample ${sample}` }), html("span", {}, number(value, 3))))));
  } catch (error) {
    put(byId("patches-list"), html("p", { class: "remark" }, error.message));
  }
};

