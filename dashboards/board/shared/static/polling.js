// Data that a page fetches again and again while the server responds, apart from its stream; hidden when they cannot be read.
import { onHeartbeat } from "./frame.js";

// The reason in an error response: a sentence, or a problem document with two.
export async function errorWords(response) {
  if (!response.headers.get("content-type")?.includes("problem+json")) return (await response.text()).trim();
  const { title, detail } = await response.json();
  return `${title} ${detail}`;
}

// Fetches an address (a text, or a function that returns it if it changes) and calls `draw` with the data, or `fail` with a
// reason and the status (0 for no response). Returns a function that fetches again at once; an older response is then ignored.
export function poll(address, draw, fail, { everyMilliseconds = 2000, timeoutMilliseconds = 5000 } = {}) {
  let startedAt = -Infinity;
  let running = null;
  let isOutdated = false;

  async function fetchOnce() {
    const response = await fetch(typeof address === "function" ? address() : address, { signal: AbortSignal.timeout(timeoutMilliseconds) });
    const content = response.ok ? await response.json() : await errorWords(response);
    if (isOutdated) return;
    if (response.ok) draw(content);
    else fail(content, response.status);
  }

  async function run() {
    do {
      [startedAt, isOutdated] = [performance.now(), false];
      try {
        await fetchOnce();
      } catch {
        if (!isOutdated) fail("Not live: the server did not answer.", 0);
      }
    } while (isOutdated);
    running = null;
  }

  onHeartbeat(() => {
    if (!running && performance.now() - startedAt >= everyMilliseconds) running = run();
  });
  return () => {
    if (running) isOutdated = true;
    else running = run();
    return running;
  };
}
