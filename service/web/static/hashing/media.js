// From a chosen file to its fingerprint, {kind, sha256, frames: [{pdq, quality}], parts, turned},
// and words.
//
// A picture has up to two frames: itself, and itself shrunk as crawled media are before they are
// hashed; and parts that are found again in crops, frames and collages. A video has its sampled
// frames, shrunk. Frames with too little detail are left out; with none left only exact copies are
// recognised.

import { CountingError } from "./counting.js";
import { MIN_QUALITY } from "./pdq.js";
import { NotAVideoError, eachFrame } from "./video.js";

const SHARE_OF_SHA256 = 0.2;

/** Fingerprint of one file. Fails with `CountingError`. */
export async function fingerprint(file, counting, { onProgress, signal }) {
  if (file.size === 0) throw new CountingError("empty");
  const sha256 = await counting.ask(
    { what: "sha256", file },
    { onProgress: (share) => onProgress(share * SHARE_OF_SHA256) },
  );
  const onRest = (share) => onProgress(SHARE_OF_SHA256 + share * (1 - SHARE_OF_SHA256));
  const seen = await framesOf(file, counting, onRest, signal);
  const good = seen.frames.filter(({ quality }) => quality >= MIN_QUALITY);
  return {
    medium: {
      kind: seen.kind,
      sha256,
      frames: distinct(good),
      parts: seen.parts ?? [],
      turned: seen.turned ?? [],
    },
    words: wordsFor(seen, good),
  };
}

async function framesOf(file, counting, onProgress, signal) {
  if (file.type.startsWith("video/")) return videoFrames(file, counting, onProgress, signal);
  try {
    const asked = { what: "picture", file };
    const { full, small, parts, turned } = await counting.ask(asked, { onProgress });
    return { kind: "picture", frames: [full, small], parts, turned };
  } catch (error) {
    if (!(error instanceof CountingError) || error.problem !== "not-a-picture") throw error;
    if (file.type.startsWith("image/")) return { kind: "picture", frames: [], unreadable: true };
    // without a known ending a file may still be a video
    const seen = await videoFrames(file, counting, onProgress, signal);
    if (seen.unreadable) throw new CountingError("not-a-picture");
    return seen;
  }
}

async function videoFrames(file, counting, onProgress, signal) {
  const frames = [];
  try {
    const count = async (bitmap, share) => {
      const { small } = await counting.ask({ what: "frame", bitmap }, { transfer: [bitmap] });
      frames.push(small);
      onProgress(share);
    };
    await eachFrame(file, count, signal);
  } catch (error) {
    if (signal.aborted) throw new CountingError("stopped");
    if (!(error instanceof NotAVideoError)) throw error;
    // what was seen before a broken place is worth keeping
    return { kind: "video", frames, unreadable: frames.length === 0 };
  }
  return { kind: "video", frames };
}

function distinct(frames) {
  return [...new Map(frames.map((frame) => [frame.pdq, frame])).values()];
}

function wordsFor({ kind, frames, parts, unreadable }, good) {
  if (unreadable) {
    return `This browser cannot open it as a ${kind}. Only exact copies of the file will be recognised.`;
  }
  if (good.length === 0) {
    const quality = Math.max(...frames.map((frame) => frame.quality));
    return (
      `There is too little detail in this ${kind} to recognise it once it was changed ` +
      `(${quality} of 100; ${MIN_QUALITY} are needed). Only exact copies of the file will be recognised.`
    );
  }
  if (kind === "picture") {
    const cropped = parts.length > 1 ? ", and many that are cropped, framed or in a collage" : "";
    return `Ready: copies will be recognised, also smaller or saved anew${cropped}.`;
  }
  const moments = good.length === 1 ? "one moment" : `${good.length} moments`;
  return `Ready: copies, parts and stills of the video will be recognised, by ${moments} of it.`;
}

/** A `CountingError`'s problem in words. */
export function wordsForProblem(problem) {
  return PROBLEMS[problem] ?? PROBLEMS.failed;
}

const PROBLEMS = {
  empty: "This file is empty.",
  stopped: "Stopped.",
  "not-a-picture": "This is not a picture or video that this browser can open.",
  "pixels-hidden":
    "Your browser hides the pixels of pictures from pages, as a protection. The fingerprint cannot be made here.",
  failed:
    "The fingerprint could not be made. The file may be too large for this device, or damaged.",
};
