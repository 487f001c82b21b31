// What a page fetches beside its stream, again and again while the server lives; withdrawn when it cannot be had.
import { onTurn } from "./frame.js";

export function keepFetched(address, draw, fail, { everyMilliseconds = 2000, patienceMilliseconds = 5000 } = {}) {
  let askedAt = -Infinity;
  let isAsking = false;

  async function ask() {
    const now = performance.now();
    if (isAsking || now - askedAt < everyMilliseconds) return;
    [askedAt, isAsking] = [now, true];
    try {
      const answer = await fetch(address, { signal: AbortSignal.timeout(patienceMilliseconds) });
      if (answer.ok) draw(await answer.json());
      else fail((await answer.text()).trim());
    } catch {
      fail("Not live: the server did not answer.");
    } finally {
      isAsking = false;
    }
  }

  onTurn(ask);
}
