// The words of a custody clock: how much is left, with the least warning that has been reached, or by how much it is over.
import { leftWords, spanWords } from "./tile.js";

const stood = { postponed: "postponed: hold it as soon as practicable", paused: "paused", none: "-" };
const warnings = [10, 30, 60];

// The words, and how they stand: `bad`, `odd`, or null for nothing to be said. A clock that stood still while it was overdue
// does not go further over.
export function deadlineWords(clock, now) {
  if (clock.state !== "due") return { text: stood[clock.state], verdict: null };
  const at = Math.min(now, clock.stood ?? Infinity);
  const left = clock.due - at;
  if (left < 0) {
    const paused = clock.stood === null || clock.stood === undefined ? "" : ", and paused since";
    return { text: `\u2717 OVERDUE by ${spanWords(-left)}${paused}, due ${clock.at}`, verdict: "bad" };
  }
  const within = warnings.find((minutes) => left < minutes * 60000);
  return { text: `${within ? `under ${within} min: ` : ""}${leftWords(clock.due, at)}, due ${clock.at}`, verdict: within === 10 ? "bad" : within ? "odd" : null };
}
