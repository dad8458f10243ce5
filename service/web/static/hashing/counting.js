// The page's side of the worker: a question at a time, an answer or a `CountingError` each.

/** What could not be done; `problem` is a word of `media.js`. */
export class CountingError extends Error {
  constructor(problem) {
    super(problem);
    this.problem = problem;
  }
}

export class Counting {
  constructor() {
    this.asked = new Map();
    this.next = 0;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.hear(data));
    // a worker that does not start, or dies for want of memory, answers nobody
    this.worker.addEventListener("error", () => this.stop("failed"));
  }

  ask(question, { transfer = [], onProgress = () => {} } = {}) {
    if (this.worker === null) return Promise.reject(new CountingError("failed"));
    const id = this.next;
    this.next += 1;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ id, ...question }, transfer);
    });
  }

  hear({ id, progress, answer, problem }) {
    const waiting = this.asked.get(id);
    if (waiting === undefined) return;
    if (progress !== undefined) {
      waiting.onProgress(progress);
      return;
    }
    this.asked.delete(id);
    if (problem === undefined) waiting.resolve(answer);
    else waiting.reject(new CountingError(problem));
  }

  /** End the worker; every open question fails with `problem`. */
  stop(problem = "stopped") {
    this.worker?.terminate();
    this.worker = null;
    for (const { reject } of this.asked.values()) reject(new CountingError(problem));
    this.asked.clear();
  }
}
