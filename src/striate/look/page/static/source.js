// Where answers come from: the server, or the table of recorded answers inside an export.

const table = document.getElementById("striate-recorded");
export const recorded = table ? JSON.parse(table.textContent) : null;

const MOST_KEPT = 240; // answers
const kept = new Map(); // by URL, least recently used first
const traffic = { requests: 0 };
export const requests = () => traffic.requests;

export const getJson = (url) => keep(url, recorded ? fromTable : fetchJson);

// An array: { shape, data: Float32Array, limit }.
export const getArray = (url) => keep(url, recorded ? arrayFromTable : fetchArray);

export const has = (url) => !recorded || url in recorded;

// The answer on a unit. An export holds all units of small layers, and of others the strongest of
// some channels: in its place comes { place: theirs } or, of other channels, { place: null }.
export const getUnit = async (run, layer, channel, place) => {
  const at = place.length ? `&place=${place.join(",")}` : ""; // a unit of a vector has no place
  const base = `api/runs/${run}`;
  if (!recorded) return getJson(`${base}/unit/${layer}?channel=${channel}${at}`);
  const { places } = entry(`${base}/units/${layer}`);
  const own = places ? places[channel] : place.join(",");
  if (own !== place.join(",")) return { place: own === undefined ? null : own ? own.split(",").map(Number) : [] };
  return (await keep(`${base}/units/${layer}`, unpacked))[`${channel}:${own}`];
};

// Whether an export holds but one unit of each channel of a layer.
export const onlyStrongest = (run, layer) => Boolean(recorded && entry(`api/runs/${run}/units/${layer}`).places);

const unpacked = async (url) => JSON.parse(new TextDecoder().decode(await unzipped(entry(url).gzip)));

export const forget = () => kept.clear();

// Start a run: of a sample by its id, or of a file's bytes.
export const startRun = async (sample, file = null) => {
  if (recorded) {
    if (file) throw new Error("This page is an export: it holds only the answers of its own samples.");
    return fromTable(`api/runs?sample=${sample}`);
  }
  const options = file
    ? { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } }
    : { method: "POST", body: JSON.stringify({ sample }), headers: { "Content-Type": "application/json" } };
  return (await ask("api/runs", options)).json();
};

export const post = async (url, body) => {
  if (recorded) throw new Error("This page is an export: nothing new can be computed in it.");
  const options = { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await ask(url, options)).json();
};

function keep(url, get) {
  const found = kept.get(url);
  if (found) kept.delete(url);
  const answer = found ?? get(url);
  kept.set(url, answer);
  if (!found) {
    answer.catch(() => { if (kept.get(url) === answer) kept.delete(url); });
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  }
  return answer;
}

// An export answers from its table alone. Errors carry the server's sentence and its status.
const ask = async (url, options = {}) => {
  traffic.requests += 1;
  let answer = null;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new Error("The server does not answer. Is `striate look` still running?");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  const trouble = new Error(told.error ?? `The server answered ${answer.status} to ${url}.`);
  trouble.status = answer.status;
  throw trouble;
};

const fetchJson = async (url) => (await ask(url)).json();

const fetchArray = async (url) => {
  const answer = await ask(url);
  const shape = answer.headers.get("X-Shape").split(",").map(Number);
  const limit = Number(answer.headers.get("X-Limit") ?? NaN);
  return { shape, limit, data: new Float32Array(await answer.arrayBuffer()) };
};

const entry = (url) => {
  const found = recorded[url];
  if (!found) throw new Error("This answer is not in the export.");
  if (found.error) throw new Error(found.error);
  return found;
};

const fromTable = async (url) => entry(url).json;

const unzipped = (text) => {
  const zipped = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
};

const WIDENED = {
  float32: (buffer) => new Float32Array(buffer),
  float16: (buffer) => widened(new Uint16Array(buffer)),
  int8: (buffer, scale) => Float32Array.from(new Int8Array(buffer), (step) => step * scale),
};

const arrayFromTable = async (url) => {
  const { shape, dtype, gzip, scale, limit } = entry(url);
  return { shape, limit: limit ?? NaN, data: WIDENED[dtype](await unzipped(gzip), scale) };
};

// float16 to float32.
function widened(halves) {
  const wide = new Float32Array(halves.length);
  for (let k = 0; k < halves.length; k += 1) {
    const [sign, power, rest] = [halves[k] >> 15 ? -1 : 1, halves[k] >> 10 & 31, halves[k] & 1023];
    wide[k] = power === 0 ? sign * rest * 2 ** -24
      : power === 31 ? rest ? NaN : sign * Infinity
        : sign * (1 + rest / 1024) * 2 ** (power - 15);
  }
  return wide;
}
