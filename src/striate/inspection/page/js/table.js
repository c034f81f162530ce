// The table: a tree of blocks or a flat list, sorted, filtered, with one row selected.

import { columnByKey, columns } from "./columns.js";
import { rows, select, state, update, watch } from "./state.js";
import { byId, html } from "./svg.js";
import { around, blocksOf, tree } from "./tree.js";

const shownColumns = () => columns.filter((column) => state.columns.has(column.key));

const matches = (row, words) =>
  [row.name, row.kind, row.module].some((text) => text.toLowerCase().includes(words));

function found() {
  const words = state.filter.trim().toLowerCase();
  return new Set(words ? rows.filter((row) => matches(row, words)) : rows);
}

function ordered(list, rowsOf) {
  const { key, descending } = state.sort;
  const of = key === "name" ? (item) => rowsOf(item)[0].name
    : (item) => columnByKey.get(key).order(rowsOf(item));
  const ranked = list.map((item) => ({ item, value: of(item), index: rowsOf(item)[0].index }));
  const compare = (a, b) => typeof a === "string"
    ? a.localeCompare(b, "en", { numeric: true }) : a === b ? 0 : a < b ? -1 : 1;
  ranked.sort((a, b) => (descending ? -1 : 1) * compare(a.value, b.value) || a.index - b.index);
  return ranked.map(({ item }) => item);
}

// The lines to show, top down: { row } or { block }, each with its level.
function lines(kept) {
  if (!state.grouped) {
    return ordered([...kept], (row) => [row]).map((row) => ({ row, level: 1, name: row.name }));
  }
  const list = [];
  const rowsOf = (child) => (child.row ? [child.row] : child.rows).filter((row) => kept.has(row));
  const walk = (node, level) => {
    const children = node.children.filter((child) => rowsOf(child).length);
    for (const child of ordered(children, rowsOf)) {
      if (child.row) {
        list.push({ row: child.row, level, name: within(child.row.name, node.path) });
        continue;
      }
      const open = !state.folded.has(child.path) || Boolean(state.filter.trim());
      list.push({ block: child, level, open, name: child.name, rows: rowsOf(child) });
      if (open) walk(child, level + 1);
    }
  };
  walk(tree, 1);
  return list;
}

const within = (name, path) =>
  path && name.startsWith(`${path}.`) ? name.slice(path.length + 1) : name;

function cells(item) {
  return shownColumns().map((column) => {
    const text = item.row ? column.cell(item.row) : column.total(item.rows);
    const kind = column.numeric ? (column.bar ? "n bar" : "n") : null;
    const bar = column.bar ? html("span", { class: "fill", "aria-hidden": "true" }) : null;
    if (bar) bar.style.width = `${100 * column.bar(item.row ? [item.row] : item.rows)}%`;
    return html("td", { class: text === "unknown" ? `${kind ?? ""} unknown` : kind }, text, bar);
  });
}

function heading(item) {
  const mark = item.block ? html("span", { class: "mark", "aria-hidden": "true" }, item.open ? "▾" : "▸") : null;
  const many = item.block && !item.open ? html("span", { class: "soft" }, ` ${item.rows.length}`) : null;
  const cell = html("th", { scope: "row", title: item.row ? item.row.name : item.block.path }, mark, item.name, many);
  cell.style.paddingLeft = `${(item.level - 1) * 1.1 + (item.block ? 0.3 : 1.2)}rem`;
  return cell;
}

function bodyRow(item) {
  const made = html("tr", {
    role: "row", "aria-level": item.level, tabindex: -1, class: item.block ? "block" : null,
    "aria-expanded": item.block ? String(item.open) : null,
    "data-row": item.row ? item.row.index : null, "data-block": item.block ? item.block.path : null,
  }, heading(item), ...cells(item));
  return made;
}

function headCell(key, title, help, numeric) {
  const { sort } = state;
  const now = sort.key === key ? (sort.descending ? "descending" : "ascending") : "none";
  const arrow = { ascending: " ↑", descending: " ↓", none: "" }[now];
  const button = html("button", { type: "button", "data-key": key, title: help || null, onclick: () => sortBy(key, numeric) }, title, arrow);
  return html("th", { scope: "col", "aria-sort": now, class: numeric ? "n" : null }, button);
}

// A column's first click puts the largest on top, the second the smallest, the third ends it.
function sortBy(key, numeric) {
  const { sort } = state;
  const first = numeric && key !== "index";
  if (sort.key !== key) update({ sort: { key, descending: first } });
  else if (sort.descending === first) update({ sort: { key, descending: !first } });
  else update({ sort: { key: "index", descending: false } });
  document.querySelector(`#table thead button[data-key="${key}"]`)?.focus();
}

