// Where a picture was put between bars, or beside others: its inside, and panels of a collage.
//
// The same steps as indexer/hashing/panels.py, which says why: rims of one shade are trimmed off,
// what is left is cut at its surest seam, and each of the two pieces is treated likewise.

const MAX_PANELS = 16;
const MIN_PANEL_PX = 20;
const DIFFERENT = 10;
const MIN_SHARE = 0.6;
const MIN_AHEAD = 0.3;
const BESIDE_PX = 4;
const ONE_SHADE = 12;

/** Insides and panels of a small grey picture, as [left, top, right, bottom] in its pixels. */
export function panelsOf(small) {
  const whole = [0, 0, small.width, small.height];
  const found = new Map();
  const waiting = [whole];
  while (waiting.length > 0 && found.size < MAX_PANELS) {
    const piece = waiting.shift();
    const inside = trimmed(small, piece);
    if (inside === null) continue;
    found.set(String(piece), piece).set(String(inside), inside);
    waiting.push(...halves(small, inside));
  }
  found.delete(String(whole));
  return [...found.values()];
}

function trimmed(small, [left, top, right, bottom]) {
  const isBusy = (length, pixelAt) => {
    let [lowest, highest] = [255, 0];
    for (let at = 0; at < length; at += 1) {
      lowest = Math.min(lowest, pixelAt(at));
      highest = Math.max(highest, pixelAt(at));
    }
    return highest - lowest > ONE_SHADE;
  };
  const { width, pixels } = small;
  const rows = numbers(top, bottom).filter((row) =>
    isBusy(right - left, (at) => pixels[row * width + left + at]),
  );
  const columns = numbers(left, right).filter((column) =>
    isBusy(bottom - top, (at) => pixels[(top + at) * width + column]),
  );
  if (Math.min(rows.length, columns.length) < MIN_PANEL_PX) return null;
  return [columns[0], rows[0], columns.at(-1) + 1, rows.at(-1) + 1];
}

function halves(small, [left, top, right, bottom]) {
  const { width, pixels } = small;
  const pixel = (x, y) => pixels[(top + y) * width + left + x];
  const across = surestSeam(right - left, bottom - top, pixel);
  const down = surestSeam(bottom - top, right - left, (x, y) => pixel(y, x));
  if (Math.max(across.share, down.share) === 0) return [];
  if (across.share >= down.share) {
    return [
      [left, top, left + across.at, bottom],
      [left + across.at, top, right, bottom],
    ];
  }
  return [
    [left, top, right, top + down.at],
    [left, top + down.at, right, bottom],
  ];
}

function surestSeam(width, height, pixel) {
  if (width < 2 * MIN_PANEL_PX || height < MIN_PANEL_PX) return { share: 0, at: 0 };
  // shrinking blurs a seam over two pixels
  const shares = numbers(0, width - 2).map((column) => {
    let count = 0;
    for (let row = 0; row < height; row += 1) {
      if (Math.abs(pixel(column + 2, row) - pixel(column, row)) >= DIFFERENT) count += 1;
    }
    return count / height;
  });
  const last = shares.length - 1;
  const sure = shares.map((share, at) => {
    const beside = shares[Math.max(0, at - BESIDE_PX)] + shares[Math.min(last, at + BESIDE_PX)];
    const isInside = at >= MIN_PANEL_PX - 1 && at < width - MIN_PANEL_PX - 1;
    return isInside && share >= MIN_SHARE && share - beside / 2 >= MIN_AHEAD ? share : 0;
  });
  const at = sure.indexOf(Math.max(...sure));
  const next = at < last && shares[at + 1] >= 0.9 * shares[at] ? at + 1 : at;
  return { share: sure[at], at: Math.floor((at + next + 2) / 2) + ((at + next) % 2) };
}

function numbers(from, to) {
  return Array.from({ length: to - from }, (_, at) => from + at);
}
