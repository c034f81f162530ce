// How numbers are written, in one place. null is unknown and never zero.

const whole = new Intl.NumberFormat("en-US");
const MINUS = "\u2212";

const signed = (text) => text.replace(/^-/, MINUS);

export const count = (n) => n === null || n === undefined ? "unknown" : whole.format(n);

function scaled(n, base, units) {
  let power = 0;
  while (power === 0 || Math.abs(n) >= 999.5 && power < units.length) { n /= base; power += 1; }
  return `${n.toFixed(Math.abs(n) < 9.995 ? 2 : Math.abs(n) < 99.95 ? 1 : 0)} ${units[power - 1]}`;
}

export function short(n) {
  if (n === null || n === undefined) return "unknown";
  return Math.abs(n) < 10000 ? count(n) : scaled(n, 1000, ["k", "M", "G", "T", "P"]);
}

export function bytes(n) {
  if (n === null || n === undefined) return "unknown";
  return Math.abs(n) < 1024 ? `${count(n)} B` : scaled(n, 1024, ["KiB", "MiB", "GiB", "TiB"]);
}

// A real number with four significant digits.
export function number(x, digits = 4) {
  if (!Number.isFinite(x)) return String(x);
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-4) return signed(x.toExponential(digits - 2).replace("e+", "e"));
  return signed(x.toPrecision(digits));
}

// A real number in the cell of a grid: about four characters.
export function brief(x) {
  if (!Number.isFinite(x)) return "?";
  const size = Math.abs(x);
  if (size === 0) return "0";
  if (size < 0.005) return x < 0 ? `${MINUS}.00` : ".00";
  if (size < 0.995) return signed(x.toFixed(2)).replace("0.", ".");
  return signed(size < 9.95 ? x.toFixed(1) : size < 9999 ? x.toFixed(0) : x.toExponential(0).replace("e+", "e"));
}

export function percent(share) {
  if (share > 0 && share < 0.0005) return "<0.1%";
  if (share < 1 && share > 0.9995) return ">99.9%";
  return `${(100 * share).toFixed(1)}%`;
}

export const shape = (lengths) =>
  !lengths ? "unknown" : lengths.length ? lengths.join(" \u00d7 ") : "scalar";

// A place or an offset: (3, 5).
export const place = (at) => at && at.length ? `(${at.map((n) => signed(String(n))).join(", ")})` : "";

export const change = (now, before) => {
  if (!before || now === before) return "unchanged";
  const share = 100 * (now / before - 1);
  return `${share > 0 ? "+" : MINUS}${Math.abs(share).toFixed(Math.abs(share) < 10 ? 1 : 0)}%`;
};

export const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
