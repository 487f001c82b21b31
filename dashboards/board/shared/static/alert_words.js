// An alert in words: its severity, status, figure and history.
import { spanWords } from "./tile.js";
import { timeWords } from "./time_words.js";

export const severities = { critical: "Critical", warning: "Warning", info: "Information" };

export function titleWords(alert) {
  return `${severities[alert.severity] ?? alert.severity}${alert.is_child ? " (child)" : ""}: ${alert.title}`;
}

// Its scope without the force, such as "feed custody". The system is left out if there is a feed.
export function scopeWords(scope) {
  return Object.entries(scope).filter(([name]) => name !== "force" && !(name === "system" && scope.feed)).map(([name, word]) => `${name} ${word}`).join(", ");
}

// Puts alerts of one rule about several detainees together, at the place of the first, which says how many there are.
export function grouped(alerts) {
  const ofRule = alerts.reduce((found, each) => found.set(groupOf(each), [...(found.get(groupOf(each)) ?? []), each]), new Map());
  return [...ofRule.values()].flatMap((group) => group.map((each, place) => (place || group.length === 1 ? each : { ...each, group: `${group.length} detainees: ${each.title}` })));
}

function groupOf(alert) {
  return alert.scope.detainee ? `${alert.rule} ${alert.scope.force}` : alert.id;
}

// One situation, one card: active alerts of one situation (such as one incident, and eight or more) are the steps of the most severe of
// them, which comes first in the list.
export function stepped(alerts) {
  const cards = new Map();
  for (const alert of alerts) {
    const card = cards.get(alert.situation);
    if (card) card.steps.push(alert);
    else cards.set(alert.situation, { ...alert, steps: [] });
  }
  return [...cards.values()];
}

// Resolved alerts as situations, the last to end first: steps that followed each other are one card. A step that was followed by one that is
// still active is left out, because its situation is not over.
export function episodes(ended, active) {
  const cards = [];
  const latest = new Map(active.map((alert) => [alert.situation, { began: alert.since }]));
  for (const alert of [...ended].sort((one, other) => other.ended_at.localeCompare(one.ended_at))) {
    const after = latest.get(alert.situation);
    if (after && alert.ended_at >= after.began) {
      after.card?.steps.push(alert);
      after.began = alert.since < after.began ? alert.since : after.began;
      continue;
    }
    const card = { ...alert, steps: [] };
    latest.set(alert.situation, { began: alert.since, card });
    cards.push(card);
  }
  return cards;
}

// A card and its steps that nobody has acknowledged.
export function unacknowledged(card) {
  return [card, ...(card.steps ?? [])].filter((each) => !each.acknowledged);
}

// A step below the most severe, in words.
export function stepWords(step, now) {
  const [status] = stateWords(step, now);
  return `${sentence(`${titleWords(step)}, since ${timeWords(step.since, now)}`)} ${status}`;
}

// With a full stop, unless it ends with one already, which may be inside quotation marks.
function sentence(text) {
  return /\."?$/.test(text) ? text : `${text}.`;
}

function noteWords(note) {
  return note ? `: "${note}"` : "";
}

function acknowledgedWords(alert, now) {
  const { acknowledged, owner } = alert;
  if (!acknowledged) return owner ? `Assigned to ${owner}, not acknowledged.` : "UNACKNOWLEDGED.";
  const assigned = owner && owner !== acknowledged.by ? ` Assigned to ${owner}.` : "";
  return `${sentence(`Acknowledged by ${acknowledged.by} at ${timeWords(acknowledged.at, now)}${noteWords(acknowledged.note)}`)}${assigned}`;
}

// The status of an alert in sentences, the most important first.
export function stateWords(alert, now) {
  if (alert.state === "ended") return [`Resolved at ${timeWords(alert.ended_at, now)} after ${spanWords(alert.age_seconds * 1000)}.`];
  return [
    alert.suppressed_until && `Planned work until ${timeWords(alert.suppressed_until, now)}, set by ${alert.suppressed_by}: no notifications are sent.`,
    acknowledgedWords(alert, now),
    alert.rose && `Rose from ${numberWords(alert.rose.before)} to ${numberWords(alert.rose.figure)} at ${timeWords(alert.rose.at, now)}.`,
    alert.reraised_at && `Raised again at the shift change, ${timeWords(alert.reraised_at, now)}.`,
    ...alert.escalated.map((step) => `Escalated to ${step.notify} at ${timeWords(step.at, now)}: ${sentence(step.why)}`),
    alert.failing && `${alert.failing} ${alert.failing === 1 ? "notification has" : "notifications have"} not been delivered yet.`,
  ].filter(Boolean);
}

