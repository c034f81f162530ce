// Look into a network: start every part of the page, ask for the network, run the first input.

import { chooseLayer, run } from "./actions.js";
import { startArchitecture } from "./architecture.js";
import { byId, put } from "./dom.js";
import { bytes, plural, short } from "./format.js";
import { startFilters } from "./filters.js";
import { startInput } from "./input.js";
import { startJumps, startKeys } from "./keys.js";
import { startLayer } from "./layer.js";
import { startLive } from "./live.js";
import { startMaps } from "./maps.js";
import { tell } from "./notice.js";
import { startPad } from "./pad.js";
import { startPicture } from "./picture.js";
import { getJson } from "./source.js";
import { readHash, state, update, watch } from "./state.js";
import { startUnit } from "./unit.js";
import { startWhatif } from "./whatif.js";

const begin = async () => {
  for (const start of [startLive, startArchitecture, startLayer, startMaps, startFilters, startWhatif, startUnit, startPicture, startInput, startPad]) start();
  startKeys(() => update({ view: state.view, unit: state.unit }));
  startJumps();
  watch(["busy"], () => put(byId("busy"), state.busy));
  addEventListener("hashchange", follow);
  update({ busy: "Reading the network \u2026" });
  const model = await getJson("api/model");
  const first = model.layers.find((layer) => layer.window && layer.shape?.length > 1)?.id ?? 0;
  document.title = `${model.name} \u2013 Striate`;
  put(byId("name"), model.name);
  put(byId("totals"), `${plural(model.layers.length, "layer")} \u00b7 ${short(model.totals.params)} parameters \u00b7 ${short(model.totals.macs)} MACs \u00b7 ${bytes(model.totals.memory_bytes)} of maps`);
  Object.assign(state, { model });
  const wanted = readHash();
  update({ model, busy: "", layer: wanted.layer ?? first });
  document.body.classList.add("ready");
  const sample = wanted.sample ?? model.samples[0]?.id;
  if (sample !== undefined) await run(sample, null, { layer: state.layer, ...wanted });
};

// The link was changed by hand, or with the browser's buttons.
const follow = async () => {
  if (!state.model) return; // begin() is about to read it
  const wanted = readHash();
  const layer = wanted.layer ?? state.layer;
  if (wanted.sample !== undefined && wanted.sample !== state.sample) await run(wanted.sample, null, { ...wanted, layer });
  else if (layer !== state.layer || wanted.channel !== state.channel || String(wanted.place) !== String(state.place)) await chooseLayer(layer, wanted.channel, wanted.place);
};

begin().catch((error) => { update({ busy: "" }); tell(error); });