function draw() {
  const kept = found();
  const list = [...kept];
  const table = byId("table");
  const body = lines(kept).map(bodyRow);
  table.tHead.replaceChildren(html("tr", {},
    headCell("name", "Layer", "", false),
    ...shownColumns().map(({ key, title, help, numeric }) => headCell(key, title, help, numeric))));
  table.tBodies[0].replaceChildren(...body);
  const name = kept.size === rows.length ? "All" : `The ${kept.size} found`;
  table.tFoot.replaceChildren(html("tr", {}, html("th", { scope: "row" }, name),
    ...(list.length ? cells({ rows: list }) : [])));
  byId("table-count").textContent = `${kept.size} of ${rows.length} layers`;
  mark();
}

function mark() {
  const body = byId("table").tBodies[0];
  for (const line of body.querySelectorAll('[aria-selected="true"]')) {
    line.removeAttribute("aria-selected");
    line.tabIndex = -1;
  }
  const line = body.querySelector(`[data-row="${state.selected}"]`);
  line?.setAttribute("aria-selected", "true");
  (line ?? body.rows[0])?.setAttribute("tabindex", "0");
}

function toggle(path, fold) {
  const folded = new Set(state.folded);
  if (fold ?? !folded.has(path)) folded.add(path);
  else folded.delete(path);
  update({ folded });
  focus(byId("table").tBodies[0].querySelector(`[data-block="${CSS.escape(path)}"]`));
}

function focus(line) {
  if (!line) return;
  if (line.dataset.row !== undefined) select(Number(line.dataset.row));
  byId("table").tBodies[0].querySelectorAll('[tabindex="0"]').forEach((one) => { one.tabIndex = -1; });
  line.tabIndex = 0;
  line.focus();
}

function parent(line) {
  const level = Number(line.getAttribute("aria-level"));
  let above = line.previousElementSibling;
  while (above && Number(above.getAttribute("aria-level")) >= level) above = above.previousElementSibling;
  return above;
}

function press(event) {
  const line = event.target.closest("tbody tr");
  if (!line || event.altKey || event.ctrlKey || event.metaKey) return;
  const path = line.dataset.block;
  const open = line.getAttribute("aria-expanded") === "true";
  const moves = {
    ArrowDown: () => focus(line.nextElementSibling),
    ArrowUp: () => focus(line.previousElementSibling),
    Home: () => focus(line.parentElement.firstElementChild),
    End: () => focus(line.parentElement.lastElementChild),
    ArrowRight: () => path === undefined ? null : open ? focus(line.nextElementSibling) : toggle(path, false),
    ArrowLeft: () => path !== undefined && open ? toggle(path, true) : focus(parent(line)),
    Enter: () => path === undefined ? focus(line) : toggle(path),
    " ": () => path === undefined ? focus(line) : toggle(path),
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  moves[event.key]();
}

function click(event) {
  const line = event.target.closest("tbody tr");
  if (!line) return;
  if (line.dataset.block === undefined) focus(line);
  else toggle(line.dataset.block);
}

// Open the blocks around the selected layer, so that it is seen.
export function reveal(index) {
  const folded = new Set(state.folded);
  for (const path of around(rows[index])) folded.delete(path);
  update({ folded });
  const box = byId("table-scroll");
  const line = byId("table").tBodies[0].querySelector(`[data-row="${index}"]`);
  if (line) box.scrollTop = line.offsetTop - box.clientHeight / 2;
}

function choices() {
  return columns.map(({ key, title, help }) => {
    const box = html("input", { type: "checkbox", value: key, checked: state.columns.has(key), onchange: () => {
      const chosen = new Set(state.columns);
      if (box.checked) chosen.add(key);
      else chosen.delete(key);
      update({ columns: chosen });
    } });
    return html("label", { class: "check", title: help || null }, box, ` ${title}`);
  });
}

export function tableView() {
  byId("table-columns").append(...choices());
  byId("table-filter").addEventListener("input", (event) => update({ filter: event.target.value }));
  byId("table-grouped").addEventListener("change", (event) => update({ grouped: event.target.checked }));
  byId("table-unfold").addEventListener("click", () => update({ folded: new Set() }));
  byId("table-fold").addEventListener("click", () => update({ folded: new Set(blocksOf()) }));
  byId("table").addEventListener("keydown", press);
  byId("table").addEventListener("click", click);
  watch(["sort", "filter", "grouped", "folded", "columns"], draw);
  watch(["selected"], mark);
}