// The alerts of a force, and those without a force, which are about the monitor itself.
export function alertsOf(alerts, force) {
  return alerts.filter((each) => !each.scope.force || each.scope.force === force);
}

const units = { ratio: "share", seconds: "time" };

// The figure with its unit and n. Without a live figure the alert stays active, and the words say so.
export function figureWords(figure) {
  if (!figure) return "not known: the rule no longer exists";
  if (figure.is_forecast) return figure.words;
  if (figure.value === null) return "no live figure: the alert stays active until there is a good one";
  const about = [units[figure.unit], figure.n !== null && `n ${figure.n.toLocaleString("en-GB")}`].filter(Boolean).join(", ");
  const recovery = figure.is_bad === false ? ", within the threshold now: the alert will resolve if this lasts" : "";
  return `${figure.words}${about ? ` (${about})` : ""}${recovery}`;
}

function numberWords(value) {
  return value.toLocaleString("en-GB");
}

const entryTexts = {
  Raised: (entry, at) => `Raised: ${entry.title}, since ${at(entry.began)}`,
  Ended: (entry, at) => `Resolved: good again since ${at(entry.ended)}`,
  Acknowledged: (entry) => `Acknowledged${noteWords(entry.note)}`,
  Assigned: (entry) => `Assigned to ${entry.to}`,
  Noted: (entry) => `Note${noteWords(entry.note)}`,
  Escalated: (entry) => `Escalated to ${entry.notify}: ${entry.why}`,
  Reraised: (entry, at) => `Raised again: the shift changed at ${at(entry.changeover)}`,
  Rose: (entry) => `The figure rose from ${numberWords(entry.before)} to ${numberWords(entry.figure)}: people were notified again`,
  Measured: (entry) => `The figure was ${numberWords(entry.figure)}: later rises are measured from it`,
  Delivered: (entry) => `Notification delivered to ${entry.receiver} (attempt ${entry.attempt})`,
  Failed: (entry) => `Notification to ${entry.receiver} failed (attempt ${entry.attempt}): ${entry.reason}`,
};

// One entry of the log: its time, person and action.
export function entryWords(entry, now) {
  const at = (time) => timeWords(time, now);
  return { at: at(entry.at), by: entry.by, what: sentence((entryTexts[entry.entry] ?? (() => entry.entry))(entry, at)) };
}

// One period of planned work.
export function plannedWords(work, now) {
  const scope = scopeWords(work.scope);
  return `${work.rule.replaceAll("_", " ")}${scope ? `, ${scope}` : ""}: ${sentence(`planned work until ${timeWords(work.until, now)}, set by ${work.by}${noteWords(work.note)}`)} No notifications are sent until then. `;
}

// During a replay, which clock the alert times use; otherwise nothing.
export function clockWords(frame) {
  return frame.is_replay ? "Alert times are real time. The replayed facts have their own time." : "";
}

// Why alerts may be missing; empty if the alert engine is running and the inbox can add to the list.
export function monitoringWords(listing, force) {
  const refused = listing.refused && `NEW ALERTS MAY BE MISSING FROM THIS LIST. ${listing.refused}. The inbox keeps them until this is fixed, and still sends notifications.`;
  return [refused, notMonitoredWords(listing, force)].filter(Boolean).join(" ");
}

function notMonitoredWords(listing, force) {
  const own = listing.monitored.find((each) => each.force === force);
  if (own?.is_monitored) return "";
  const since = own?.heartbeat_at ? `Last heartbeat: ${timeWords(own.heartbeat_at, listing.now)}.` : "No heartbeat has been received yet.";
  return `NOT MONITORED: no alert engine reports that data are arriving. ${since} Problems may raise no alert: watch the figures yourself, and contact the people who run this system.`;
}
