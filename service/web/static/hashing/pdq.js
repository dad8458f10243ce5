// PDQ, the perceptual hash of Meta's ThreatExchange, by its specification (hashing.pdf there).
//
// 1. Luminance of each pixel. 2. Two passes of box filters, sampled at 64 × 64 points (jarosz.js).
// 3. Quality: the sum of noticeable steps between neighbouring samples, 0 to 100. 4. The 16 × 16
// lowest frequencies of the cosine transform, without the constant ones. 5. Each bit says whether
// a frequency is above the median; written as 64 hexadecimal digits, the last bit first.

import { JaroszSampler, SAMPLES } from "./jarosz.js";

/** Below this the specification calls a hash unusable: flat pictures all look alike. */
export const MIN_QUALITY = 50;

const FREQUENCIES = 16;
const SMALLEST_SIDE_PX = 5;
const STEPS_PER_QUALITY = 90;

const COSINES = Float32Array.from({ length: FREQUENCIES * SAMPLES }, (_, at) => {
  const frequency = Math.floor(at / SAMPLES) + 1;
  const place = at % SAMPLES;
  const angle = (Math.PI / 2 / SAMPLES) * frequency * (2 * place + 1);
  return Math.sqrt(2 / SAMPLES) * Math.cos(angle);
});

/** Luminance of a row of pixels of four bytes each, the first at `from`, into `row`. */
export function luminanceOf(pixels, from, row) {
  for (let at = 0, place = from; at < row.length; at += 1, place += 4) {
    row[at] = 0.299 * pixels[place] + 0.587 * pixels[place + 1] + 0.114 * pixels[place + 2];
  }
}

/** Takes the rows of one picture's luminance from top to bottom; `result()` when all have come. */
export class PdqHasher {
  constructor(width, height) {
    this.tooSmall = width < SMALLEST_SIDE_PX || height < SMALLEST_SIDE_PX;
    this.sampler = this.tooSmall ? null : new JaroszSampler(width, height);
  }

  add(row) {
    this.sampler?.add(row);
  }

  /** The hash as 64 hexadecimal digits, and its quality. */
  result() {
    if (this.tooSmall) return { pdq: "0".repeat(64), quality: 0 };
    return hashOfSamples(this.sampler.samples);
  }
}

/** The hash of 64 × 64 samples as 64 hexadecimal digits, and its quality. */
export function hashOfSamples(samples) {
  return { pdq: hexOf(frequenciesOf(samples)), quality: qualityOf(samples) };
}

function qualityOf(samples) {
  let steps = 0;
  for (let row = 0; row < SAMPLES; row += 1) {
    for (let column = 0; column < SAMPLES; column += 1) {
      const at = row * SAMPLES + column;
      if (row + 1 < SAMPLES) steps += stepBetween(samples[at], samples[at + SAMPLES]);
      if (column + 1 < SAMPLES) steps += stepBetween(samples[at], samples[at + 1]);
    }
  }
  return Math.min(100, Math.floor(steps / STEPS_PER_QUALITY));
}

/** In whole hundredths of the range, so that many tiny differences count for nothing. */
function stepBetween(one, other) {
  return Math.abs(Math.trunc(((one - other) * 100) / 255));
}

function frequenciesOf(samples) {
  const half = new Float32Array(FREQUENCIES * SAMPLES);
  for (let frequency = 0; frequency < FREQUENCIES; frequency += 1) {
    for (let column = 0; column < SAMPLES; column += 1) {
      let sum = 0;
      for (let row = 0; row < SAMPLES; row += 1) {
        sum += COSINES[frequency * SAMPLES + row] * samples[row * SAMPLES + column];
      }
      half[frequency * SAMPLES + column] = sum;
    }
  }
  const both = new Float32Array(FREQUENCIES * FREQUENCIES);
  for (let down = 0; down < FREQUENCIES; down += 1) {
    for (let across = 0; across < FREQUENCIES; across += 1) {
      let sum = 0;
      for (let column = 0; column < SAMPLES; column += 1) {
        sum += half[down * SAMPLES + column] * COSINES[across * SAMPLES + column];
      }
      both[down * FREQUENCIES + across] = sum;
    }
  }
  return both;
}

function hexOf(frequencies) {
  // the lower of the two middle values, as the reference's median is
  const median = Float32Array.from(frequencies).sort()[frequencies.length / 2 - 1];
  let hex = "";
  for (let last = frequencies.length - 1; last > 0; last -= 4) {
    let digit = 0;
    for (let bit = 0; bit < 4; bit += 1) {
      digit = digit * 2 + (frequencies[last - bit] > median ? 1 : 0);
    }
    hex += digit.toString(16);
  }
  return hex;
}
