// A custody clock in words: the time left with its nearest warning, or the time overdue.
import { leftWords, spanWords } from "./tile.js";

const stateWords = { postponed: "postponed: hold it as soon as practicable", paused: "paused", none: "-" };
const warnings = [10, 30, 60];

// The words, and the verdict: `bad`, `odd` or null. While a clock is paused, the time overdue does not grow.
export function deadlineWords(clock, now) {
  if (clock.state !== "due") return { text: stateWords[clock.state], verdict: null };
  const at = Math.min(now, clock.paused_since ?? Infinity);
  const left = clock.due - at;
  if (left < 0) {
    const paused = clock.paused_since === null || clock.paused_since === undefined ? "" : " (paused)";
    return { text: `\u2717 OVERDUE by ${spanWords(-left)}${paused}, due ${clock.at}`, verdict: "bad" };
  }
  const within = warnings.find((minutes) => left < minutes * 60000);
  return { text: `${within ? `under ${within} min: ` : ""}${leftWords(clock.due, at)}, due ${clock.at}`, verdict: within === 10 ? "bad" : within ? "odd" : null };
}
