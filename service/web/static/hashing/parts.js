// Parts of a picture that its copies still hold when they are cropped, framed or in a collage.
//
// The same steps as indexer/hashing/parts.py, which says why: boxes about areas that are brighter
// or darker than one of twelve levels of grey, at two sizes; each is hashed by itself; flat ones
// and those with detail in a few places only are dropped.

import { mapOf, resized, roundEven, smoothed } from "./maps.js";
import { panelsOf } from "./panels.js";
import { MIN_QUALITY, hashOfSamples } from "./pdq.js";

const MAX_PARTS = 64;
const MAPS_PX = [160, 224];
const LEVELS = Array.from({ length: 12 }, (_, at) => 36 + 16 * at);
const MIN_SIDE = 0.15;
const MAX_SIDE = 0.95;
const MAX_ELONGATION = 3;
const MIN_DETAILED = 0.6;
const DETAIL = 4;
const BLOCKS = 8;
const SAMPLES = 64;

/** Of a grey picture of at most 512 pixels a side: {pdq, quality, left, top, right, bottom} each,
 * edges in thousandths. */
export function partsOf(grey) {
  const maps = MAPS_PX.map((side) => mapOf(grey, side));
  const boxes = [...maps.flatMap(regionsOf), ...sharesOf(panelsOf(maps[0]), maps[0])];
  const distinct = [...new Map(boxes.map((box) => [String(box), box])).values()];
  const ordered = [[0, 0, 1, 1], ...distinct.sort(bySize).slice(0, MAX_PARTS - 1)];
  const half = halved(grey);
  return ordered.flatMap((box) => {
    const samples = samplesOf(grey, half, box);
    const { pdq, quality } = hashOfSamples(samples);
    if (quality < MIN_QUALITY || detailedShare(samples) < MIN_DETAILED) return [];
    const [left, top, right, bottom] = box.map((share) => roundEven(Math.fround(Math.fround(share) * 1000)));
    return [{ pdq, quality, left, top, right, bottom }];
  });
}

function regionsOf(small) {
  const smooth = smoothed(small);
  const boxes = LEVELS.flatMap((level) => areasOf(smooth, level));
  const usable = boxes.filter(([left, top, right, bottom]) => {
    const [width, height] = [(right - left) / small.width, (bottom - top) / small.height];
    const ratio = (right - left) / (bottom - top);
    return (
      Math.min(width, height) >= MIN_SIDE &&
      (width < MAX_SIDE || height < MAX_SIDE) &&
      Math.max(ratio, 1 / ratio) <= MAX_ELONGATION
    );
  });
  return sharesOf(usable, small);
}

/** The boxes of all areas that hang together, also over corners, above the level or not. */
function areasOf({ width, height, pixels }, level) {
  const seen = new Uint8Array(pixels.length);
  const waiting = new Int32Array(pixels.length);
  const boxes = [];
  for (let start = 0; start < pixels.length; start += 1) {
    if (seen[start]) continue;
    const isAbove = pixels[start] > level;
    const box = [width, height, 0, 0];
    let count = 1;
    waiting[0] = start;
    seen[start] = 1;
    while (count > 0) {
      count -= 1;
      const place = waiting[count];
      const x = place % width;
      const y = (place - x) / width;
      if (x < box[0]) box[0] = x;
      if (y < box[1]) box[1] = y;
      if (x >= box[2]) box[2] = x + 1;
      if (y >= box[3]) box[3] = y + 1;
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row += 1) {
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column += 1) {
          const next = row * width + column;
          if (!seen[next] && pixels[next] > level === isAbove) {
            seen[next] = 1;
            waiting[count] = next;
            count += 1;
          }
        }
      }
    }
    boxes.push(box);
  }
  return boxes;
}

function sharesOf(boxes, { width, height }) {
  return boxes.map(([left, top, right, bottom]) => [
    left / width,
    top / height,
    right / width,
    bottom / height,
  ]);
}

/** The largest first, always in the same order. */
function bySize(one, other) {
  const keys = ([left, top, right, bottom]) => [
    -(right - left) * (bottom - top),
    left,
    top,
    right,
    bottom,
  ];
  const [ours, theirs] = [keys(one), keys(other)];
  const at = ours.findIndex((value, place) => value !== theirs[place]);
  return at < 0 ? 0 : ours[at] - theirs[at];
}

function samplesOf(grey, half, box) {
  const edges = edgesOf(grey, box);
  if (smallestSide(edges) < 2 * SAMPLES) {
    return resized(grey, edges, SAMPLES, SAMPLES, smallestSide(edges) < SAMPLES);
  }
  const inHalf = edgesOf(half, box);
  return resized(half, inHalf, SAMPLES, SAMPLES, smallestSide(inHalf) < SAMPLES);
}

function halved(grey) {
  const [width, height] = [Math.ceil(grey.width / 2), Math.ceil(grey.height / 2)];
  const edges = { left: 0, top: 0, right: grey.width, bottom: grey.height };
  return { width, height, pixels: resized(grey, edges, width, height, false) };
}

function edgesOf({ width, height }, box) {
  // shares are kept with single precision there, which decides about halves of pixels
  const [left, top, right, bottom] = box.map((share, at) =>
    roundEven(Math.fround(share) * (at % 2 === 0 ? width : height)),
  );
  return { left, top, right: Math.max(right, left + 1), bottom: Math.max(bottom, top + 1) };
}

function smallestSide({ left, top, right, bottom }) {
  return Math.min(right - left, bottom - top);
}

/** The share of a part's blocks that are not plain. */
function detailedShare(samples) {
  const side = SAMPLES / BLOCKS;
  let detailed = 0;
  for (let down = 0; down < SAMPLES; down += side) {
    for (let across = 0; across < SAMPLES; across += side) {
      let [sum, squares] = [0, 0];
      for (let row = down; row < down + side; row += 1) {
        for (let column = across; column < across + side; column += 1) {
          const value = samples[row * SAMPLES + column];
          sum += value;
          squares += value * value;
        }
      }
      const mean = sum / side ** 2;
      if (Math.sqrt(Math.max(0, squares / side ** 2 - mean ** 2)) > DETAIL) detailed += 1;
    }
  }
  return detailed / BLOCKS ** 2;
}
