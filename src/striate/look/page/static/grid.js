// A grid of many tiles on one canvas: only the tiles in view are drawn.
//
// paint(context, k, x, y, width, height) draws tile k, and gives false while its numbers are not
// there yet; told(k) says it in words; choose(k, fx, fy) is called with the shares of the tile.

import { css, tint } from "./colors.js";
import { framed, html, put, sized, widthOf } from "./dom.js";

const GAP = 8;

export function createGrid(host, name) {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const spacer = html("div", { class: "spacer" }, canvas);
  const cell = html("div", { role: "gridcell", id: `${host.id}-cell` });
  const words = html("div", { role: "row", class: "unseen" }, cell);
  const scroll = html("div", { class: "grid", tabindex: 0, role: "grid", "aria-label": name, "aria-activedescendant": cell.id }, words, spacer);
  put(host, scroll);
  const grid = { count: 0, width: 64, height: 64, active: 0, marked: -1, gap: GAP, caption: 0, at: null };
  const redraw = framed(draw);
  scroll.addEventListener("scroll", redraw);
  const width = widthOf(scroll, redraw);

  const columns = () => Math.max(1, Math.floor((width() - grid.gap) / (grid.width + grid.gap)));
  const pitch = () => grid.height + grid.caption + grid.gap;

  function draw() {
    const wide = width();
    if (!wide) return;
    const across = columns();
    const rows = Math.ceil(grid.count / across);
    const tall = Math.min(rows * pitch() + grid.gap, limitOf(scroll));
    spacer.style.height = `${rows * pitch() + grid.gap}px`;
    const context = sized(canvas, wide, tall);
    const first = Math.max(0, Math.floor((scroll.scrollTop - grid.gap) / pitch()));
    const last = Math.min(rows, Math.ceil((scroll.scrollTop + tall) / pitch()));
    const colours = { line: css("--line"), ink: css("--soft"), accent: css("--blue") };
    let painted = 0;
    for (let k = first * across; k < Math.min(grid.count, last * across); k += 1) {
      const [x, y] = [grid.gap + k % across * (grid.width + grid.gap), grid.gap + Math.floor(k / across) * pitch() - scroll.scrollTop];
      if (grid.paint(context, k, x, y, grid.width, grid.height) === false) blank(context, x, y);
      else painted += 1;
      finish(context, k, x, y, colours);
    }
    scroll.dataset.painted = painted;
    scroll.setAttribute("aria-rowcount", rows);
    scroll.setAttribute("aria-colcount", across);
    tellActive(across);
  }

  function blank(context, x, y) {
    context.fillStyle = tint(1, 1, 0.05);
    context.fillRect(x, y, grid.width, grid.height);
  }

  function finish(context, k, x, y, colours) {
    const strong = k === grid.marked, here = k === grid.active && document.activeElement === scroll;
    context.strokeStyle = strong || here ? colours.accent : colours.line;
    context.lineWidth = strong ? 3 : here ? 2 : 1;
    const out = strong ? 2.5 : here ? 2 : 0.5;
    context.strokeRect(x - out, y - out, grid.width + 2 * out, grid.height + 2 * out);
    if (!grid.caption) return;
    context.fillStyle = colours.ink;
    context.font = "11px system-ui, sans-serif";
    context.fillText(grid.label(k), x, y + grid.height + 12, grid.width);
  }

  function tellActive(across) {
    words.setAttribute("aria-rowindex", Math.floor(grid.active / across) + 1);
    cell.setAttribute("aria-colindex", grid.active % across + 1);
    const text = grid.count ? grid.told(grid.active) : "empty";
    if (cell.textContent !== text) cell.textContent = text;
  }

  function locate(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - grid.gap, event.clientY - box.top + scroll.scrollTop - grid.gap];
    const [column, row] = [Math.floor(x / (grid.width + grid.gap)), Math.floor(y / pitch())];
    const [fx, fy] = [x / (grid.width + grid.gap) - column, y / pitch() - row];
    const share = [fx * (grid.width + grid.gap) / grid.width, fy * pitch() / grid.height];
    const k = row * columns() + column;
    const inside = column >= 0 && column < columns() && k >= 0 && k < grid.count && share[0] < 1 && share[1] < 1;
    return inside ? [k, ...share] : null;
  }

  scroll.addEventListener("click", (event) => {
    const found = locate(event);
    if (!found) return;
    grid.active = found[0];
    redraw();
    grid.choose(...found);
  });
  scroll.addEventListener("pointermove", (event) => {
    const found = locate(event);
    scroll.style.cursor = found ? "crosshair" : "default";
    grid.hover?.(found);
  });
  scroll.addEventListener("pointerleave", () => grid.hover?.(null));
  scroll.addEventListener("focus", redraw);
  scroll.addEventListener("blur", redraw);
  scroll.addEventListener("keydown", (event) => {
    const across = columns();
    const page = across * Math.max(1, Math.floor(scroll.clientHeight / pitch()));
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, PageUp: -page, PageDown: page, Home: -grid.count, End: grid.count }[event.key];
    if (event.key === "Enter" || event.key === " ") grid.choose(grid.active, null, null);
    else if (step === undefined || event.ctrlKey || event.metaKey) return;
    else move(step);
    event.preventDefault();
  });

  function move(step) {
    const to = grid.active + step;
    if (Math.abs(step) < grid.count && (to < 0 || to >= grid.count)) return;
    grid.active = Math.min(Math.max(to, 0), grid.count - 1);
    const top = Math.floor(grid.active / columns()) * pitch();
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + pitch() + grid.gap > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + pitch() + grid.gap - scroll.clientHeight;
    tellActive(columns()); // at once: who hears the page hears of the tile that Enter would choose
    redraw();
    grid.hover?.([grid.active, null, null]);
  }

  // Show other tiles; those options that are not given stay.
  grid.show = (options) => {
    if ("count" in options && options.count !== grid.count) scroll.scrollTop = 0;
    Object.assign(grid, options);
    grid.active = Math.min(grid.active, Math.max(grid.count - 1, 0));
    if (options.name) scroll.setAttribute("aria-label", options.name);
    redraw();
  };
  grid.redraw = redraw;
  return grid;
}

const limitOf = (scroll) => parseFloat(getComputedStyle(scroll).maxHeight) || 480;
