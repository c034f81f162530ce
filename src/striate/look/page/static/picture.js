// The input as the network takes it, with the nested fields of the units along the path, or with the
// gradient of the chosen unit; and the prediction.

import { at } from "./actions.js";
import { byId, html, put, widthOf } from "./dom.js";
import { percent, plural } from "./format.js";
import { boxOf, nested } from "./field.js";
import { createPlane } from "./plane.js";
import { getArray } from "./source.js";
import { facts, layerOf, state, update, watch } from "./state.js";
import { inputView } from "./views.js";

const held = { plane: null, all: false, key: "", rows: [], room: null, drawn: 0 };

export function startPicture() {
  held.plane = createPlane(byId("picture"));
  for (const overlay of ["fields", "gradient", "none"]) {
    byId(`overlay-${overlay}`).addEventListener("change", () => update({ overlay }));
  }
  watch(["model"], () => { byId("overlay-gradient-label").hidden = !state.model.has_gradients; });
  watch(["run", "layer", "place", "unit", "overlay", "shown"], draw);
  watch(["run"], drawPrediction);
  byId("prediction-more").addEventListener("click", () => { held.all = !held.all; drawPrediction(); });
  held.room = widthOf(byId("picture"), () => { if (Math.abs(held.room() - held.drawn) > 8) draw(); });
}

// The exact box of the unit where it is known, else the one of the layer's field.
function ownBox() {
  const box = state.unit && state.unit.box;
  return box && box.every((pair) => pair) ? box : boxOf(layerOf(state.layer), state.place);
}

const draw = async () => {
  byId("picture-none").hidden = Boolean(state.run);
  if (!state.run) return;
  held.drawn = held.room();
  const box = ownBox();
  const depth = box?.length === 3 ? Math.max(0, Math.floor((box[0][0] + box[0][1] - 1) / 2)) : null;
  const [view, gradient] = await Promise.all([inputView(depth), gradientView()]).catch(() => []);
  if (!view || !state.model) return;
  const fields = box && state.overlay !== "none" ? nested(state.layer, box) : [];
  const flat = (pairs) => pairs.length === 3 ? pairs.slice(1) : pairs;
  const boxes = state.overlay === "gradient" ? [{ box: flat(box), kind: "field strong" }] : fields.map((one) => ({
    box: flat(one.box), kind: `field ${one.layers.includes(state.layer) ? "strong" : ""} ${one.layers.includes(state.shown) ? "lit" : ""}`,
  }));
  const aside = state.shown !== null && !fields.some(({ layers }) => layers.includes(state.shown)) ? boxOf(layerOf(state.shown)) : null;
  if (aside && state.overlay === "fields") boxes.push({ box: flat(aside), kind: "field lit" });
  const paint = (context, ...place) => {
    view.paint(context, ...place);
    if (state.overlay === "gradient" && gradient) gradient(context, ...place);
  };
  held.plane.show({ lengths: view.lengths, paint, boxes, most: Math.min(held.drawn, 420, Math.max(200, 0.45 * innerHeight)), label: `The input of ${state.run.input_shape.join(" by ")}, with what the units along the path see of it` });
  drawFields(fields);
};

// Where the unit's gradient is large, the picture stays bright.
const gradientView = async () => {
  if (state.overlay !== "gradient" || state.channel === null || !state.place) return null;
  byId("overlay-words").textContent = "Computing the gradient \u2026";
  try {
    const { shape, data } = await getArray(`api/runs/${state.run.id}/gradient/${state.layer}?channel=${state.channel}${at(state.place)}`);
    byId("overlay-words").textContent = "Bright: the gradient of the unit on the input is large. The box is what it can see in theory.";
    return shaded(shape, data);
  } catch (error) {
    byId("overlay-words").textContent = error.message;
    return null;
  }
};

function shaded(shape, data) {
  const [height, width] = shape.length === 1 ? [1, shape[0]] : shape.slice(-2);
  const canvas = html("canvas", { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let k = 0; k < width * height; k += 1) {
    const share = Math.sqrt(Math.min(1, data[k]));
    image.data.set([214 * share, 96 * share, 22 * share, 225 - 165 * share], 4 * k);
  }
  context.putImageData(image, 0, 0);
  return (target, ...place) => target.drawImage(canvas, ...place);
}

function drawFields(fields) {
  byId("fields").hidden = state.overlay !== "fields";
  if (state.overlay === "fields") byId("overlay-words").textContent = fields.length ? "Each box is what one unit sees of the input, along the path to the chosen one." : "What this layer sees of the input is not known.";
  const key = fields.map(({ layers, box }) => [layers, box]).join(";");
  if (key === held.key) { lightUp(); return; }
  held.key = key;
  held.rows = fields.map(({ layers, box }) => {
    const [first, last] = [layerOf(layers[0]).name, layerOf(layers.at(-1)).name];
    const size = box.map(([a, b]) => String(Math.round(10 * (b - a)) / 10)).join(" \u00d7 ");
    const own = layers.includes(state.layer);
    const show = () => { if (state.shown !== layers[0]) update({ shown: layers[0] }); };
    const button = html("button", { type: "button", class: own ? "own" : null, onmouseenter: show, onfocus: show, onmouseleave: unlight, onblur: unlight },
      html("span", {}, layers.length > 1 ? `${first} \u2026 ${last}` : first), html("b", {}, size));
    return { layers, item: html("li", {}, button) };
  });
  put(byId("fields"), ...held.rows.map(({ item }) => item));
}

const unlight = () => { if (state.shown !== null) update({ shown: null }); };

function lightUp() {
  for (const { layers, item } of held.rows) item.classList.toggle("lit", state.shown !== null && layers.includes(state.shown));
}

const titled = (name) => state.model.classes.length ? name : `class ${name}`;

const MOST_BARS = 5; // at first

function drawPrediction() {
  const { prediction } = state.run ?? { prediction: [] };
  byId("prediction").hidden = !prediction.length;
  byId("untrained").hidden = state.model?.trained !== false;
  const shown = held.all ? prediction : prediction.slice(0, MOST_BARS);
  put(byId("bars-prediction"), ...shown.map(({ name, index, probability }) => html("li", { "data-class": index },
    html("span", { class: "whose" }, titled(name)), html("span", { class: "amount" }, percent(probability)),
    html("span", { class: "track" }, html("span", { class: "fill blue", style: { width: `${100 * probability}%` } })))));
  byId("prediction-more").hidden = prediction.length <= MOST_BARS;
  put(byId("prediction-more"), held.all ? `Show ${MOST_BARS}` : `Show ${prediction.length}`);
  put(byId("said"), prediction.length ? `${titled(prediction[0].name)}, with ${percent(prediction[0].probability)}` : "");
  byId("prediction-none").hidden = !state.run || prediction.length > 0;
  const shape = state.run && facts(state.model.layers.length - 1) ? state.model.layers.at(-1).shape : null;
  put(byId("prediction-none"), shape ? `The output is no list of classes but ${shape.length > 1 ? `${plural(shape[0], "map")} of ${shape.slice(1).join(" \u00d7 ")}` : "a vector"}: choose the last layer to see it.` : "");
}
