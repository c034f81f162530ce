// The table's columns: what stands in them, how it adds up over a block, how it sorts.

import { NONE, UNKNOWN, atLeast, bytes, count, perAxis, percent, short, size } from "./format.js";
import { data, rows } from "./state.js";

// Where nothing is told: an unknown, or a quantity that such a layer does not have.
const always = new Set([
  "macs", "flops", "backward_macs", "units", "input_shape", "output_shape", "dtype",
  "saved_bytes", "output_bytes",
]);
export function missing(row, key) {
  if (always.has(key) || row.kind === "opaque") return UNKNOWN;
  if (["field", "overhang"].includes(key)) {
    if (row.field === null) return row.looks.depends ? UNKNOWN : NONE;
    return NONE;
  }
  return NONE;
}

const add = (list, key) => list.reduce((sum, row) => sum + (row[key] ?? 0), 0);
const most = (list, key) => list.reduce((top, row) => Math.max(top, row[key] ?? 0), 0);
const partial = (list, key) => key === "alive_bytes"
  ? list.some((row) => row.output_bytes === null)
  : list.some((row) => row[key] === null && missing(row, key) === UNKNOWN);
const told = (list, key) => list.some((row) => row[key] !== null);

// A quantity that is added over a block, or whose largest value is the block's.
function number(key, title, write, fold = add, help = "") {
  return {
    key, title, help, numeric: true,
    cell: (row) => row[key] === null ? missing(row, key) : write(row[key]),
    full: (row) => row[key] === null ? missing(row, key) : (write === short ? count : write)(row[key]),
    total: (list) => told(list, key)
      ? atLeast(write(fold(list, key)), partial(list, key))
      : partial(list, key) ? UNKNOWN : NONE,
    order: (list) => told(list, key) ? fold(list, key) : -1,
  };
}

function share(key, title, help) {
  const all = add(rows, key);
  return {
    key: `${key}_share`, title, help, numeric: true, bar: (list) => all ? add(list, key) / all : 0,
    cell: (row) => row[key] === null ? missing(row, key) : all ? percent(row[key] / all) : NONE,
    total: (list) => all && told(list, key) ? percent(add(list, key) / all) : NONE,
    order: (list) => add(list, key),
  };
}

// What a block has from the last of its rows.
function last(key, title, cell, order, help = "") {
  return {
    key, title, help, numeric: true, cell,
    total: (list) => cell(list[list.length - 1]),
    order: (list) => order(list[list.length - 1]),
  };
}

function words(key, title, write = (value) => value) {
  const cell = (row) => row[key] === null ? missing(row, key) : write(row[key]) || NONE;
  return { key, title, numeric: false, cell, total: () => "", order: (list) => cell(list[0]) };
}

const volume = (list) => (list ?? []).reduce((all, n) => all * n, 1);

function shape(key, title) {
  return last(key, title, (row) => size(row[key]), (row) => row[key] ? volume(row[key]) : -1);
}

function field(part, title, help, source = "field") {
  const key = source === "field" ? part : `${source}_${part}`;
  const values = (row) => row[source].map((axis) => axis ? axis[part] : null);
  const cell = (row) => {
    if (row[source] === null || !row[source].length) return missing(row, source);
    const text = part === "size" && values(row)[0] !== "infinite" ? size(values(row)) : perAxis(values(row));
    return values(row).every((value) => value === null) ? NONE : text;
  };
  const order = (row) => {
    const value = row[source]?.[0]?.[part] ?? -Infinity;
    return value === "infinite" ? Infinity : value;
  };
  return last(key, title, cell, order, help);
}

const hanging = (row) =>
  row.overhang && row.overhang.every((n) => n !== null) ? row.overhang : null;

export const columns = [
  { key: "index", title: "#", help: "Order of execution", numeric: true,
    cell: (row) => String(row.index + 1), total: () => "", order: (list) => list[0].index },
  words("kind", "Kind", (value) => value.replaceAll("_", " ")),
  words("module", "Module"),
  words("details", "Arguments"),
  words("reads", "Reads", (value) => value.join(", ")),
  shape("input_shape", "Input shape"),
  shape("output_shape", "Output shape"),
  words("dtype", "Dtype"),
  number("params", "Parameters", count),
  share("params", "of parameters", "Share of the network's parameters"),
  number("trainable_params", "Trained", count, add, "Parameters that receive a gradient"),
  number("shared_params", "Shared", count, add, "Parameters that an earlier layer counted"),
  number("weights", "Weights used", count, add, "Parameters the layer uses, counted here or before"),
  number("macs", "MACs", short, add, "Multiply-adds forward"),
  share("macs", "of MACs", "Share of the network's multiply-adds"),
  number("flops", "FLOPs", short, add, "2 a MAC"),
  number("backward_macs", "MACs backward", short, add, "Multiply-adds of the gradients"),
  number("intensity", "FLOPs per byte", count, most, "Arithmetic intensity; of a block, the largest"),
  number("units", "Units", count, add, "Numbers in the output"),
  number("connections", "Connections", count, add, "Pairs of a unit and a real unit or bias it sums"),
  number("padding_connections", "To padding", count, add, "Pairs of a unit and a pixel of padding"),
  number("param_bytes", "Weights", bytes, add, "Bytes of the parameters"),
  number("buffer_bytes", "Buffers", bytes, add, "Bytes of running statistics and the like"),
  number("output_bytes", "Written", bytes, add, "Bytes of the output; 0 for a view"),
  number("saved_bytes", "Saved", bytes, add, "Bytes it adds to what training keeps for backward"),
  number("alive_bytes", "Maps alive", bytes, most, "Bytes alive while it runs; of a block, the largest"),
  field("size", "Receptive field, px", "In the input; of a block, its last layer's"),
  field("jump", "Jump, px", "Input pixels from one unit's field to the next one's"),
  field("start", "First centre, px", "Centre of the first unit's field; pixel 0's centre is 0"),
  field("padding", "Padding, px", "How far the first unit's field reaches over the border"),
  field("size", "In previous map, px", "Receptive field in the map that the layer reads", "previous"),
  last("overhang", "Over the border", (row) => hanging(row)
    ? [...new Set(row.overhang.map(percent))].join(", ") : missing(row, "overhang"),
    (row) => hanging(row)?.[0] ?? -1, "Mean share of the units' fields outside the input, per axis"),
  last("unread", "Unread, px", (row) => row.unread === null ? missing(row, "unread") : perAxis(row.unread),
    (row) => row.unread ? Math.max(...row.unread, 0) : -1, "Pixels of its input that no unit reads"),
];

export const columnByKey = new Map(columns.map((column) => [column.key, column]));

export const firstColumns = [
  "kind", "output_shape", "params", "macs", "macs_share", "alive_bytes",
  ...(data.input === null ? [] : ["size", "jump"]),
];
