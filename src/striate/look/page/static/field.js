// What units see of the input, from the layers' fields: boxes [from, to) along each axis.

import { layerOf, state } from "./state.js";

// The field of unit `place` of a layer; the middle unit's where no place is given. null: not known.
export function boxOf(layer, place = null) {
  const lengths = state.model.input.shape.slice(1);
  if (!layer.field || layer.field.length !== lengths.length) return null;
  const units = layer.shape?.slice(1) ?? [];
  return layer.field.map((f, k) => {
    if (!f || !Number.isFinite(f.size) || !Number.isFinite(f.start)) return [0, lengths[k]];
    const unit = place?.[k] ?? Math.floor((units[k] ?? 1) / 2);
    const centre = f.start + unit * (f.stride ?? 0);
    return [centre - (f.size - 1) / 2, centre + (f.size + 1) / 2];
  });
}

// The unit of a layer whose field's centre is nearest to the middle of a box.
function nearest(layer, box) {
  const units = layer.shape?.slice(1) ?? [];
  return units.map((n, k) => {
    const f = layer.field?.[k];
    if (!f || !(f.stride > 0)) return Math.floor(n / 2);
    const middle = (box[k][0] + box[k][1] - 1) / 2;
    return Math.min(n - 1, Math.max(0, Math.round((middle - f.start) / f.stride)));
  });
}

// The layers from the input to this one, by first inputs; along residual blocks the longest way is
// the one whose field is largest.
export function pathOf(id) {
  const path = [];
  for (let at = id; at >= 0; at = next(layerOf(at))) path.unshift(at);
  return path;
}

const size = (id) => id < 0 ? 0 : (layerOf(id).field ?? []).reduce((sum, f) => sum + (f && Number.isFinite(f.size) ? f.size : 1e6), 0);
const next = (layer) => layer.inputs.reduce((best, id) => best === null || size(id) > size(best) ? id : best, null) ?? -1;

// Nested boxes of the units along the path, each different one once, the largest first.
export function nested(id, box) {
  const found = [];
  for (const at of pathOf(id)) {
    const layer = layerOf(at);
    const own = at === id ? box : boxOf(layer, nearest(layer, box));
    if (!own || own.some((pair) => !pair)) continue;
    const known = found.at(-1);
    const same = known && own.every(([a, b], k) => b - a === known.box[k][1] - known.box[k][0]);
    if (same && at !== id) known.layers.push(at);
    else if (same) { known.layers.push(at); known.box = own; }
    else found.push({ box: own, layers: [at] });
  }
  return found.reverse();
}
