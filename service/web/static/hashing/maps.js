// Grey pictures as {width, height, pixels}, made smaller as OpenCV does it: area means where a
// picture shrinks in both directions, else between the four nearest pixels.

/** What lies within `edges` of `grey`, as `width` × `height` numbers; area means or `enlarge`d. */
export function resized(grey, edges, width, height, enlarge) {
  const across = enlarge ? nearestOf : sharesOf;
  const columns = across(edges.left, edges.right, width);
  const rows = across(edges.top, edges.bottom, height);
  const narrow = new Float32Array((edges.bottom - edges.top) * width);
  for (let row = edges.top; row < edges.bottom; row += 1) {
    const from = row * grey.width;
    const to = (row - edges.top) * width;
    for (let at = 0; at < width; at += 1) {
      narrow[to + at] = meanOf(grey.pixels, from, 1, columns[at]);
    }
  }
  const made = new Float32Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const { first, weights } = rows[row];
    const local = { first: first - edges.top, weights };
    for (let at = 0; at < width; at += 1) {
      made[row * width + at] = meanOf(narrow, at, width, local);
    }
  }
  return made;
}

/** The whole picture with `side` pixels on its longer side, in whole levels of grey. */
export function mapOf(grey, side) {
  const scale = side / Math.max(grey.width, grey.height);
  const width = Math.max(1, roundEven(grey.width * scale));
  const height = Math.max(1, roundEven(grey.height * scale));
  const edges = { left: 0, top: 0, right: grey.width, bottom: grey.height };
  const pixels = Uint8ClampedArray.from(resized(grey, edges, width, height, scale >= 1));
  return { width, height, pixels };
}

/** The mean of 3 × 3 pixels about each; beyond the rim the picture is mirrored. */
export function smoothed({ width, height, pixels }) {
  const made = new Uint8ClampedArray(pixels.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let sum = 0;
      for (let down = -1; down <= 1; down += 1) {
        const row = mirrored(y + down, height) * width;
        for (let across = -1; across <= 1; across += 1) {
          sum += pixels[row + mirrored(x + across, width)];
        }
      }
      made[y * width + x] = Math.round(sum / 9);
    }
  }
  return { width, height, pixels: made };
}

/** Halves to the even neighbour, as Python and OpenCV round. */
export function roundEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function mirrored(at, length) {
  if (length === 1) return 0;
  if (at < 0) return -at;
  return at < length ? at : 2 * length - 2 - at;
}

function meanOf(values, from, step, { first, weights }) {
  let sum = 0;
  for (let at = 0; at < weights.length; at += 1) {
    sum += values[from + (first + at) * step] * weights[at];
  }
  return sum;
}

/** For each of `to` places: the first of the pixels from `start` to `end`, and all their shares. */
function sharesOf(start, end, to) {
  const step = (end - start) / to;
  return Array.from({ length: to }, (_, at) => {
    const [begins, ends] = [start + at * step, start + (at + 1) * step];
    const first = Math.floor(begins + 1e-9);
    const last = Math.min(end - 1, Math.ceil(ends - 1e-9) - 1);
    const weights = [];
    for (let place = first; place <= last; place += 1) {
      weights.push((Math.min(ends, place + 1) - Math.max(begins, place)) / step);
    }
    return { first, weights };
  });
}

/** For each of `to` places: the two nearest pixels, weighed by how near they are. */
function nearestOf(start, end, to) {
  const step = (end - start) / to;
  return Array.from({ length: to }, (_, at) => {
    const place = (at + 0.5) * step - 0.5;
    const first = Math.floor(place);
    const beyond = place - first;
    if (first < 0) return { first: start, weights: [1] };
    if (first >= end - start - 1) return { first: end - 1, weights: [1] };
    return { first: start + first, weights: [1 - beyond, beyond] };
  });
}
