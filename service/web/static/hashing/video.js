// Frames of a video through the browser's own decoder: one a second, of long videos fewer.
//
// The video is played by nobody: a <video> element outside the page seeks from place to place, and
// each frame is handed on as a bitmap. `blob:` addresses never leave the browser.

/** The browser cannot open the file as a video. */
export class NotAVideoError extends Error {}

export const MAX_FRAMES = 300;
const MIN_FRAMES = 5;
const STEP_S = 1;
const PATIENCE_MS = 20_000;
// where a recorder wrote no length, browsers find the end by looking for it
const BEYOND_ANY_END_S = 1e7;

/** Calls `onFrame(bitmap, at)` for each frame in turn; `at` is 0 to 1. */
export async function eachFrame(file, onFrame, signal) {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.preload = "auto";
  const address = URL.createObjectURL(file);
  try {
    video.src = address;
    await happens(video, "loadeddata", signal);
    if (!video.videoWidth) throw new NotAVideoError("there is no picture in it");
    const places = await placesIn(video, signal);
    for (const [number, place] of places.entries()) {
      await seek(video, place, signal);
      await onFrame(await createImageBitmap(video), (number + 1) / places.length);
    }
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  }
}

async function placesIn(video, signal) {
  if (!Number.isFinite(video.duration)) await seek(video, BEYOND_ANY_END_S, signal);
  const lengthS = Number.isFinite(video.duration) ? video.duration : video.currentTime;
  const count = Math.min(MAX_FRAMES, Math.max(MIN_FRAMES, Math.ceil(lengthS / STEP_S)));
  const stepS = lengthS >= MIN_FRAMES && count < MAX_FRAMES ? STEP_S : lengthS / count;
  return Array.from({ length: count }, (_, number) => number * stepS);
}

async function seek(video, place, signal) {
  if (video.currentTime === place && !video.seeking) return;
  const arrived = happens(video, "seeked", signal);
  video.currentTime = place;
  await arrived;
}

/** Wait for an event of the video; fails on its error, on `signal`, and when nothing happens. */
function happens(video, name, signal) {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const settle = (action) => {
      clearTimeout(timer);
      done.abort();
      action();
    };
    const fail = () => settle(() => reject(new NotAVideoError(video.error?.message ?? name)));
    const timer = setTimeout(fail, PATIENCE_MS);
    const options = { signal: done.signal };
    video.addEventListener(name, () => settle(resolve), options);
    video.addEventListener("error", fail, options);
    signal.addEventListener("abort", fail, options);
    if (signal.aborted) fail();
  });
}
