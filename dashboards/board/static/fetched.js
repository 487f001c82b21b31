// What a page fetches beside its stream, again and again while the server lives; withdrawn when it cannot be had.
import { onTurn } from "./frame.js";

// The reason that an answer gives for what it refuses: a sentence, or a problem document with two.
export async function refusal(answer) {
  if (!answer.headers.get("content-type")?.includes("problem+json")) return (await answer.text()).trim();
  const { title, detail } = await answer.json();
  return `${title} ${detail}`;
}

// Draws what is had of an address (a text, or a function that gives it where it changes), and calls `fail` with a reason and the
// status (0 for no answer) when it cannot be had. Answers with what asks again at once; what was asked before is then not drawn.
export function keepFetched(address, draw, fail, { everyMilliseconds = 2000, patienceMilliseconds = 5000 } = {}) {
  let askedAt = -Infinity;
  let asking = null;
  let isAskedAgain = false;

  async function fetched() {
    const answer = await fetch(typeof address === "function" ? address() : address, { signal: AbortSignal.timeout(patienceMilliseconds) });
    const told = answer.ok ? await answer.json() : await refusal(answer);
    if (isAskedAgain) return;
    if (answer.ok) draw(told);
    else fail(told, answer.status);
  }

  async function ask() {
    do {
      [askedAt, isAskedAgain] = [performance.now(), false];
      try {
        await fetched();
      } catch {
        if (!isAskedAgain) fail("Not live: the server did not answer.", 0);
      }
    } while (isAskedAgain);
    asking = null;
  }

  onTurn(() => {
    if (!asking && performance.now() - askedAt >= everyMilliseconds) asking = ask();
  });
  return () => {
    if (asking) isAskedAgain = true;
    else asking = ask();
    return asking;
  };
}
