// PDQ of a picture turned and mirrored in all eight ways.
//
// Media that were looked at before are kept as one hash each and cannot be turned any more; so the
// known picture is. Hashes are made from the turned pixels: by the bits alone they would be 20 bits
// off, because PDQ's filter lies off the middle.

import { PdqHasher } from "./pdq.js";

/**
 * In the order of `ORIENTATIONS` in indexer/hashing/hashes.py, what is done to the picture: whether
 * rows and columns are exchanged, and then whether it is turned upside down and left to right.
 */
const TURNS = [
  [false, false, false],
  [true, true, false],
  [false, true, true],
  [true, false, true],
  [false, true, false],
  [false, false, true],
  [true, false, false],
  [true, true, true],
];

/** Of a grey picture of at most 512 pixels a side: eight hashes. */
export function turnedHashesOf(grey) {
  return TURNS.map((turn) => hashOfTurned(grey, turn));
}

function hashOfTurned({ width, height, pixels }, [exchanged, upsideDown, leftToRight]) {
  const [across, down] = exchanged ? [height, width] : [width, height];
  const hasher = new PdqHasher(across, down);
  const row = new Float32Array(across);
  for (let y = 0; y < down; y += 1) {
    const fromY = upsideDown ? down - 1 - y : y;
    for (let x = 0; x < across; x += 1) {
      const fromX = leftToRight ? across - 1 - x : x;
      row[x] = exchanged ? pixels[fromX * width + fromY] : pixels[fromY * width + fromX];
    }
    hasher.add(row);
  }
  return hasher.result().pdq;
}
