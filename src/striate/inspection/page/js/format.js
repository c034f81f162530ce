// How numbers are written, in one place. null is unknown and never zero.

export const UNKNOWN = "unknown";
export const NONE = "–"; // does not apply

const whole = new Intl.NumberFormat("en-US");
const few = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const three = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

export const count = (n) =>
  n === null ? UNKNOWN : Number.isInteger(n) ? whole.format(n) : few.format(n);

function scaled(n, base, units) {
  let power = 0;
  while (Math.abs(n) >= 999.5 && power < units.length - 1) { n /= base; power += 1; }
  return `${power ? three.format(n) : few.format(n)}${units[power] ? ` ${units[power]}` : ""}`;
}

export const short = (n) => n === null ? UNKNOWN : scaled(n, 1000, ["", "k", "M", "G", "T"]);

export function bytes(n) {
  if (n === null) return UNKNOWN;
  if (Math.abs(n) < 1024) return `${few.format(n)} B`;
  return scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

export function percent(share) {
  if (share === null || !Number.isFinite(share)) return NONE;
  if (share === 0 || share === 1) return `${100 * share} %`;
  if (share < 0.0005) return "<0.1 %";
  if (share > 0.9995) return ">99.9 %";
  return `${(100 * share).toFixed(1)} %`;
}

// One number of a receptive field: "infinite" is the whole of any input.
export const length = (n) =>
  n === null ? NONE : n === "infinite" ? "∞" : String(Number(n.toFixed(2)));

export const size = (list) =>
  list === null ? UNKNOWN : list.length ? list.map(length).join("x") : "scalar";

// Equal numbers along all axes are one number.
export const perAxis = (list) => size(list.every((n) => n === list[0]) ? list.slice(0, 1) : list);

export const atLeast = (text, partial) => partial ? `at least ${text}` : text;
