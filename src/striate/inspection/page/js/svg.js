// Elements of HTML and SVG. Texts go in as text, so that no name can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const html = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

export function drawing(width, height, label, ...children) {
  const box = `0 0 ${width} ${height}`;
  return svg("svg", { viewBox: box, width, height, role: "img", "aria-label": label }, ...children);
}

export const rect = (x, y, width, height, kind, more = {}) =>
  svg("rect", { x, y, width: Math.max(width, 0), height: Math.max(height, 0), class: kind, ...more });

export const line = (x1, y1, x2, y2, kind) => svg("line", { x1, y1, x2, y2, class: kind });

export const label = (x, y, text, anchor = "start", kind = null) =>
  svg("text", { x, y, "text-anchor": anchor, class: kind }, text);

// Round steps from 0 that reach `most` in two to five of them; bytes step in powers of 1024.
export function ticks(most, isBytes) {
  if (!(most > 0)) return [0];
  const base = isBytes ? 1024 : 1000;
  const unit = base ** Math.max(Math.floor(Math.log(most) / Math.log(base)), 0);
  const rough = most / unit / 4;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ten * [1, 2, 2.5, 5, 10].find((k) => k * ten >= rough);
  const least = unit === 1 ? Math.max(Math.ceil(step), 1) : step;
  const found = [];
  for (let k = 0; k * least <= most * 1.0001; k += 1) found.push(k * least);
  return found;
}
