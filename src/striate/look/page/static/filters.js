// The filters of a layer: in colour where they read a picture, else one plane for each channel read.

import { chooseUnit } from "./actions.js";
import { byId, put } from "./dom.js";
import { plural, shape } from "./format.js";
import { createGrid } from "./grid.js";
import { legend, wave } from "./plots.js";
import { createSlices, drawPlane } from "./slices.js";
import { current, state, watch } from "./state.js";

const held = { grid: null, slices: null, key: "" };
const MOST_PLANES = 16; // of one filter, side by side

export function startFilters() {
  held.grid = createGrid(byId("filters-grid"), "Filters");
  watch(["model", "layer", "view", "epoch"], draw);
  watch(["channel"], () => { if (state.view === "filters") held.grid.show({ marked: state.channel ?? -1 }); });
}

function draw() {
  if (!state.model || state.view !== "filters") return;
  const layer = current();
  const { weights } = layer;
  byId("filters").hidden = !weights;
  byId("filters-none").hidden = Boolean(weights);
  if (!weights) return;
  const key = [layer.id, state.epoch].join();
  if (key !== held.key) {
    held.slices?.drop();
    held.slices = createSlices((first) => `api/filters/${layer.id}?first=${first}&count=64`, (array) => array.limit, redraw);
    held.key = key;
  }
  const kernel = weights.slice(2);
  const planes = Math.min(weights[1], MOST_PLANES);
  const colour = inColour(layer);
  held.grid.show({
    count: weights[0], gap: 10, caption: 16, marked: state.channel ?? -1, label: (k) => String(k), name: `Filters of ${layer.name}`,
    told: (k) => `filter ${k} of ${weights[0]}, ${shape(weights.slice(1))}`, choose: chooseFilter, ...sizes(kernel, planes, weights, colour),
  });
  const cut = weights[1] > planes && kernel.length > 1 ? ` The first ${planes} of ${weights[1]} channels of each are drawn.` : "";
  put(byId("filters-told"), `${plural(weights[0], "filter")} of ${shape(weights.slice(1))}.${cut}${colour ? " Red, green and blue as they weigh the picture; grey is 0." : ""}`);
}

const redraw = () => {
  held.grid.redraw();
  const slice = held.slices.at(0);
  byId("filters-legend").hidden = inColour(current());
  if (slice) put(byId("filters-legend"), legend(slice.most, -1));
};

const inColour = ({ inputs, weights }) => inputs[0] === -1 && state.model.input.kind === "image" && weights[1] === 3 && weights.length === 4;

// How large a tile is, and how it is painted.
function sizes(kernel, planes, weights, colour) {
  if (kernel.length === 0) return { width: 220, height: 40, paint: painted(paintRow) };
  if (kernel.length === 1) return { width: 180, height: 56, paint: painted(paintRow) };
  const [height, width] = kernel.slice(-2);
  const side = Math.max(3, Math.min(14, Math.round((colour || planes === 1 ? 72 : 40) / Math.max(height, width))));
  if (colour) return { width: width * side, height: height * side, paint: painted(paintColour) };
  const depth = kernel.length === 3 ? kernel[0] : 1;
  const columns = Math.min(planes, 8);
  return {
    width: columns * (width * side + 2) - 2, height: Math.ceil(planes / columns) * (height * side + 2) - 2,
    paint: painted((...rest) => paintPlanes(planes, depth, columns, width * side, height * side, ...rest)),
  };
}

const painted = (paint) => (context, k, x, y, width, height) => {
  const slice = held.slices.at(k);
  if (!slice) return false;
  paint(context, slice, x, y, width, height);
  return true;
};

function paintRow(context, slice, x, y, width, height) {
  const length = slice.array.data.length / slice.array.shape[0];
  wave(context, slice.array.data, slice.number * length, length, x, y, width, height, slice.most);
}

// Of a volume's filter the middle plane along its first axis is drawn.
function paintPlanes(planes, depth, columns, width, height, context, slice, x, y) {
  const each = slice.array.shape[1] * depth;
  for (let k = 0; k < planes; k += 1) {
    const plane = slice.number * each + k * depth + Math.floor(depth / 2);
    drawPlane(context, slice, plane, x + k % columns * (width + 2), y + Math.floor(k / columns) * (height + 2), width, height);
  }
}

function paintColour(context, slice, x, y, width, height) {
  const [, , tall, wide] = slice.array.shape;
  const size = tall * wide;
  const from = slice.number * 3 * size;
  for (let k = 0; k < size; k += 1) {
    const [r, g, b] = [0, 1, 2].map((c) => Math.round(128 + 127 * slice.array.data[from + c * size + k] / (slice.most || 1)));
    context.fillStyle = `rgb(${r}, ${g}, ${b})`;
    context.fillRect(x + k % wide * width / wide, y + Math.floor(k / wide) * height / tall, width / wide + 0.5, height / tall + 0.5);
  }
}

function chooseFilter(channel) {
  const lengths = current().shape?.slice(1);
  if (state.run && lengths && channel < current().shape[0]) chooseUnit(channel, state.place ?? lengths.map((n) => Math.floor(n / 2)));
}
