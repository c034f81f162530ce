// Signed numbers as colours: orange above 0, blue below, and 0 is see-through, so that the page
// shows in light and in dark. The same two colours as in all pictures of `striate.look`.

export const POSITIVE = [214, 96, 22];
export const NEGATIVE = [46, 116, 190];

// Paint count numbers into the bytes of an ImageData, from pixel `at` on, in rows of `width` pixels
// of an image `stride` pixels wide.
export function paint(values, from, width, height, limit, image, left, top) {
  const scale = 255 / (limit || 1);
  const pixels = image.data;
  for (let y = 0, k = from; y < height; y += 1) {
    let p = 4 * ((top + y) * image.width + left);
    for (let x = 0; x < width; x += 1, k += 1, p += 4) {
      const value = values[k];
      const colour = value < 0 ? NEGATIVE : POSITIVE;
      pixels[p] = colour[0];
      pixels[p + 1] = colour[1];
      pixels[p + 2] = colour[2];
      pixels[p + 3] = Math.min(255, Math.abs(value) * scale); // what is no number becomes 0
    }
  }
}

export function tint(value, limit, most = 1) {
  const [r, g, b] = value < 0 ? NEGATIVE : POSITIVE;
  const share = Math.min(1, Math.abs(value) / (limit || 1)) * most;
  return `rgba(${r}, ${g}, ${b}, ${Number.isFinite(share) ? share.toFixed(3) : 0})`;
}

// A canvas of its own pixels, one a number.
export function pictured(values, from, width, height, limit) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  paint(values, from, width, height, limit, image, 0, 0);
  context.putImageData(image, 0, 0);
  return canvas;
}

export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
