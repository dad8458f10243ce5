// PDQ's low-pass filter as a stream: rows of luminance in, 64 × 64 samples out.
//
// The specification blurs the whole picture twice with a box along rows and a box along columns
// and then takes 64 × 64 of its points. Here each row runs through the same four boxes as it
// arrives, and the last box is computed at the 64 sampled columns only. The result is that of the
// whole picture; the memory is that of a few dozen rows, however large the picture is.

export const SAMPLES = 64;

/** Where the sampled rows or columns lie: the centres of 64 equal parts of `length`. */
function sampledPlaces(length) {
  return Int32Array.from({ length: SAMPLES }, (_, at) =>
    Math.floor(((at + 0.5) * length) / SAMPLES),
  );
}

/** Half of a 64th of `length`, rounded up: two passes make a filter of a whole 64th. */
function windowOf(length) {
  return Math.floor((length + 2 * SAMPLES - 1) / (2 * SAMPLES));
}

/** How many values after a place its window still covers. */
function aheadOf(window) {
  return Math.floor((window + 2) / 2) - 1;
}

/** The mean of the window about each value of a row; at the ends only of what is there. */
function boxAlongRow(row, blurred, window) {
  const length = row.length;
  const ahead = aheadOf(window);
  const behind = window - 1 - ahead;
  let sum = 0;
  for (let at = 0; at < ahead; at += 1) sum += row[at];
  let at = 0;
  for (; at <= behind; at += 1) {
    sum += row[at + ahead];
    blurred[at] = sum / (at + ahead + 1);
  }
  const share = 1 / window;
  for (; at + ahead < length; at += 1) {
    sum += row[at + ahead] - row[at - behind - 1];
    blurred[at] = sum * share;
  }
  for (; at < length; at += 1) {
    sum -= row[at - behind - 1];
    blurred[at] = sum / (length - at + behind);
  }
}

/** The same along columns, for rows that come one after the other and are told on with a delay. */
class BoxAlongColumns {
  constructor(columns, rows, window, next) {
    this.rows = rows;
    this.window = window;
    this.ahead = aheadOf(window);
    this.behind = window - 1 - this.ahead;
    this.kept = Array.from({ length: window }, () => new Float32Array(columns));
    this.sums = new Float64Array(columns);
    this.blurred = new Float32Array(columns);
    this.next = next;
    this.came = 0;
    this.told = 0;
  }

  add(row) {
    const { sums, kept, window, came } = this;
    const oldest = kept[came % window];
    if (came < window) {
      for (let at = 0; at < sums.length; at += 1) sums[at] += row[at];
    } else {
      for (let at = 0; at < sums.length; at += 1) sums[at] += row[at] - oldest[at];
    }
    oldest.set(row);
    this.came += 1;
    if (this.came > this.ahead) this.tell();
    if (this.came === this.rows) this.finish();
  }

  tell() {
    const first = Math.max(0, this.told - this.behind);
    const last = Math.min(this.rows - 1, this.told + this.ahead);
    const share = 1 / (last - first + 1);
    for (let at = 0; at < this.sums.length; at += 1) this.blurred[at] = this.sums[at] * share;
    this.told += 1;
    this.next(this.blurred);
  }

  finish() {
    while (this.told < this.rows) {
      const left = this.told - this.behind - 1;
      if (left >= 0) {
        const row = this.kept[left % this.window];
        for (let at = 0; at < this.sums.length; at += 1) this.sums[at] -= row[at];
      }
      this.tell();
    }
  }
}

/** Takes `height` rows of `width` values; then `samples` is the 64 × 64 picture, row by row. */
export class JaroszSampler {
  constructor(width, height) {
    this.samples = new Float32Array(SAMPLES * SAMPLES);
    this.width = width;
    this.alongRow = windowOf(width);
    this.blurredRow = new Float32Array(width);
    const columns = sampledPlaces(width);
    const sampledRow = new Float32Array(SAMPLES);
    const rows = sampledPlaces(height);
    let row = 0;
    let sample = 0;
    const alongColumn = windowOf(height);
    const second = new BoxAlongColumns(SAMPLES, height, alongColumn, (blurred) => {
      // a picture of fewer than 64 rows gives some of them more than once
      for (; sample < SAMPLES && rows[sample] === row; sample += 1) {
        this.samples.set(blurred, sample * SAMPLES);
      }
      row += 1;
    });
    const blurredAgain = new Float32Array(width);
    this.first = new BoxAlongColumns(width, height, alongColumn, (blurred) => {
      boxAlongRow(blurred, blurredAgain, this.alongRow);
      for (let at = 0; at < SAMPLES; at += 1) sampledRow[at] = blurredAgain[columns[at]];
      second.add(sampledRow);
    });
  }

  add(row) {
    boxAlongRow(row, this.blurredRow, this.alongRow);
    this.first.add(this.blurredRow);
  }
}
