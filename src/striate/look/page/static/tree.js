// The rows of the map: layers and folded blocks, in the order they run; and what reads what.

// Unfold as many blocks as leave the map short at first.
export function firstOpen(model, most = 26) {
  const open = new Set();
  if (model.layers.length <= 40) { each(model.blocks, (block) => open.add(block.path)); return open; }
  for (;;) {
    const rows = rowsOf(model, open);
    const folded = rows.filter((row) => row.block && !row.open);
    const next = folded.find((row) => rows.length + children(row.block).length <= most && rows.length < 8);
    if (!next) return open;
    open.add(next.block.path);
  }
}

function each(block, visit) {
  visit(block);
  block.blocks.forEach((inner) => each(inner, visit));
}

export const allOpen = (model) => {
  const open = new Set();
  each(model.blocks, (block) => open.add(block.path));
  return open;
};

export const within = (block) => [...block.layers, ...block.blocks.flatMap(within)].sort((a, b) => a - b);

// A block between whose layers others run cannot be folded into one row: its parts stand where they
// run (a module that is called several times, the two halves of a U-Net).
const isWhole = (block) => { const ids = within(block); return ids.at(-1) - ids[0] === ids.length - 1; };

function children(block) {
  const parts = block.blocks.flatMap((inner) => isWhole(inner)
    ? [{ block: inner, first: within(inner)[0] }]
    : children(inner));
  return [...block.layers.map((id) => ({ id, first: id })), ...parts].sort((a, b) => a.first - b.first);
}

// Each row: { id } of a layer (-1: the input), or { block, open, layers }; and its depth, its parent.
export function rowsOf(model, open) {
  const rows = [{ id: -1, depth: 0, parent: null }];
  const visit = (block, depth, parent) => {
    for (const child of children(block)) {
      const inside = child.block ? within(child.block) : null;
      if (!inside || inside.length === 1) rows.push({ id: inside ? inside[0] : child.id, depth, parent });
      else {
        const row = { block: child.block, open: open.has(child.block.path), layers: inside, depth, parent };
        rows.push(row);
        if (row.open) visit(child.block, depth + 1, row);
      }
    }
  };
  visit(model.blocks, 0, null);
  rows.forEach((row, index) => { row.index = index; });
  return connected(model, rows);
}

// Give each row the rows it reads. The head of an unfolded block reads nothing.
function connected(model, rows) {
  const holder = new Map([[-1, 0]]);
  for (const row of rows) {
    if (row.block && !row.open) row.layers.forEach((id) => holder.set(id, row.index));
    else if (row.id >= 0) holder.set(row.id, row.index);
  }
  for (const row of rows) {
    const own = row.block ? row.open ? [] : row.layers : row.id < 0 ? [] : [row.id];
    const reads = own.flatMap((id) => model.layers[id].inputs).map((id) => holder.get(id));
    row.reads = [...new Set(reads)].filter((from) => from !== undefined && from < row.index);
  }
  return rows;
}

// The paths of the blocks around a layer, from the outermost.
export function pathTo(block, id) {
  for (const inner of block.blocks) {
    if (within(inner).includes(id)) return [inner.path, ...pathTo(inner, id)];
  }
  return [];
}
