// An alert in words: how loud it is, how it stands, its figure, and what happened to it.
import { spanWords } from "./tile.js";
import { when } from "./when.js";

export const severities = { critical: "Critical", warning: "Warning", info: "For information" };

export function titleWords(alert) {
  return `${severities[alert.severity] ?? alert.severity}${alert.is_child ? ", about a child" : ""}: ${alert.title}`;
}

// What it stands apart for beside the force: "feed custody".
export function scopeWords(scope) {
  return Object.entries(scope).filter(([name]) => name !== "force").map(([name, word]) => `${name} ${word}`).join(", ");
}

// With a full stop, unless one ends it already, be it within quotation marks.
function sentence(text) {
  return /\."?$/.test(text) ? text : `${text}.`;
}

function noted(note) {
  return note ? `: "${note}"` : "";
}

function takenWords(alert, now) {
  const { acknowledged: taken, owner } = alert;
  if (!taken) return owner ? `Assigned to ${owner}, not acknowledged.` : "UNACKNOWLEDGED: nobody has taken it.";
  const handed = owner && owner !== taken.by ? ` Assigned to ${owner}.` : "";
  return `${sentence(`Acknowledged by ${taken.by} at ${when(taken.at, now)}${noted(taken.note)}`)}${handed}`;
}

// Every sentence on how an alert stands, the most pressing first.
export function stateWords(alert, now) {
  if (alert.state === "ended") return [`Ended at ${when(alert.ended_at, now)}, having stood for ${spanWords(alert.age_seconds * 1000)}.`];
  return [
    alert.suppressed_until && `Suppressed until ${when(alert.suppressed_until, now)} by ${alert.suppressed_by}: nobody is told.`,
    takenWords(alert, now),
    alert.reraised_at && `Re-raised at the shift changeover, ${when(alert.reraised_at, now)}.`,
    ...alert.escalated.map((step) => `Escalated to ${step.tell} at ${when(step.at, now)}: ${sentence(step.why)}`),
    alert.failing && `${alert.failing} ${alert.failing === 1 ? "notification has" : "notifications have"} not been delivered yet.`,
  ].filter(Boolean);
}

// Those of a force, and those of no force: the monitor's own.
export function ofForce(known, force) {
  return known.filter((each) => !each.scope.force || each.scope.force === force);
}

const units = { count: "a count", ratio: "a share", seconds: "a time" };

// The figure with its unit and what it is taken from; without a live one the alert stands on, and that is said.
export function figureWords(figure) {
  if (!figure) return "not known: its rule is no longer in the table";
  if (figure.value === null) return "no live figure: the alert stands until there is one that is good";
  const about = [units[figure.unit], figure.n !== null && `n ${figure.n.toLocaleString("en-GB")}`].filter(Boolean).join(", ");
  const isOver = figure.is_bad === false ? ", not bad now: it ends by itself once that has lasted" : "";
  return `${figure.words}${about ? ` (${about})` : ""}${isOver}`;
}

const told = {
  Raised: (entry, at) => `Raised: ${entry.title}; bad since ${at(entry.began)}`,
  Ended: (entry, at) => `Ended, good again at ${at(entry.ended)}`,
  Acknowledged: (entry) => `Acknowledged${noted(entry.note)}`,
  Assigned: (entry) => `Assigned to ${entry.to}`,
  Noted: (entry) => `Note${noted(entry.note)}`,
  Escalated: (entry) => `Escalated to ${entry.tell}: ${entry.why}`,
  Reraised: (entry, at) => `Re-raised: the shift changed at ${at(entry.changeover)}`,
  Delivered: (entry) => `Told to ${entry.receiver} (attempt ${entry.attempt})`,
  Failed: (entry) => `${entry.receiver} could not be told (attempt ${entry.attempt}): ${entry.reason}`,
};

// One entry of the log: when, who, what.
export function entryWords(entry, now) {
  const at = (instant) => when(instant, now);
  return { at: at(entry.at), by: entry.by, what: sentence((told[entry.entry] ?? (() => entry.entry))(entry, at)) };
}

// One work that is planned.
export function plannedWords(work, now) {
  const scope = scopeWords(work.scope);
  return `${work.rule.replaceAll("_", " ")}${scope ? `, ${scope}` : ""}: ${sentence(`suppressed by ${work.by} until ${when(work.until, now)}${noted(work.note)}`)} Nobody is told meanwhile. `;
}

// What must be known of the times of alerts while recorded facts are played; else nothing.
export function clockWords(frame) {
  return frame.is_replay ? "Times of alerts are by the clock on the wall; the facts that are played have a time of their own." : "";
}

// Why an empty list would say nothing; empty when somebody watches, and the inbox can add to the list.
export function watchWords(listing, force) {
  const refused = listing.refused && `THIS LIST MAY LACK NEW ALERTS. ${listing.refused}. Until this is over the inbox keeps them, and sends them all the same.`;
  return [refused, unwatchedWords(listing, force)].filter(Boolean).join(" ");
}

function unwatchedWords(listing, force) {
  const own = listing.watched.find((each) => each.force === force);
  if (own?.is_watched) return "";
  const since = own?.heard_at ? `The last word was at ${when(own.heard_at, listing.now)}.` : "There has been no word yet.";
  return `NOT WATCHED: no engine says that data come in. ${since} What goes wrong now may raise no alert: watch the figures yourself, and tell whoever looks after this system.`;
}
