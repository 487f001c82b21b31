// What every page does: follows its stream, says whether its figures are live, and keeps the server's clock.
import { element, redraw, set, write } from "./elements.js";
import { oneStop } from "./one_stop.js";
import { follow } from "./stream.js";

const notices = {
  waiting: "Waiting for the first figures.",
  unreadable: "NOT LIVE: the figures cannot be read and are hidden. See the board's log for the cause.",
  lost: "NOT LIVE: this page has lost its connection to the server. Figures are hidden until it reconnects.",
};
const zone = document.body.dataset.zone;
const clockFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone: zone, weekday: "short", day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const onTicks = [];
const onHeartbeats = [];
let moment = null; // the force's present as last received, and the browser's steady clock at that time
let runs = false;

// The force's present in milliseconds; null while it is unknown. In a replay it only changes when the server reports it.
export function now() {
  return moment && moment.now + (runs ? performance.now() - moment.at : 0);
}

// Calls back every second while figures are displayed, and at each change.
export function onTick(act) {
  onTicks.push(act);
}

// Calls back each time the server reports.
export function onHeartbeat(act) {
  onHeartbeats.push(act);
}

export function start(draw = () => {}) {
  const onState = (name, what) => {
    moment = null;
    showHistory("");
    show(name, what ? `NOT LIVE. ${what} Figures are hidden until this is fixed.` : notices[name], "Not live");
  };
  const onParts = (parts, changed, present) => {
    setPresent(present);
    const frame = parts.get("frame");
    runs = !frame.is_replay && !frame.is_loading;
    document.getElementById("replay").hidden = !frame.is_replay;
    document.getElementById("simulation").hidden = !frame.is_simulated;
    showHistory(frame.history);
    drawStrip(parts.get("strip"));
    draw(parts, changed);
    show("live", [...frame.troubles, frame.clock].filter(Boolean).join("\n"), frame.live);
    tick();
    onHeartbeats.forEach((act) => act());
  };
  follow(document.body.dataset.page, {
    onParts,
    onState,
    onAlive: (present) => {
      setPresent(present);
      onHeartbeats.forEach((act) => act());
    },
  });
  const strip = document.getElementById("strip");
  oneStop(strip, [...strip.querySelectorAll("a")]);
  setInterval(tick, 1000);
  showPage(document.querySelector("header nav ul"));
}

// On a phone, the navigation is wider than the screen, so it is scrolled until the name of this page is visible.
function showPage(bar) {
  const current = bar?.querySelector("[aria-current]");
  if (current) bar.scrollLeft = current.offsetLeft + current.offsetWidth / 2 - bar.clientWidth / 2;
}

const words = { normal: "Normal", watch: "Watch", act: "Act", unknown: "Unknown" };

// Without items, nothing is known.
function drawStrip(items) {
  const found = new Map(items.map((item) => [item.name, item]));
  for (const place of document.querySelectorAll("#strip [data-area]")) {
    const { word, figure, label, lasting } = found.get(place.dataset.area) ?? { word: "unknown", figure: "", label: "", lasting: "" };
    set(place, "data-word", word);
    write(place.querySelector(".word"), words[word]);
    write(place.querySelector(".figure"), figure);
    write(place.querySelector(".label"), unbroken(label));
    write(place.querySelector(".lasting"), unbroken(lasting));
  }
  drawAlertCount(found.get("alerts"));
}

// The number of active alerts, and in a mark the number that nobody has acknowledged. The strip below has the words.
function drawAlertCount(alerts) {
  const place = document.getElementById("alert-count");
  if (!place) return;
  const words = alerts?.figure ? `${alerts.figure} ${alerts.label.split(";")[0]}` : "";
  const unacknowledged = Number(/\d+/.exec(alerts?.label));
  set(place, "title", words || null);
  const isFirst = words && !place.firstChild;
  redraw(place, words, () => words ? [
    element("span", { class: "away" }, words), element("span", { "aria-hidden": "true" }, alerts.figure),
    unacknowledged > 0 && element("span", { class: "mark", "aria-hidden": "true" }, String(unacknowledged)),
  ].filter(Boolean) : []);
  if (isFirst) showPage(place.closest("ul")); // the line has become longer
}

// A number stays on the same line as its unit.
function unbroken(words) {
  return words.replace(/(\d) (?=(?:s|min|h|days?)\b)/g, "$1\u00A0");
}

function showHistory(words) {
  document.getElementById("history").hidden = !words;
  write(document.getElementById("history"), words);
}

function setPresent(present) {
  moment = { now: present, at: performance.now() };
}

function tick() {
  write(document.getElementById("as-of"), moment ? clockFormat.format(now()) : "");
  if (moment) onTicks.forEach((act) => act(now()));
}

function show(state, notice, word) {
  document.body.dataset.state = state;
  document.body.classList.toggle("troubled", notice !== "");
  write(document.getElementById("notice"), notice);
  write(document.getElementById("live"), word);
  if (state === "live") return;
  write(document.getElementById("as-of"), "");
  drawStrip([]);
}
