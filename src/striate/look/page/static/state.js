// What the reader has chosen, in one store; who draws it anew; and the deep link in the hash.

export const state = {
  model: null, // the answer of api/model
  run: null, // the answer of api/runs
  sample: null, // id of the sample that was run; null for the reader's own input
  busy: "", // what is being waited for
  layer: 0, // id
  channel: null,
  place: null, // of the unit, along the axes behind the channels
  unit: null, // the server's answer on it
  aim: null, // { channel, place } asked for last, before any answer
  open: new Set(), // paths of the unfolded blocks
  query: "",
  heat: "macs",
  view: "maps", // of the layer: maps, filters, spread, whatif
  sort: "activity",
  side: 64, // pixels of a tile
  slice: null, // of a volume
  shown: null, // layer whose field is highlighted
  overlay: "fields", // on the input: fields or gradient
  changes: {}, // what if: {layer: {size, stride, padding, dilation}}
  whatif: null, // the server's answer on them
  epoch: 0, // of a live run, counted up when the weights change
};

const watchers = [];

// Call draw(state) whenever one of the keys is given a value.
export function watch(keys, draw) {
  watchers.push({ keys, draw });
}

export function update(patch) {
  Object.assign(state, patch);
  for (const { keys, draw } of watchers) {
    if (keys.some((key) => key in patch)) draw(state);
  }
  if (["layer", "channel", "place", "sample"].some((key) => key in patch)) writeHash();
}

export const layerOf = (id) => state.model.layers[id];
export const current = () => layerOf(state.layer);
export const facts = (id) => state.run?.layers[id] ?? null;

const link = { mark: null, timer: 0 };

// The entry of the history whose link was followed or written bears our mark; one that has just been
// asked for does not, though its link may be the same, and is about to be followed.
function mark(hash) {
  link.mark = Math.random();
  history.replaceState(link.mark, "", hash);
}

// #layer=c3&unit=4:2,3&image=0, when the reader has come to rest: browsers refuse to write many in a
// row.
function writeHash() {
  clearTimeout(link.timer);
  link.timer = setTimeout(() => {
    if (state.model && history.state === link.mark) mark(hashOf());
  }, 100);
}

function hashOf() {
  const parts = [`layer=${encodeURIComponent(current().name)}`];
  if (state.channel !== null) {
    parts.push(`unit=${state.channel}${state.place?.length ? `:${state.place.join(",")}` : ""}`);
  }
  if (state.sample !== null) parts.push(`image=${encodeURIComponent(state.sample)}`);
  return `#${parts.join("&")}`;
}

// What a link asks for: { layer, channel, place, sample }, undefined where it says nothing.
export function readHash() {
  mark();
  const parts = new URLSearchParams(location.hash.slice(1));
  const layer = state.model.layers.find((one) => one.name === parts.get("layer"));
  const [, channel, place] = /^(\d+)(?::([\d,]+))?$/.exec(parts.get("unit") ?? "") ?? [];
  return {
    layer: layer?.id,
    channel: channel === undefined ? undefined : Number(channel),
    place: channel === undefined ? undefined : place ? place.split(",").map(Number) : [],
    sample: state.model.samples.find((one) => String(one.id) === parts.get("image"))?.id,
  };
}
