// Active and resolved alerts, fetched from the inbox repeatedly. "No active alerts" is displayed only when it is known to be true.
import { card, fill } from "./alert.js";
import { clockWords, alertsOf, episodes, grouped, plannedWords, monitoringWords, stepped } from "./alert_words.js";
import { element, list, redraw, set, write } from "./elements.js";
import { shorten } from "./first_rows.js";
import { poll } from "./polling.js";
import { start } from "./frame.js";
import { root } from "./root.js";
import { act, address, personWords, requestName } from "./inbox.js";
import { timeWords } from "./time_words.js";
import { drawUnrecorded } from "./unrecorded.js";

const { force } = document.getElementById("inbox").dataset;
const [endedMost, endedEveryMilliseconds, sessionEveryMilliseconds] = [100, 10000, 30000];
const place = (name) => document.getElementById(name);
const heading = document.title;
let person = null;
let active = null;
let ended = null;
let endedSince = Infinity;
let unrecorded = null;
let waiting = {};

function cards(name, alerts, now) {
  list(place(name), alerts, (alert) => alert.id, () => card(reload), (each, alert) => fill(each, alert, person, now));
}

// The number of active alerts, and the time of the check: in separate elements, so that a screen reader reads the number only when it changes.
function summaryWords(listing, alerts) {
  const unacknowledged = alerts.filter((alert) => alert.state === "raised").length;
  const own = listing.monitored.find((each) => each.force === force);
  const checked = `Checked ${timeWords(listing.now, listing.now)}`;
  const others = listing.alerts.length - alerts.length;
  const shown = stepped(alerts).length;
  const onCards = shown < alerts.length ? ` on ${shown} ${shown === 1 ? "card" : "cards"}` : "";
  const elsewhere = others ? ` ${others} ${others === 1 ? "alert" : "alerts"} of other forces not listed here.` : "";
  if (alerts.length) return [`${alerts.length} active ${alerts.length === 1 ? "alert" : "alerts"}${onCards}, ${unacknowledged ? `${unacknowledged} UNACKNOWLEDGED` : "all acknowledged"}.`, `${checked}.${elsewhere}`];
  if (monitoringWords(listing, force)) return ["", ""];
  return ["No active alerts.", `${checked}. Last heartbeat of the alert engine: ${timeWords(own.heartbeat_at, listing.now)}.${elsewhere}`];
}

function summarise([count, checked]) {
  write(place("count"), count);
  write(place("checked"), checked);
}

function drawActive(listing) {
  active = listing;
  const alerts = alertsOf(listing.alerts, force);
  const unacknowledged = alerts.filter((alert) => alert.state === "raised").length;
  write(place("trouble"), monitoringWords(listing, force));
  summarise(summaryWords(listing, alerts));
  write(place("active-title"), "Active alerts");
  set(place("active"), "data-old", null);
  document.title = unacknowledged ? `(${unacknowledged}) ${heading}` : heading;
  cards("active", grouped(stepped(alerts)).map((alert) => ({ ...alert, waiting: waiting[alert.measure] })), listing.now);
  drawPlanned(listing);
}

// The last known alerts stay on the page, marked as such: an alert does not end because the inbox does not answer.
function failActive(why, status) {
  const needsSignIn = status === 401;
  write(place("trouble"), needsSignIn ? "SIGN IN TO SEE ALERTS. This force requires everyone to sign in." : `ALERTS CANNOT BE READ. ${why} It is not known which alerts are active: watch the figures yourself.`);
  summarise(["", ""]);
  document.title = `(?) ${heading}`;
  if (needsSignIn) place("active").replaceChildren();
  else if (active && place("active").children.length) {
    write(place("active-title"), `Active alerts as last known at ${timeWords(active.now, Date.now())}`);
    set(place("active"), "data-old", "");
  }
}

function drawPlanned(listing) {
  const works = alertsOf(listing.suppressions, force);
  place("planned").hidden = !works.length;
  redraw(place("planned").querySelector("ul"), [works, person?.may_administer], () => works.map((each) => planned(each, listing.now)));
}

function planned(work, now) {
  const end = element("button", { type: "button" }, "End now");
  const outcome = element("span", { role: "status" });
  end.addEventListener("click", async () => {
    try {
      await act(`suppressions/${work.id}/unsuppress`, {}, requestName());
      await reload();
    } catch (error) {
      write(outcome, ` NOT DONE: ${error.message}`);
    }
  });
  return element("li", {}, plannedWords(work, now), person?.may_administer && end, outcome);
}

function drawEnded(listing) {
  ended = listing;
  const alerts = alertsOf(listing.alerts, force).filter((alert) => new Date(alert.ended_at).getTime() >= endedSince);
  const resolved = episodes(alerts, active?.alerts ?? []);
  const isCut = listing.alerts.length === endedMost && alerts.length === endedMost;
  write(place("ended-says"), isCut ? `The last ${endedMost} alerts. The log has all of them.` : resolved.length ? "" : `None. Checked ${timeWords(listing.now, listing.now)}.`);
  cards("ended", resolved, listing.now);
  shorten(place("ended"));
}

function failEnded(why) {
  write(place("ended-says"), `Resolved alerts cannot be read: ${why}`);
}

const readActive = poll(address(""), drawActive, failActive);
const readEnded = poll(address(`?state=ended&limit=${endedMost}`), drawEnded, failEnded, { everyMilliseconds: endedEveryMilliseconds });
const readPerson = poll(address("session"), drawPerson, () => {}, { everyMilliseconds: sessionEveryMilliseconds });

async function reload() {
  await Promise.all([readPerson(), readActive(), readEnded()]);
}

function drawPerson(session) {
  person = session;
  const signInOrOut = session.login
    ? [element("button", { type: "button", id: "sign-out" }, "Sign out")]
    : session.can_sign_in ? [element("a", { href: `${address("sign-in")}?next=${root}/alerts`, class: "sign-in" }, "Sign in")] : [];
  redraw(place("person"), [session.login, session.role, session.can_sign_in], () => [`${personWords(session)} `, ...signInOrOut]);
  place("sign-out")?.addEventListener("click", signOut, { once: true });
  if (active) drawActive(active);
  if (ended) drawEnded(ended);
  if (unrecorded) drawUnrecorded(unrecorded, person, force);
}

async function signOut() {
  await act("sign-out", {}, requestName()).catch(() => {});
  await reload();
}

start((parts) => {
  const resolved = parts.get("ended");
  write(place("ended-title"), resolved.title);
  write(place("clock"), clockWords(parts.get("frame")));
  unrecorded = parts.get("unrecorded");
  drawUnrecorded(unrecorded, person, force);
  waiting = parts.get("waiting");
  if (active) drawActive(active);
  if (resolved.since === endedSince) return;
  endedSince = resolved.since;
  if (ended) drawEnded(ended);
});
