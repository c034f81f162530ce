// What one unit of the selected layer sees: of the input, and of the map that the layer reads.

import { count, perAxis, size } from "./format.js";
import { data, rows, state, update, watch } from "./state.js";
import { byId, html } from "./svg.js";
import { drawMap, everyOf } from "./plane.js";

const NAMES = { 1: ["position"], 2: ["row", "column"], 3: ["frame", "row", "column"] };
const nameOf = (rank, k) => NAMES[rank]?.[k] ?? `axis ${k + 1}`;

const middle = (units) => Math.floor((units - 1) / 2);

// Which of a look's windows is looked at: the chosen unit's, by custom the one in the middle.
function indexOf(look) {
  const chosen = look.axis === null ? undefined : state.unit.get(look.axis);
  return Math.min(chosen ?? middle(look.units), Math.max(look.units - 1, 0));
}

function placed(look, n) {
  const from = look.first + indexOf(look) * look.step;
  return { ...look, n, from, to: from + look.extent, step: look.how === "fixed" ? 0 : look.step };
}

// Draw all axes: the last two as a plane, those before them as strips.
function pictures(looks, sizes, most, title, id) {
  const axes = looks.map((look, k) => look && sizes[k] ? { ...placed(look, sizes[k]), k } : null);
  const known = axes.filter((axis) => axis);
  const strips = known.length > 2 ? known.slice(0, -2) : [];
  const drawn = [...strips.map((axis) => [axis]), known.slice(strips.length)].filter((list) => list.length);
  return drawn.map((list, k) => {
    const names = list.map((axis) => nameOf(sizes.length, axis.k)).join(" and ");
    const picture = drawMap(list, most, `${title}, ${names}`, `${id}-${k}`);
    const every = everyOf(list, most);
    const axis = sizes.length > 2 ? html("span", { class: "soft" }, list.length > 1 ? "rows and columns" : `${names}s`) : null;
    return { picture: html("div", {}, axis, picture), every };
  });
}

function over(looks, sizes) {
  const shares = looks.map((look, k) => {
    if (!look || !(look.extent > 0)) return null;
    const { from, to, n } = placed(look, sizes[k]);
    return Math.max(Math.min(to, n) - Math.max(from, 0), 0) / (to - from);
  });
  if (shares.some((share) => share === null)) return null;
  return 1 - shares.reduce((all, share) => all * share, 1);
}

function words(row) {
  const { looks, field } = row;
  if (data.input === null) return "No input has axes behind the channels, so there is no field to draw.";
  if (!looks.input || !field) {
    return looks.depends
      ? "Its receptive field is unknown: an operation before it, or itself, is not known."
      : "It does not depend on the input.";
  }
  const cause = row.infinite_by;
  if (cause) return `Sees the whole input, however large that is: ${cause} ${cause === row.name ? "itself makes" : "made"} it so.`;
  const sees = `Each unit sees ${size(field.map((axis) => axis ? axis.size : null))} px of the input`;
  const scattered = looks.input.some((look) => look?.how === "scattered");
  const apart = field.some((axis) => axis && !axis.aligned) ? " Branches with different centres meet on the way." : "";
  return `${sees}${scattered ? ", at a place that follows no axis; the one in the middle is drawn." : "."}${apart}`;
}

function drawInput(row) {
  const sizes = data.input === null ? [] : data.input_shapes[data.input].slice(2);
  const looks = row.looks.input;
  const made = looks ? pictures(looks, sizes, 300, `Field of ${row.name} on the input`, "field-in") : [];
  byId("field-input").replaceChildren(...made.map(({ picture }) => picture));
  byId("field-input-words").textContent = made.length ? caption(looks, sizes, "the input", made) : "";
}

function drawPrevious(row) {
  const looks = row.looks.previous;
  const sizes = row.input_shape?.slice(2) ?? [];
  const made = looks ? pictures(looks, sizes, 170, `Window of ${row.name} on the map it reads`, "field-before") : [];
  byId("field-previous").replaceChildren(...made.map(({ picture }) => picture));
  byId("field-previous-words").textContent = made.length ? caption(looks, sizes, `the map of ${row.reads[0] ?? "the input"}`, made) : "";
}

function caption(looks, sizes, what, made) {
  const share = over(looks, sizes);
  const out = share > 0 ? `; ${(100 * share).toFixed(1)}% of the window hangs over the border (hatched)` : "";
  const steps = looks.filter((look) => look && look.how !== "fixed").map((look) => look.step);
  const every = Math.max(1, ...made.map((one) => one.every));
  const dots = steps.length ? `; dots are centres${every > 1 ? `, every ${count(every)}th drawn` : ""}, ${perAxis(steps)} px apart` : "";
  return `On ${what}, ${size(sizes)} px${out}${dots}.`;
}

// A slider for each axis of the layer's output that has several units.
function sliders(row) {
  const rank = row.looks.input?.length ?? row.looks.previous?.length ?? 0;
  const found = new Map();
  [row.looks.input, row.looks.previous].forEach((looks) => looks?.forEach((look, k) => {
    if (look?.how === "slides" && look.units > 1 && !found.has(look.axis)) found.set(look.axis, { look, name: nameOf(rank, k) });
  }));
  return [...found.values()].map(({ look, name }) => {
    const told = html("output", {}, `${indexOf(look) + 1} of ${count(look.units)}`);
    const input = html("input", {
      type: "range", min: 0, max: look.units - 1, value: indexOf(look), "data-axis": look.axis,
      oninput: () => {
        update({ unit: new Map(state.unit).set(look.axis, Number(input.value)) });
        told.textContent = `${indexOf(look) + 1} of ${count(look.units)}`;
      },
    });
    return html("label", {}, `Unit, ${name} `, input, told);
  });
}

function draw() {
  const row = rows[state.selected];
  if (!row) return;
  byId("field-words").textContent = words(row);
  drawInput(row);
  drawPrevious(row);
}

export function fieldView() {
  watch(["selected"], () => { if (rows.length) byId("field-unit").replaceChildren(...sliders(rows[state.selected])); });
  watch(["unit"], draw);
}
