// What stands and who has taken it, asked of the inbox again and again; never a word of calm that is not known to be so.
import { card, fill } from "./alert.js";
import { clockWords, ofForce, plannedWords, watchWords } from "./alertwords.js";
import { element, list, redraw, set, write } from "./elements.js";
import { keepFetched } from "./fetched.js";
import { start } from "./frame.js";
import { act, address, personWords, requestName } from "./inbox.js";
import { when } from "./when.js";

const { force } = document.getElementById("inbox").dataset;
const [endedMost, endedEveryMilliseconds, sessionEveryMilliseconds] = [100, 10000, 30000];
const place = (name) => document.getElementById(name);
const heading = document.title;
let person = null;
let standing = null;
let ended = null;
let endedSince = Infinity;

function cards(name, alerts, now) {
  list(place(name), alerts, (alert) => alert.id, () => card(again), (each, alert) => fill(each, alert, person, now));
}

// How many stand, and when that was known: apart, so that who listens to the page hears of it only when it changes.
function summaryWords(listing, alerts) {
  const open = alerts.filter((alert) => alert.state === "raised").length;
  const own = listing.watched.find((each) => each.force === force);
  const checked = `Checked ${when(listing.now, listing.now)}`;
  const others = listing.alerts.length - alerts.length;
  const left = others ? ` ${others} of other forces ${others === 1 ? "is" : "are"} not listed here.` : "";
  if (alerts.length) return [`${alerts.length} ${alerts.length === 1 ? "alert stands" : "alerts stand"}, ${open ? `${open} UNACKNOWLEDGED` : "none unacknowledged"}.`, `${checked}.${left}`];
  if (watchWords(listing, force)) return ["", ""];
  return ["No alerts stand.", `${checked}; the engine that watches was last heard at ${when(own.heard_at, listing.now)}.${left}`];
}

function summarise([count, checked]) {
  write(place("count"), count);
  write(place("checked"), checked);
}

function drawStanding(listing) {
  standing = listing;
  const alerts = ofForce(listing.alerts, force);
  const open = alerts.filter((alert) => alert.state === "raised").length;
  write(place("trouble"), watchWords(listing, force));
  summarise(summaryWords(listing, alerts));
  write(place("standing-title"), "Standing");
  set(place("standing"), "data-old", null);
  document.title = open ? `(${open}) ${heading}` : heading;
  cards("standing", alerts, listing.now);
  drawPlanned(listing);
}

// What was known last stays, and says so: an alert does not end because nobody can be asked.
function failStanding(why, status) {
  const isShut = status === 401;
  write(place("trouble"), isShut ? "SIGN IN TO SEE THE ALERTS: this force shows them to whoever is known." : `THE ALERTS CANNOT BE READ. ${why} What stands now is not known: watch the figures yourself.`);
  summarise(["", ""]);
  document.title = `(?) ${heading}`;
  if (isShut) place("standing").replaceChildren();
  else if (standing && place("standing").children.length) {
    write(place("standing-title"), `As last known at ${when(standing.now, Date.now())}`);
    set(place("standing"), "data-old", "");
  }
}

function drawPlanned(listing) {
  const works = ofForce(listing.suppressions, force);
  place("planned").hidden = !works.length;
  redraw(place("planned").querySelector("ul"), [works, person?.may_administer], () => works.map((each) => planned(each, listing.now)));
}

function planned(work, now) {
  const end = element("button", { type: "button" }, "End it now");
  const outcome = element("span", { role: "status" });
  end.addEventListener("click", async () => {
    try {
      await act(`suppressions/${work.id}/unsuppress`, {}, requestName());
      await again();
    } catch (error) {
      write(outcome, ` NOT DONE: ${error.message}`);
    }
  });
  return element("li", {}, plannedWords(work, now), person?.may_administer && end, outcome);
}

function drawEnded(listing) {
  ended = listing;
  const alerts = ofForce(listing.alerts, force).filter((alert) => new Date(alert.ended_at).getTime() >= endedSince)
    .sort((one, other) => other.ended_at.localeCompare(one.ended_at));
  const isCut = listing.alerts.length === endedMost && alerts.length === endedMost;
  write(place("ended-says"), isCut ? `The last ${endedMost}; the log has all of them.` : alerts.length ? "" : `None. Checked ${when(listing.now, listing.now)}.`);
  cards("ended", alerts, listing.now);
}

function failEnded(why) {
  write(place("ended-says"), `These cannot be read: ${why}`);
}

const askStanding = keepFetched(address(""), drawStanding, failStanding);
const askEnded = keepFetched(address(`?state=ended&limit=${endedMost}`), drawEnded, failEnded, { everyMilliseconds: endedEveryMilliseconds });
const askPerson = keepFetched(address("session"), drawPerson, () => {}, { everyMilliseconds: sessionEveryMilliseconds });

async function again() {
  await Promise.all([askPerson(), askStanding(), askEnded()]);
}

function drawPerson(known) {
  person = known;
  const way = known.login
    ? [element("button", { type: "button", id: "sign-out" }, "Sign out")]
    : known.can_sign_in ? [element("a", { href: `${address("sign-in")}?next=/alerts`, class: "sign-in" }, "Sign in")] : [];
  redraw(place("person"), [known.login, known.role, known.can_sign_in], () => [`${personWords(known)} `, ...way]);
  place("sign-out")?.addEventListener("click", signOut, { once: true });
  if (standing) drawStanding(standing);
  if (ended) drawEnded(ended);
}

async function signOut() {
  await act("sign-out", {}, requestName()).catch(() => {});
  await again();
}

start((parts) => {
  const told = parts.get("ended");
  write(place("ended-title"), told.title);
  write(place("clock"), clockWords(parts.get("frame")));
  if (told.since === endedSince) return;
  endedSince = told.since;
  if (ended) drawEnded(ended);
});
