// What a plane needs to draw the input, or one channel of a layer.

import { fullMap } from "./actions.js";
import { pictured } from "./colors.js";
import { wave } from "./plots.js";
import { getArray } from "./source.js";
import { facts, layerOf, state } from "./state.js";

const pictures = new Map(); // by URL: an image, or a promise of it

// The input as { paint, lengths }; of a volume the slice `depth`.
export const inputView = async (depth = null) => {
  const { run } = state;
  const lengths = run.input_shape.slice(1);
  if (run.picture && lengths.length === 2) {
    const image = await pictureOf(run.picture);
    return { lengths, paint: (context, ...box) => context.drawImage(image, ...box) };
  }
  const { shape, data } = await getArray(`api/runs/${run.id}/input`);
  return numbers(shape.slice(1), data, Math.max(...run.input_range.map(Math.abs)), depth);
};

// One channel of a layer; layer -1 is the input.
export const channelView = async (id, channel, depth = null) => {
  if (id < 0) {
    const { shape, data } = await getArray(`api/runs/${state.run.id}/input`);
    const size = shape.slice(1).reduce((a, b) => a * b, 1);
    const limit = Math.max(...state.run.input_range.map(Math.abs));
    return numbers(shape.slice(1), data.subarray(channel * size, (channel + 1) * size), limit, depth);
  }
  const lengths = layerOf(id).shape.slice(1);
  const { shape, data } = await fullMap(id, channel, depth);
  return { ...numbers(shape, data, facts(id).limit, null), lengths: lengths.slice(-Math.min(2, lengths.length)) };
};

function numbers(lengths, data, limit, depth) {
  if (lengths.length === 1) return { lengths, paint: (context, ...box) => wave(context, data, 0, lengths[0], ...box, limit) };
  const [height, width] = lengths.slice(-2);
  const slice = lengths.length === 3 ? depth ?? Math.floor(lengths[0] / 2) : 0;
  const canvas = pictured(data, slice * width * height, width, height, limit);
  return { lengths: [height, width], paint: (context, ...box) => context.drawImage(canvas, ...box) };
}

const pictureOf = async (url) => {
  if (!pictures.has(url)) {
    const image = new Image();
    image.src = url;
    pictures.set(url, image.decode().then(() => image));
    if (pictures.size > 20) pictures.delete(pictures.keys().next().value);
  }
  return pictures.get(url);
};
