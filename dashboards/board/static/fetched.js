// What a page fetches beside its stream, again and again while the server lives; withdrawn when it cannot be had.
import { onTurn } from "./frame.js";

// The reason that an answer gives for what it refuses: a sentence, or a problem document with two.
export async function refusal(answer) {
  if (!answer.headers.get("content-type")?.includes("problem+json")) return (await answer.text()).trim();
  const { title, detail } = await answer.json();
  return `${title} ${detail}`;
}

// Draws what is had of an address, and calls `fail` with a reason and the status (0 for no answer) when it cannot be had.
// Answers with what asks again at once.
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
      else fail(await refusal(answer), answer.status);
    } catch {
      fail("Not live: the server did not answer.", 0);
    } finally {
      isAsking = false;
    }
  }

  onTurn(ask);
  return () => {
    askedAt = -Infinity;
    return ask();
  };
}
