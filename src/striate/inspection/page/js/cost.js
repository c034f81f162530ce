// Cost layer by layer, and which layers have most of it.

import { nameAt, orderChart } from "./chart.js";
import { UNKNOWN, bytes, percent, short } from "./format.js";
import { rows, select, state, update, watch } from "./state.js";
import { byId, html } from "./svg.js";
import { reveal } from "./table.js";

const amount = (unit) => (n) => n === null ? UNKNOWN : `${short(n)} ${unit}`;

const quantities = [
  { key: "macs", title: "MACs, multiply-adds forward", write: amount("MACs"), adds: true },
  { key: "backward_macs", title: "MACs backward", write: amount("MACs"), adds: true },
  { key: "params", title: "Parameters", write: amount("parameters"), adds: true },
  { key: "connections", title: "Connections", write: amount("connections"), adds: true },
  { key: "alive_bytes", title: "Memory: maps alive at test time", write: bytes, bytes: true },
  { key: "output_bytes", title: "Memory: output written", write: bytes, bytes: true, adds: true },
  { key: "saved_bytes", title: "Memory: saved for training", write: bytes, bytes: true, adds: true },
  { key: "param_bytes", title: "Memory: weights", write: bytes, bytes: true, adds: true },
];

const current = () => quantities.find((one) => one.key === state.quantity);
const valueOf = (row) => current().key === "connections" ? row.connections ?? 0 : row[current().key];
const all = () => rows.reduce((sum, row) => sum + (valueOf(row) ?? 0), 0);
const partial = () => rows.some((row) => valueOf(row) === null);

function shareOf(row) {
  if (!current().adds || !all() || valueOf(row) === null) return "";
  return `${percent(valueOf(row) / all())}${partial() ? " of what is known" : ""}`;
}

function told(index) {
  const row = rows[index];
  const share = shareOf(row);
  return `${nameAt(index)}: ${current().write(valueOf(row))}${share && `, ${share}`}`;
}

function drawLargest() {
  const ranked = rows.filter((row) => valueOf(row)).sort((a, b) => valueOf(b) - valueOf(a)).slice(0, 8);
  const most = ranked.length ? valueOf(ranked[0]) : 1;
  byId("cost-largest").replaceChildren(...ranked.map((row) => {
    const bar = html("span", { class: "fill" });
    bar.style.width = `${(100 * valueOf(row)) / most}%`;
    return html("li", {}, html("button", { type: "button", onclick: () => { select(row.index); reveal(row.index); } },
      html("span", { class: "name" }, row.name), html("span", { class: "value" },
        [current().write(valueOf(row)), shareOf(row)].filter(Boolean).join(", ")),
      html("span", { class: "track", "aria-hidden": "true" }, bar)));
  }));
  if (!ranked.length) byId("cost-largest").append(html("li", { class: "soft" }, "No layer has any."));
}

export function costView() {
  const choice = byId("cost-quantity");
  choice.append(...quantities.map(({ key, title }) => html("option", { value: key }, title)));
  choice.addEventListener("change", () => update({ quantity: choice.value }));
  orderChart({
    id: "cost-chart", toldId: "cost-told", height: 250, kind: "bars", hue: "blue", keys: ["quantity"],
    isBytes: () => Boolean(current().bytes),
    title: () => `${current().title}, layer by layer`,
    values: () => rows.map(valueOf),
    write: (n) => current().bytes ? bytes(n) : short(n),
    told,
  });
  watch(["quantity"], drawLargest);
}

