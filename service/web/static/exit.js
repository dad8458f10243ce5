// Leaving at once: one tap on the exit link, or Escape (or Shift) three times within two seconds.
// The page is covered before anything is asked of the network, and it is replaced in the tab's
// own history, so that "back" does not lead to it. Without this script the link works as a link.

const PRESSES = 3;
const WITHIN_MS = 2000;

let presses = [];
let lastKey = "";

function cover() {
  document.title = "New tab";
  document.documentElement.classList.add("left");
}

function leave() {
  cover();
  window.location.replace("/exit");
}

document.getElementById("exit")?.addEventListener("click", (event) => {
  event.preventDefault();
  leave();
});

document.addEventListener("keydown", (event) => {
  if (event.repeat || (event.key !== "Escape" && event.key !== "Shift")) {
    if (!event.repeat) presses = [];
    return;
  }
  const now = Date.now();
  if (event.key !== lastKey) presses = [];
  lastKey = event.key;
  presses = presses.filter((at) => now - at < WITHIN_MS);
  presses.push(now);
  if (presses.length >= PRESSES) leave();
});

// a page that comes back from the browser's memory after leaving stays covered and goes away
window.addEventListener("pageshow", (event) => {
  if (event.persisted && document.documentElement.classList.contains("left")) leave();
});
