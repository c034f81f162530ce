// Feature maps and filters come in slices of 64 channels; each slice is painted once.

import { paint } from "./colors.js";
import { getArray } from "./source.js";
import { tell } from "./notice.js";

export const SLICE = 64;
const COLUMNS = 8;

// url(first) asks for the slice from channel `first` on; limit(array) is what gets the full colour;
// planes(array) tells how many planes each entry has, and ready() is called when a slice has come.
export function createSlices(url, limit, ready) {
  const found = new Map(); // by first channel: { array, atlas, width, height }, or null while asked
  const slices = { gone: false };

  const load = async (first) => {
    found.set(first, null);
    try {
      const array = await getArray(url(first));
      if (!slices.gone) found.set(first, painted(array, limit(array)));
    } catch (error) {
      if (!slices.gone) { found.set(first, { trouble: error.message }); tell(error); }
    }
    if (!slices.gone) ready();
  };

  slices.at = (channel) => {
    const first = channel - channel % SLICE;
    if (!found.has(first)) load(first);
    const slice = found.get(first);
    return slice?.array ? { ...slice, number: channel - first } : null;
  };
  slices.drop = () => { slices.gone = true; };
  return slices;
}

// Planes of two axes go side by side into one canvas; lines keep their numbers only.
function painted(array, most) {
  const { shape, data } = array;
  const planes = shape.length < 3 ? 0 : shape.slice(0, -2).reduce((a, b) => a * b, 1);
  if (!planes) return { array, most };
  const [height, width] = shape.slice(-2);
  const atlas = document.createElement("canvas");
  const columns = Math.min(COLUMNS * Math.ceil(planes / SLICE / 8), planes, Math.max(1, Math.floor(8000 / width)));
  [atlas.width, atlas.height] = [columns * width, Math.ceil(planes / columns) * height];
  const context = atlas.getContext("2d");
  const image = context.createImageData(atlas.width, atlas.height);
  for (let k = 0; k < planes; k += 1) {
    paint(data, k * width * height, width, height, most, image, k % columns * width, Math.floor(k / columns) * height);
  }
  context.putImageData(image, 0, 0);
  return { array, most, atlas, columns, width, height };
}

// Copy plane k of a slice onto a canvas.
export function drawPlane(context, slice, k, x, y, width, height) {
  const [left, top] = [k % slice.columns * slice.width, Math.floor(k / slice.columns) * slice.height];
  context.imageSmoothingEnabled = slice.width > 1.5 * width;
  context.drawImage(slice.atlas, left, top, slice.width, slice.height, x, y, width, height);
}
