// The worker that does the counting, so that the page stays usable.
//
// Asked {id, what: "sha256", file}, {id, what: "picture", file} or {id, what: "frame", bitmap}, it
// tells {id, progress} now and then and answers {id, answer} or {id, problem}. The content
// policy allows it no fetch and no socket.

import { NotAPictureError, PixelsHiddenError, hashBitmap, hashPicture } from "./pixels.js";
import { sha256Of } from "./sha256.js";

const WORK = {
  sha256: ({ file }, onProgress) => sha256Of(file, onProgress),
  picture: ({ file }, onProgress) => hashPicture(file, onProgress),
  frame: ({ bitmap }) => {
    try {
      return hashBitmap(bitmap);
    } finally {
      bitmap.close();
    }
  },
};

function problemOf(error) {
  if (error instanceof NotAPictureError) return "not-a-picture";
  if (error instanceof PixelsHiddenError) return "pixels-hidden";
  return "failed";
}

self.addEventListener("message", async ({ data }) => {
  const { id, what } = data;
  try {
    const answer = await WORK[what](data, (progress) => self.postMessage({ id, progress }));
    self.postMessage({ id, answer });
  } catch (error) {
    self.postMessage({ id, problem: problemOf(error) });
  }
});
