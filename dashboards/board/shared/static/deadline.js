// A custody clock in words: the time left with its nearest warning, or the time overdue.
import { leftWords, spanWords } from "./tile.js";

const warnings = [10, 30, 60];

function pausedWords(clock) {
  return ["paused", clock.left && `${clock.left} left`, clock.postponed].filter(Boolean).join(", ");
}

function overdueWords(clock, left) {
  const paused = clock.paused_since === null || clock.paused_since === undefined ? "" : " (paused)";
  return `\u2717 OVERDUE by ${spanWords(-left)}${paused}, due ${clock.at}`;
}

// The words, and the verdict: `bad`, `odd` or null. While a clock is paused, the time overdue does not grow.
export function deadlineWords(clock, now) {
  if (clock.state === "none") return { text: "-", verdict: null };
  if (clock.state === "paused") return { text: pausedWords(clock), verdict: null };
  const at = Math.min(now, clock.paused_since ?? Infinity);
  const left = clock.due - at;
  if (clock.state === "postponed" && left >= 0) {
    return { text: `${clock.postponed}: hold it as soon as practicable; the next is due ${clock.at}`, verdict: "odd" };
  }
  const ahead = clock.postponed ? `; ${clock.postponed}` : "";
  if (left < 0) return { text: `${overdueWords(clock, left)}${ahead}`, verdict: "bad" };
  const within = warnings.find((minutes) => left < minutes * 60000);
  const text = `${within ? `under ${within} min: ` : ""}${leftWords(clock.due, at)}, due ${clock.at}${ahead}`;
  return { text, verdict: within === 10 ? "bad" : within ? "odd" : null };
}
