// How numbers are written, in one place. null is unknown and never zero.

export const UNKNOWN = "unknown";
export const NONE = "–"; // does not apply

const whole = new Intl.NumberFormat("en-US");
const few = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });

export const count = (n) =>
  n === null ? UNKNOWN : Number.isInteger(n) ? whole.format(n) : few.format(n);

function scaled(n, base, units) {
  let power = 0;
  while (power === 0 || Math.abs(n) >= 999.5 && power < units.length) { n /= base; power += 1; }
  return `${n.toFixed(Math.abs(n) < 9.995 ? 2 : Math.abs(n) < 99.95 ? 1 : 0)} ${units[power - 1]}`;
}

export function short(n) {
  if (n === null) return UNKNOWN;
  return Math.abs(n) < 10000 ? count(n) : scaled(n, 1000, ["k", "M", "G", "T", "P"]);
}

export function bytes(n) {
  if (n === null) return UNKNOWN;
  if (Math.abs(n) < 1024) return `${few.format(n)} B`;
  return scaled(n, 1024, ["KiB", "MiB", "GiB", "TiB", "PiB"]);
}

export function percent(share) {
  if (share === null || !Number.isFinite(share)) return NONE;
  if (share === 0 || share === 1) return `${100 * share}%`;
  if (share < 0.0005) return "<0.1%";
  if (share > 0.9995) return ">99.9%";
  return `${(100 * share).toFixed(1)}%`;
}

// One number of a receptive field: "infinite" is the whole of any input.
export const length = (n) =>
  n === null ? NONE : n === "infinite" ? "all" : String(Number(n.toFixed(2)));

export const size = (list) =>
  list === null ? UNKNOWN : list.length ? list.map(length).join("x") : "scalar";

// Equal numbers along all axes are one number.
export const perAxis = (list) => size(list.every((n) => n === list[0]) ? list.slice(0, 1) : list);

export const atLeast = (text, partial) => partial ? `at least ${text}` : text;
