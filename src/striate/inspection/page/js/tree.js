// Rows as a tree of blocks, by the paths of their modules.

import { rows } from "./state.js";

// A block: { path, name, first, children, rows }; a leaf: { row }.
function block(path, name, first) {
  return { path, name, first, children: [], blocks: new Map(), rows: [] };
}

function place(root, row) {
  let at = root;
  at.rows.push(row);
  const parts = row.path ? row.path.split(".") : [];
  parts.forEach((part, k) => {
    if (!at.blocks.has(part)) {
      const made = block(parts.slice(0, k + 1).join("."), part, row.index);
      at.blocks.set(part, made);
      at.children.push(made);
    }
    at = at.blocks.get(part);
    at.rows.push(row);
  });
  at.children.push({ row });
}

// A block of one row is that row, and a block whose only child is a block is one with it.
function simplify(node) {
  if (node.row) return node;
  if (node.rows.length === 1) return { row: node.rows[0] };
  node.children = node.children.map(simplify);
  const [only] = node.children;
  if (node.path && node.children.length === 1 && !only.row) {
    return { ...only, name: `${node.name}.${only.name}` };
  }
  return node;
}

function grow() {
  const root = block("", "", 0);
  for (const row of rows) place(root, row);
  root.children = root.children.map(simplify);
  return root;
}

export const tree = grow();

export function blocksOf(node = tree) {
  const inside = node.children.filter((child) => !child.row);
  return inside.flatMap((child) => [child.path, ...blocksOf(child)]);
}

// The blocks to begin with folded: as many levels are open as fit in `most` lines.
export function foldedFor(most) {
  const folded = new Set(blocksOf());
  let lines = tree.children.length;
  for (let level = tree.children; level.length;) {
    const inside = level.filter((child) => !child.row);
    lines += inside.reduce((sum, child) => sum + child.children.length, 0);
    if (lines > most) break;
    for (const child of inside) folded.delete(child.path);
    level = inside.flatMap((child) => child.children);
  }
  return folded;
}

// The paths of the blocks around a row, outermost first.
export function around(row, node = tree) {
  for (const child of node.children) {
    if (!child.row && child.rows.includes(row)) return [child.path, ...around(row, child)];
  }
  return [];
}
