// The page "Pictures that are being spread": makes fingerprints of the chosen files on this device.
//
// 1. Files are chosen in a field that belongs to no form: no form can send them.
// 2. Each is hashed in a worker, one after the other, with a progress bar and a way to stop.
// 3. The hashes are written into the form's hidden field; the person sends them, nobody else does.
// Without this script, or where the browser cannot do it, the page offers to send the file instead.

import { Counting, CountingError } from "./counting.js";
import { fingerprint, wordsForProblem } from "./media.js";

const MAX_AT_ONCE = 20;

const section = document.getElementById("on-device");
const chosen = document.getElementById("chosen");
const working = document.getElementById("working");
const what = document.getElementById("what");
const bar = document.getElementById("progress");
const list = document.getElementById("made");
const field = document.getElementById("media");
const keep = document.getElementById("keep");

let current = null;

function missingInBrowser() {
  if (!window.isSecureContext || !crypto.subtle) {
    return "This page was not opened over a protected connection (https). Without it, the fingerprint is not made on this device.";
  }
  if (!window.Worker || !window.OffscreenCanvas || !window.createImageBitmap) {
    return "This browser is too old to make the fingerprint on this device.";
  }
  return null;
}

function say(name, words, isGood) {
  const line = document.createElement("li");
  const title = document.createElement("strong");
  title.textContent = name;
  line.append(title, document.createElement("br"), words);
  line.dataset.state = isGood ? "made" : "refused";
  list.append(line);
}

function offer(media) {
  field.value = JSON.stringify(media);
  keep.hidden = media.length === 0;
}

async function make(files) {
  current?.abort();
  const run = new AbortController();
  current = run;
  const counting = new Counting();
  run.signal.addEventListener("abort", () => counting.stop());
  const media = [];
  list.replaceChildren();
  offer([]);
  working.hidden = false;
  list.setAttribute("aria-busy", "true");
  for (const [number, file] of files.slice(0, MAX_AT_ONCE).entries()) {
    what.textContent = `Making the fingerprint of ${number + 1} of ${files.length}`;
    const onProgress = (share) => {
      if (current === run) bar.value = (number + share) / files.length;
    };
    onProgress(0);
    try {
      const made = await fingerprint(file, counting, { onProgress, signal: run.signal });
      if (current !== run) return;
      media.push(made.medium);
      say(file.name, made.words, true);
    } catch (error) {
      if (current !== run) return;
      say(file.name, wordsForProblem(error instanceof CountingError ? error.problem : ""), false);
    }
    if (run.signal.aborted) break;
  }
  if (files.length > MAX_AT_ONCE) {
    say("", `At most ${MAX_AT_ONCE} at once; please choose the others after these.`, false);
  }
  counting.stop();
  working.hidden = true;
  list.removeAttribute("aria-busy");
  offer(media);
}

const missing = missingInBrowser();
if (missing === null) {
  section.hidden = false;
  document.getElementById("sending").open = false;
  chosen.addEventListener("change", () => make([...chosen.files]));
  document.getElementById("stop").addEventListener("click", () => current?.abort());
  // files that were chosen before this script ran, or that the browser remembers
  if (chosen.files.length > 0) make([...chosen.files]);
} else {
  const why = document.getElementById("why-not");
  why.firstElementChild.textContent = missing;
  why.hidden = false;
}
