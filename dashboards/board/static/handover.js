// One sheet for whoever takes over: how everything stands at one moment, which it names; nothing on it that is not known.
import { clockWords, figureWords, ofForce, scopeWords, stateWords, titleWords, watchWords } from "./alertwords.js";
import { deadlineWords } from "./deadline.js";
import { element, list, redraw, set, write } from "./elements.js";
import { keepFetched } from "./fetched.js";
import { start } from "./frame.js";
import { when } from "./when.js";

const { place: inbox, force, shift } = document.getElementById("inbox").dataset;
const place = (name) => document.getElementById(name);
const everyMilliseconds = 10000;

function columnsOf(body) {
  return [...body.closest("table").querySelectorAll("thead th")].map((cell) => cell.textContent);
}

// Rows of texts; a cell may be a list, and each row may say how it stands.
function rows(name, known) {
  const body = place(name);
  const [, ...titles] = columnsOf(body);
  body.closest("table").hidden = !known.length;
  list(body, known, ({ key }) => key, () => element("tr", { role: "row" }), (row, { cells, verdicts = [] }) => redraw(row, [cells, verdicts], () => [
    element("th", { role: "rowheader", scope: "row" }, ...lines(cells[0])),
    ...titles.map((title, index) => element("td", { role: "cell", "data-title": title, "data-verdict": verdicts[index + 1] }, ...lines(cells[index + 1]))),
  ]));
}

function lines(text) {
  return Array.isArray(text) ? text.map((each) => element("p", {}, each)) : [text];
}

function drawFeeds(feeds) {
  const silent = feeds.filter((feed) => feed.trouble);
  write(place("feeds-say"), silent.length
    ? `\u2717 ${silent.length} of ${feeds.length} feeds ARE NOT LIVE, and figures from them are not of now: ${silent.map((feed) => feed.trouble).join(" ")}`
    : `\u2713 All ${feeds.length} feeds are live: ${feeds.map((feed) => feed.name.replaceAll("_", " ")).join(", ")}.`);
  set(place("feeds-say"), "data-verdict", silent.length ? "bad" : null);
}

function drawBreaches({ breaches, none_of: none }) {
  const unknown = breaches.filter((each) => !each.is_live).length;
  const stand = breaches.length - unknown;
  write(place("breaches-say"), `${stand || "No"} ${stand === 1 ? "breach stands" : "breaches stand"}${unknown ? `; of ${unknown} more IT IS NOT KNOWN` : ""}; ${none} other kinds are watched, and none of them stands.`);
  rows("breaches", breaches.map((each) => ({
    key: each.name, cells: [each.title, each.text, [...each.subjects, each.left && `and ${each.left} more`].filter(Boolean)], verdicts: [null, "bad"],
  })));
}

function drawCustody({ custody, detentions, left, now }) {
  write(place("custody-says"), `${custody.says}${left ? ` The first ${detentions.length} are listed, ${left} more are on the page of custody.` : ""}`);
  set(place("custody-says"), "data-verdict", custody.state === "live" ? null : "bad");
  rows("detentions", detentions.map((each) => {
    const [review, detention] = [deadlineWords(each.review, now), deadlineWords(each.detention, now)];
    const stands = [each.stands, custody.mark].filter(Boolean).join("; ") || "-";
    return {
      key: each.detainee, cells: [each.detainee, each.suite, each.child ? "CHILD" : "Adult", review.text, detention.text, stands],
      verdicts: [null, null, each.child ? "odd" : null, review.verdict, detention.verdict, custody.mark ? "bad" : null],
    };
  }));
}

function drawCompared(known) {
  write(place("compared-says"), known.says);
  redraw(place("compared"), [known.columns, known.rows], () => (known.columns.length ? [element("table", { class: "counts" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Measure"), ...known.columns.map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...known.rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row.title),
      ...row.cells.map((cell) => element("td", {}, element("span", { class: "figure" }, cell.text), cell.n && element("span", { class: "n" }, ` ${cell.n}`)))))))] : []));
}

function draw(known) {
  write(place("trouble"), "");
  place("inbox").classList.remove("withdrawn");
  write(place("shift"), known.shift);
  write(place("made-at"), known.made_at);
  drawFeeds(known.feeds);
  drawBreaches(known);
  drawCustody(known);
  drawCompared(known.comparison);
}

// A sheet of an earlier moment must not be taken for one of now.
function fail(why) {
  place("inbox").classList.add("withdrawn");
  write(place("trouble"), `THE HANDOVER CANNOT BE MADE NOW: ${why}`);
}

function drawAlerts(listing) {
  const alerts = ofForce(listing.alerts, force);
  const trouble = watchWords(listing, force);
  const order = (alert) => (alert.state === "raised" ? 0 : 1);
  const open = alerts.filter((alert) => alert.state === "raised").length;
  write(place("alerts-trouble"), trouble);
  const checked = `Checked ${when(listing.now, listing.now)}.`;
  write(place("alerts-say"), alerts.length ? `${open} unacknowledged, ${alerts.length - open} taken or suppressed. ${checked}` : trouble ? "" : `No alerts stand. ${checked}`);
  rows("alerts", [...alerts].sort((one, other) => order(one) - order(other)).map((alert) => ({
    key: alert.id,
    cells: [[titleWords(alert), scopeWords(alert.scope)].filter(Boolean), briefly(alert, listing.now), when(alert.since, listing.now), `${figureWords(alert.figure)}${alert.figure ? `; bad ${alert.figure.limit_words}` : ""}`, alert.what_to_do],
    verdicts: [null, alert.state === "raised" ? "bad" : null],
  })));
}

// How it stands, with the ladder in one sentence: its history is on the page of alerts.
function briefly(alert, now) {
  const told = [...new Set(alert.escalated.map((step) => step.tell))];
  return [...stateWords({ ...alert, escalated: [] }, now), told.length ? `Escalated to ${told.join(", ")}.` : ""].filter(Boolean);
}

function failAlerts(why, status) {
  write(place("alerts-trouble"), status === 401 ? "SIGN IN ON THE PAGE OF ALERTS TO HAVE THEM ON THIS SHEET." : `THE ALERTS CANNOT BE READ, and what stands is not known: ${why}`);
  write(place("alerts-say"), "");
  rows("alerts", []);
}

keepFetched(`/api/handover?shift=${shift}`, draw, fail, { everyMilliseconds });
keepFetched(`${inbox}/`, drawAlerts, failAlerts);
place("print").addEventListener("click", () => print());
start((parts) => write(place("clock"), clockWords(parts.get("frame"))));
