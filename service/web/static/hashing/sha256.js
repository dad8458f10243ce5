// SHA-256 of a file. Up to 64 MiB by the browser's own WebCrypto, which wants the whole file in
// memory at once; of a larger one (a long video on a phone) piece by piece, as FIPS 180-4 says.

const WHOLE_AT_MOST_BYTES = 64 * 1024 * 1024;
const PIECE_BYTES = 4 * 1024 * 1024;
const BLOCK_BYTES = 64;

/** 64 hexadecimal digits; `onProgress` is called with 0 to 1. */
export async function sha256Of(file, onProgress = () => {}) {
  if (file.size <= WHOLE_AT_MOST_BYTES) {
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    onProgress(1);
    return hexOf(new Uint8Array(digest));
  }
  return sha256InPieces(file, onProgress);
}

/** The same for a file of any size, with the memory of one piece. */
export async function sha256InPieces(file, onProgress = () => {}) {
  const state = new Sha256();
  for (let start = 0; start < file.size; start += PIECE_BYTES) {
    const piece = await file.slice(start, start + PIECE_BYTES).arrayBuffer();
    state.add(new Uint8Array(piece));
    onProgress(Math.min(1, (start + PIECE_BYTES) / file.size));
  }
  return hexOf(state.digest());
}

function hexOf(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The first 32 bits of the fraction of a root (FIPS 180-4, 4.2.2 and 5.3.3). */
function fractionBits(root) {
  return Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
}

function firstPrimes(count) {
  const primes = [];
  for (let number = 2; primes.length < count; number += 1) {
    if (primes.every((prime) => number % prime !== 0)) primes.push(number);
  }
  return primes;
}

const ROUND_CONSTANTS = Int32Array.from(firstPrimes(64), (prime) => fractionBits(Math.cbrt(prime)));

function turned(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}

class Sha256 {
  constructor() {
    this.hash = Int32Array.from(firstPrimes(8), (prime) => fractionBits(Math.sqrt(prime)));
    this.words = new Int32Array(64);
    this.block = new Uint8Array(BLOCK_BYTES);
    this.blockView = new DataView(this.block.buffer);
    this.filled = 0;
    this.lengthBytes = 0;
  }

  add(bytes) {
    this.lengthBytes += bytes.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let from = 0;
    while (from < bytes.length) {
      if (this.filled === 0 && from + BLOCK_BYTES <= bytes.length) {
        this.compress(view, from);
        from += BLOCK_BYTES;
        continue;
      }
      const taken = Math.min(BLOCK_BYTES - this.filled, bytes.length - from);
      this.block.set(bytes.subarray(from, from + taken), this.filled);
      this.filled += taken;
      from += taken;
      if (this.filled === BLOCK_BYTES) {
        this.compress(this.blockView, 0);
        this.filled = 0;
      }
    }
  }

  digest() {
    const lengthBits = BigInt(this.lengthBytes) * 8n;
    const zeros = (2 * BLOCK_BYTES - 9 - this.filled) % BLOCK_BYTES;
    const end = new Uint8Array(1 + zeros + 8);
    end[0] = 0x80;
    new DataView(end.buffer).setBigUint64(1 + zeros, lengthBits);
    this.add(end);
    const digest = new DataView(new ArrayBuffer(32));
    this.hash.forEach((word, at) => digest.setInt32(4 * at, word));
    return new Uint8Array(digest.buffer);
  }

  compress(view, from) {
    const { words, hash } = this;
    for (let at = 0; at < 16; at += 1) words[at] = view.getInt32(from + 4 * at);
    for (let at = 16; at < 64; at += 1) {
      const early = words[at - 15];
      const late = words[at - 2];
      const small0 = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
      const small1 = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
      words[at] = (words[at - 16] + small0 + words[at - 7] + small1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let at = 0; at < 64; at += 1) {
      const big1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
      const choice = (e & f) ^ (~e & g);
      const one = (h + big1 + choice + ROUND_CONSTANTS[at] + words[at]) | 0;
      const big0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + big0 + majority) | 0;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
    hash[5] += f;
    hash[6] += g;
    hash[7] += h;
  }
}
