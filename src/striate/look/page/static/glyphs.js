// One small sign for each kind of layer, at a place on its lane.

import { svg } from "./dom.js";

const square = (x, y) => svg("rect", { x: x - 5.5, y: y - 5.5, width: 11, height: 11, rx: 2, class: "glyph strong" });
const trapezium = (x, y) => svg("path", { d: `M${x - 7} ${y - 5}h14l-4 10h-6z`, class: "glyph" });
const widening = (x, y) => svg("path", { d: `M${x - 3} ${y - 5}h6l4 10h-14z`, class: "glyph" });
const dot = (x, y) => svg("circle", { cx: x, cy: y, r: 4, class: "glyph" });
const ring = (x, y) => svg("circle", { cx: x, cy: y, r: 6, class: "glyph strong" });
const diamond = (x, y) => svg("path", { d: `M${x} ${y - 6}l6 6l-6 6l-6 -6z`, class: "glyph" });
const bar = (x, y) => svg("rect", { x: x - 3, y: y - 7, width: 6, height: 14, rx: 2, class: "glyph strong" });
const stack = (x, y) => svg("g", {}, [3, 0].map((d) =>
  svg("rect", { x: x - 7 + d, y: y - 6 + d - 1, width: 12, height: 10, rx: 2, class: "glyph strong" })));
const plus = (x, y, d = `M${x - 3.5} ${y}h7M${x} ${y - 3.5}v7`) => svg("g", {},
  svg("circle", { cx: x, cy: y, r: 6.5, class: "glyph" }), svg("path", { d, class: "sign" }));
const times = (x, y) => plus(x, y, `M${x - 2.5} ${y - 2.5}l5 5M${x + 2.5} ${y - 2.5}l-5 5`);

const SIGNS = [
  [/^input$/, ring], [/^block$/, stack], [/conv_transpose|resize|upsample|unpool/, widening], [/conv/, square],
  [/pool|subsample|mean/, trapezium], [/norm/, diamond], [/linear|matmul|attention/, bar],
  [/^(binary|add|sub)$/, plus], [/concat|cat|stack|mul/, times],
];

export function glyph(kind, x, y) {
  const [, draw] = SIGNS.find(([pattern]) => pattern.test(kind)) ?? [null, dot];
  return draw(x, y);
}
