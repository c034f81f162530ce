// The report's numbers, what the reader has chosen, and who draws it anew.

export const data = JSON.parse(document.getElementById("striate-data").textContent);

export const rows = data.rows.map((values, index) => {
  const row = { index };
  data.columns.forEach((name, k) => { row[name] = values[k]; });
  return row;
});

export const rowByName = new Map(rows.map((row) => [row.name, row]));

export const state = {
  selected: 0, // index of the row
  sort: { key: "index", descending: false },
  filter: "",
  grouped: true,
  folded: new Set(), // paths of the blocks
  columns: new Set(), // keys of the columns shown
  quantity: "macs",
  unit: new Map(), // index of the unit looked at, by axis of the layer's output
  gigabytes: 8,
};

const watchers = [];

// Call draw(state) whenever one of the keys is given another value.
export function watch(keys, draw) {
  watchers.push({ keys, draw });
}

export function update(patch) {
  Object.assign(state, patch);
  for (const { keys, draw } of watchers) {
    if (keys.some((key) => key in patch)) draw(state);
  }
}

export function drawAll() {
  for (const { draw } of watchers) draw(state);
}

// Select a layer; the unit looked at is again the one in the middle.
export function select(index) {
  if (!rows.length) return;
  update({ selected: Math.min(Math.max(index, 0), rows.length - 1), unit: new Map() });
}
