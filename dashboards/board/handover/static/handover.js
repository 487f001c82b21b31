// The handover sheet: everything as of one moment, which it names; it displays nothing that is unknown.
import { alertsOf, clockWords, figureWords, monitoringWords, scopeWords, stateWords, stepped, stepWords, titleWords } from "./alert_words.js";
import { deadlineWords } from "./deadline.js";
import { element, list, redraw, set, write } from "./elements.js";
import { poll } from "./polling.js";
import { start } from "./frame.js";
import { timeWords } from "./time_words.js";
import { root } from "./root.js";

const { place: inbox, force, shift } = document.getElementById("inbox").dataset;
const place = (name) => document.getElementById(name);
const everyMilliseconds = 10000;

function columnsOf(body) {
  return [...body.closest("table").querySelectorAll("thead th")].map((cell) => cell.textContent);
}

// Rows of texts; a cell may be a list, and each row may have verdicts.
function rows(name, data) {
  const body = place(name);
  const [, ...titles] = columnsOf(body);
  body.closest("table").hidden = !data.length;
  list(body, data, ({ key }) => key, () => element("tr", { role: "row" }), (row, { cells, verdicts = [] }) => redraw(row, [cells, verdicts], () => [
    element("th", { role: "rowheader", scope: "row" }, ...lines(cells[0])),
    ...titles.map((title, index) => element("td", { role: "cell", "data-title": title, "data-verdict": verdicts[index + 1] }, ...lines(cells[index + 1]))),
  ]));
}

function lines(text) {
  return Array.isArray(text) ? text.map((each) => element("p", {}, each)) : [text];
}

function drawFeeds(feeds) {
  const silent = feeds.filter((feed) => feed.trouble);
  write(place("feeds-summary"), silent.length
    ? `\u2717 ${silent.length} of ${feeds.length} feeds are NOT LIVE, so their figures are out of date: ${silent.map((feed) => feed.trouble).join(" ")}`
    : `\u2713 All ${feeds.length} feeds are live: ${feeds.map((feed) => feed.name.replaceAll("_", " ")).join(", ")}.`);
  set(place("feeds-summary"), "data-verdict", silent.length ? "bad" : null);
}

function drawBreaches({ breaches, at_zero: atZero }) {
  const unknown = breaches.filter((each) => !each.is_live).length;
  const open = breaches.length - unknown;
  write(place("breaches-summary"), `${open || "No"} open ${open === 1 ? "breach" : "breaches"}.${unknown ? ` ${unknown} NOT KNOWN.` : ""} ${atZero} other breach ${atZero === 1 ? "measure is" : "measures are"} at 0.`);
  rows("breaches", breaches.map((each) => ({
    key: each.name, cells: [each.title, each.text, [...each.subjects, each.left && `and ${each.left} more`].filter(Boolean)], verdicts: [null, "bad"],
  })));
}

function drawCustody({ custody, detentions, left, now }) {
  write(place("custody-says"), `${custody.says}${left ? ` The first ${detentions.length} are listed; ${left} more are on the Custody page.` : ""}`);
  set(place("custody-says"), "data-verdict", custody.state === "live" ? null : "bad");
  rows("detentions", detentions.map((each) => {
    const [review, detention] = [deadlineWords(each.review, now), deadlineWords(each.detention, now)];
    const status = [each.status, custody.mark].filter(Boolean).join("; ");
    return {
      key: each.detainee, cells: [each.detainee, each.suite, each.child ? "CHILD" : each.age, review.text, detention.text, status],
      verdicts: [null, null, each.child ? "odd" : null, review.verdict, detention.verdict, custody.mark ? "bad" : null],
    };
  }));
}

function drawCompared(data) {
  write(place("compared-says"), data.says);
  redraw(place("compared"), [data.columns, data.rows], () => (data.columns.length ? [element("table", { class: "counts" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Measure"), ...data.columns.map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...data.rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row.title),
      ...row.cells.map((cell) => element("td", {}, element("span", { class: "figure" }, cell.text), cell.n && element("span", { class: "n" }, ` ${cell.n}`)))))))] : []));
}

function draw(data) {
  write(place("trouble"), "");
  place("inbox").classList.remove("hidden");
  write(place("shift"), data.shift);
  write(place("made-at"), data.made_at);
  drawFeeds(data.feeds);
  drawBreaches(data);
  drawCustody(data);
  drawCompared(data.comparison);
}

// An old sheet must not be mistaken for a current one.
function fail(why) {
  place("inbox").classList.add("hidden");
  write(place("trouble"), `THE HANDOVER SHEET IS NOT AVAILABLE. ${why}`);
}

function drawAlerts(listing) {
  const alerts = alertsOf(listing.alerts, force);
  const trouble = monitoringWords(listing, force);
  const isRaised = (card) => [card, ...card.steps].some((each) => each.state === "raised");
  const unacknowledged = alerts.filter((alert) => alert.state === "raised").length;
  const cards = stepped(alerts);
  const onCards = cards.length < alerts.length ? ` They are about ${cards.length} ${cards.length === 1 ? "situation" : "situations"}.` : "";
  write(place("alerts-trouble"), trouble);
  const checked = `Checked ${timeWords(listing.now, listing.now)}.`;
  write(place("alerts-summary"), alerts.length ? `${unacknowledged} unacknowledged, ${alerts.length - unacknowledged} acknowledged or in planned work.${onCards} ${checked}` : trouble ? "" : `No active alerts. ${checked}`);
  rows("alerts", cards.sort((one, other) => isRaised(other) - isRaised(one)).map((card) => ({
    key: card.id,
    cells: [
      [titleWords(card), scopeWords(card.scope)].filter(Boolean),
      [...briefly(card, listing.now), ...card.steps.map((step) => `Also: ${stepWords(step, listing.now)}`)],
      timeWords(card.since, listing.now),
      `${figureWords(card.figure)}${card.figure ? `; threshold: ${card.figure.limit_words}` : ""}`,
      card.what_to_do,
    ],
    verdicts: [null, isRaised(card) ? "bad" : null],
  })));
}

// Its status, with all escalations in one sentence: the Alerts page has the history.
function briefly(alert, now) {
  const posts = [...new Set(alert.escalated.map((step) => step.notify))];
  return [...stateWords({ ...alert, escalated: [] }, now), posts.length ? `Escalated to ${posts.join(", ")}.` : ""].filter(Boolean);
}

function failAlerts(why, status) {
  write(place("alerts-trouble"), status === 401 ? "SIGN IN ON THE ALERTS PAGE TO SEE ALERTS ON THIS SHEET." : `ALERTS CANNOT BE READ. It is not known which alerts are active. ${why}`);
  write(place("alerts-summary"), "");
  rows("alerts", []);
}

poll(`${root}/api/handover?shift=${shift}`, draw, fail, { everyMilliseconds });
poll(`${inbox}/`, drawAlerts, failAlerts);
place("print").addEventListener("click", () => print());
start((parts) => write(place("clock"), clockWords(parts.get("frame"))));
