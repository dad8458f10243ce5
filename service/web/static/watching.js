// How a run goes, renewed while somebody looks: nothing is asked while the page is hidden, less
// often while nothing changes or the server is busy, and nothing more once the run has ended.
// Without this script the page loads itself anew. Only a part of this very page is asked for.

const FIRST_MS = 3000;
const SLOWEST_MS = 30000;
const SAID_EVERY_MS = 30000;

const place = document.getElementById("progress");
const said = document.getElementById("said");
let wait = FIRST_MS;
let timer = 0;
let saidAt = Date.now();

function later() {
  window.clearTimeout(timer);
  if (document.visibilityState === "visible") timer = window.setTimeout(look, wait);
}

async function look() {
  try {
    const answer = await fetch(place.dataset.source, { redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    wait = SLOWEST_MS;
    later();
  }
}

function show(renewed) {
  const state = renewed.querySelector("[data-state]").dataset.state;
  if (state !== "queued" && state !== "running") {
    // the whole page says how it ended
    window.location.reload();
    return;
  }
  const changed = renewed.body.textContent.trim() !== place.textContent.trim();
  wait = changed ? FIRST_MS : Math.min(wait * 2, SLOWEST_MS);
  if (changed) place.replaceChildren(...renewed.body.childNodes);
  const label = place.querySelector("label");
  if (changed && label && Date.now() - saidAt > SAID_EVERY_MS) {
    said.textContent = label.textContent;
    saidAt = Date.now();
  }
  later();
}

document.addEventListener("visibilitychange", () => {
  wait = FIRST_MS;
  later();
});

later();
