// A file that the browser decoded, read in strips: never the whole picture in a script's memory.
//
// The browser turns the picture upright as the file says and leaves its colours as they are; what
// is transparent lies on white. That is how the crawled pictures are hashed, too.

import { partsOf } from "./parts.js";
import { MIN_QUALITY, PdqHasher, luminanceOf } from "./pdq.js";
import { Shrinker } from "./shrinking.js";
import { turnedHashesOf } from "./turning.js";

const STRIP_PIXELS = 512 * 1024;
const PROBE_SIDE_PX = 16;
const MAX_PROBE_ERROR = 4;

/** The browser cannot open the file as a picture. */
export class NotAPictureError extends Error {}

/** The browser answers something else than the pixels of a picture, to hide what device it is. */
export class PixelsHiddenError extends Error {}

/** Hashes of an image file, see `hashBitmap`; `onProgress` is called with 0 to 1. */
export async function hashPicture(file, onProgress = () => {}) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
    });
  } catch (error) {
    throw new NotAPictureError(String(error), { cause: error });
  }
  try {
    return hashBitmap(bitmap, onProgress, { withParts: true });
  } finally {
    bitmap.close();
  }
}

/**
 * Two hashes of a decoded picture, {pdq, quality} each: `full` of all its pixels, as the
 * specification has it, and `small` after shrinking, as crawled media are hashed; its parts; and
 * `small` turned and mirrored in all eight ways.
 * Raises `PixelsHiddenError`.
 */
export function hashBitmap(bitmap, onProgress = () => {}, { withParts = false } = {}) {
  requireHonestPixels();
  const { width, height } = bitmap;
  const full = new PdqHasher(width, height);
  const rowsOfSmall = [];
  const shrinker = new Shrinker(width, height, (row) => {
    small.add(row);
    if (withParts) rowsOfSmall.push(Uint8ClampedArray.from(row));
  });
  const small = new PdqHasher(shrinker.width, shrinker.height);
  const luminance = new Float32Array(width);
  const rowsAtOnce = Math.max(1, Math.min(height, Math.floor(STRIP_PIXELS / width)));
  const context = contextOf(width, rowsAtOnce);
  for (let top = 0; top < height; top += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, height - top);
    context.fillStyle = "white";
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const pixels = context.getImageData(0, 0, width, rows).data;
    for (let from = 0; from < pixels.length; from += 4 * width) {
      luminanceOf(pixels, from, luminance);
      full.add(luminance);
      shrinker.add(luminance);
    }
    onProgress((top + rows) / height);
  }
  const hashes = { full: full.result(), small: small.result(), parts: [], turned: [] };
  if (!withParts) return hashes;
  const grey = together(rowsOfSmall);
  const isUsable = hashes.small.quality >= MIN_QUALITY;
  // its own hash as it was sent: from rounded rows a bit might differ
  const turned = isUsable ? [hashes.small.pdq, ...turnedHashesOf(grey).slice(1)] : [];
  return { ...hashes, parts: partsOf(grey), turned };
}

function together(rows) {
  const width = rows[0].length;
  const pixels = new Uint8ClampedArray(width * rows.length);
  rows.forEach((row, at) => pixels.set(row, at * width));
  return { width, height: rows.length, pixels };
}

function contextOf(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  return canvas.getContext("2d", { alpha: false, willReadFrequently: true });
}

let pixelsAreHonest = false;

function requireHonestPixels() {
  if (pixelsAreHonest) return;
  const side = PROBE_SIDE_PX;
  const context = contextOf(side, side);
  const shades = Uint8Array.from({ length: side }, (_, at) => 8 + at * 15);
  shades.forEach((shade, at) => {
    context.fillStyle = `rgb(${shade} ${255 - shade} ${shade})`;
    context.fillRect(0, at, side, 1);
  });
  const { data } = context.getImageData(0, 0, side, side);
  for (let at = 0; at < data.length; at += 4) {
    const shade = shades[Math.floor(at / 4 / side)];
    const errors = [data[at] - shade, data[at + 1] - (255 - shade), data[at + 2] - shade];
    if (errors.some((error) => Math.abs(error) > MAX_PROBE_ERROR)) {
      throw new PixelsHiddenError("the browser hides the pixels of pictures");
    }
  }
  pixelsAreHonest = true;
}
