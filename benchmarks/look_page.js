// Put into the page by `look_page.py`: how long the page takes from an event to the painted answer.

const frame = () => new Promise(requestAnimationFrame);
const byId = (id) => document.getElementById(id);

// Milliseconds from act() until done() holds and that frame is on the screen.
const timed = async (act, done) => {
  await frame();
  const start = performance.now();
  act();
  while (!done()) {
    if (performance.now() - start > 20000) throw new Error(`no answer within 20 s: ${done}`);
    await frame();
  }
  await frame();
  await frame();
  return performance.now() - start;
};

const grid = (host) => document.querySelector(`#${host} .grid`);
const painted = (host) => Number(grid(host).dataset.painted) > 0;
const unpaint = (host) => { grid(host).dataset.painted = "0"; };
const answered = () => Boolean(byId("unit-value").dataset.value);
const panels = {
  maps: () => painted("maps"),
  filters: () => painted("filters"),
  spread: () => document.querySelector("#spread svg"),
  numbers: () => document.querySelector("#numbers table"),
  whatif: () => document.querySelector("#knobs input"),
};

// Click a pixel of the grid's canvas, by its share of the part in view.
const point = (kind, x, y) => {
  const canvas = grid("maps").querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  const tall = Math.min(box.height, grid("maps").clientHeight);
  const place = { clientX: box.left + x * box.width, clientY: box.top + y * tall, bubbles: true };
  canvas.dispatchEvent(new (kind === "click" ? MouseEvent : PointerEvent)(kind, place));
};

globalThis.bench = {
  // From the start of the navigation until a map and a unit are on the screen.
  opened: async () => {
    while (!(document.querySelector("#maps .grid") && painted("maps") && answered())) await frame();
    await frame();
    await frame();
    return performance.now();
  },

  nothing: () => timed(() => {}, () => true),

  layer: (id) => {
    const row = document.querySelector(`#tree [data-layer='${id}']`);
    const name = row.querySelector(".title").title;
    return timed(
      () => { unpaint("maps"); byId("unit-value").dataset.value = ""; row.click(); },
      () => byId("layer-title").textContent === name && painted("maps") && answered(),
    );
  },

  // One screen of maps further, or from the end back to the start; null where all are in view.
  scroll: async () => {
    const host = grid("maps");
    const end = host.scrollHeight - host.clientHeight;
    if (end < 20) return null;
    const next = host.scrollTop > end - 20 ? 0 : host.scrollTop + host.clientHeight;
    return timed(() => { unpaint("maps"); host.scrollTop = next; }, () => painted("maps"));
  },

  pixel: (x, y) => {
    const before = byId("unit-title").textContent;
    return timed(() => point("click", x, y), () => byId("unit-title").textContent !== before && answered());
  },

  hover: (x, y) => timed(() => point("pointermove", x, y), () => true),

  number: (k) => {
    const all = document.querySelectorAll("#layer-facts .number");
    return timed(() => all[k % all.length].dispatchEvent(new MouseEvent("mouseenter")), () => byId("layer-formula").textContent);
  },

  slider: (value) => {
    const knob = byId("knob-size");
    const before = byId("outcome").textContent;
    return timed(
      () => { knob.value = value; knob.dispatchEvent(new Event("input")); },
      () => byId("outcome").textContent !== before,
    );
  },

  tab: (name) => timed(
    () => { if (name === "filters") unpaint("filters"); byId(`tab-${name}`).click(); },
    () => !byId(`panel-${name}`).hidden && panels[name](),
  ),
};
