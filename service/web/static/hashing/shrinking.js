// Area-averaged shrinking of a picture as a stream: rows in, the rows of a smaller picture out.
//
// Crawled media are hashed after being shrunk to at most 512 pixels a side, each side by itself.
// PDQ of the full picture is up to a dozen bits away from that, so both are made here.

/** The longest side that crawled media are hashed at. */
export const SMALL_SIDE_PX = 512;

/** For each place in `to`: the first place in `from`, and the share of each place it covers. */
function shares(from, to) {
  const step = from / to;
  return Array.from({ length: to }, (_, at) => {
    const [start, end] = [at * step, (at + 1) * step];
    const first = Math.floor(start + 1e-9);
    const last = Math.min(from - 1, Math.ceil(end - 1e-9) - 1);
    const weights = [];
    for (let place = first; place <= last; place += 1) {
      weights.push((Math.min(end, place + 1) - Math.max(start, place)) / step);
    }
    return { first, weights };
  });
}

export class Shrinker {
  constructor(width, height, onRow) {
    this.width = Math.min(width, SMALL_SIDE_PX);
    this.height = Math.min(height, SMALL_SIDE_PX);
    this.across = shares(width, this.width);
    this.down = shares(height, this.height);
    this.narrow = new Float32Array(this.width);
    this.sums = new Float32Array(this.width);
    this.onRow = onRow;
    this.came = 0;
    this.made = 0;
  }

  add(row) {
    this.narrowDown(row);
    // a row may lie on the border between two rows of the smaller picture
    while (this.made < this.height) {
      const { first, weights } = this.down[this.made];
      const weight = weights[this.came - first];
      if (weight === undefined) break;
      for (let at = 0; at < this.width; at += 1) this.sums[at] += this.narrow[at] * weight;
      if (this.came - first + 1 < weights.length) break;
      this.onRow(this.sums);
      this.sums.fill(0);
      this.made += 1;
    }
    this.came += 1;
  }

  narrowDown(row) {
    for (let at = 0; at < this.width; at += 1) {
      const { first, weights } = this.across[at];
      let sum = 0;
      for (let place = 0; place < weights.length; place += 1) {
        sum += row[first + place] * weights[place];
      }
      this.narrow[at] = sum;
    }
  }
}
