// Follows the server's events and writes each figure into its place; nothing here computes a figure.
"use strict";

const windows = [...document.querySelectorAll("th[data-window]")].map((cell) => [cell.dataset.window, cell.textContent]);
const feedColumns = [...document.querySelectorAll(".feeds thead th")].slice(1).map((cell) => cell.textContent);
const notices = {
  waiting: "Waiting for the first figures.",
  unreachable: "NOT LIVE: the state server does not answer. The figures are withdrawn until it does.",
  unreadable: "NOT LIVE: the state cannot be read; the board's log says why. The figures are withdrawn.",
  lost: "NOT LIVE: this page has lost its server and is not being updated. The figures are withdrawn until it is back.",
};
// The server is heard every second or two; after so long without a word it is lost.
const silenceMilliseconds = 8000;
const retryMilliseconds = 3000;

const drawn = new Map();
let source;
let lastHeard = Date.now();
let lastOpened = 0;

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function show(state, notice = notices[state], word = "Not live") {
  document.body.dataset.state = state;
  document.body.classList.toggle("troubled", notice !== "");
  write(document.getElementById("notice"), notice);
  write(document.getElementById("live"), word);
}

// What a place shows is made anew only when it changes: what people select or point at stays.
function redraw(place, known, make) {
  const text = JSON.stringify(known);
  if (drawn.get(place) === text) return;
  drawn.set(place, text);
  place.replaceChildren(...make(known));
}

function figure(place, known) {
  redraw(place, known, () => {
    place.dataset.state = known.state;
    place.title = known.title;
    const parts = [element("span", known.text, { class: "value" })];
    if (known.n) parts.push(" ", element("span", known.n, { class: "n" }));
    if (known.since) parts.push(" ", element("span", known.since, { class: "since" }));
    return parts;
  });
}

function nowTile(measure) {
  const made = element("li", "", { "data-measure": measure.name });
  made.append(element("h3", measure.title, { title: measure.question }), element("p", "", { "data-window": "now" }));
  return made;
}

function row(measure) {
  const made = element("tr", "", { role: "row", "data-measure": measure.name });
  made.append(element("th", measure.title, { role: "rowheader", scope: "row", title: measure.question }));
  for (const [name, title] of windows) {
    made.append(element("td", "", { role: "cell", "data-window": name, "data-title": title }));
  }
  return made;
}

function feed(known) {
  const made = element("tr", "", { role: "row" });
  made.append(element("th", known.name, { role: "rowheader", scope: "row" }));
  const times = [known.complete_to, known.heard_at, known.last_event_at];
  made.append(...times.map((text, index) => element("td", text, { role: "cell", "data-title": feedColumns[index] })));
  return made;
}

function arrange(id, measures, make) {
  const names = measures.map((each) => [each.name, each.title]);
  redraw(document.getElementById(id), names, () => measures.map(make));
}

function fill(measure) {
  const places = document.querySelectorAll(`[data-measure="${measure.name}"] [data-window]`);
  for (const place of places) figure(place, measure.tiles[place.dataset.window]);
}

function draw(snapshot) {
  write(document.getElementById("as-of"), snapshot.as_of);
  document.getElementById("replay").hidden = !snapshot.is_replay;
  document.getElementById("simulation").hidden = !snapshot.is_simulated;
  arrange("now", snapshot.rows.filter((each) => "now" in each.tiles), nowTile);
  arrange("rows", snapshot.rows.filter((each) => !("now" in each.tiles)), row);
  snapshot.rows.forEach(fill);
  redraw(document.getElementById("feeds"), snapshot.feeds, (feeds) => feeds.map(feed));
  redraw(document.getElementById("uncarried"), snapshot.uncarried, (titles) => titles.map((title) => element("li", title)));
  const isAnyLive = snapshot.rows.some((each) => Object.values(each.tiles).some((tile) => tile.state === "live"));
  const word = isAnyLive ? "Not all live" : "Not live";
  show("live", snapshot.troubles.join(" "), snapshot.troubles.length ? word : "Live");
}

function open() {
  if (source) source.close();
  lastOpened = Date.now();
  source = new EventSource("/events");
  const hear = (name, act) => source.addEventListener(name, (event) => {
    lastHeard = Date.now();
    act(event);
  });
  hear("snapshot", (event) => draw(JSON.parse(event.data)));
  hear("waiting", () => show("waiting"));
  hear("unreachable", () => show("unreachable"));
  hear("unreadable", () => show("unreadable"));
  hear("alive", () => {});
  source.onerror = () => show("lost");
}

// A connection can fall silent without an error, and a browser gives some errors up for good: then it is opened anew.
function watch() {
  const now = Date.now();
  lastHeard = Math.min(lastHeard, now);
  lastOpened = Math.min(lastOpened, now);
  const isSilent = now - lastHeard > silenceMilliseconds;
  if (isSilent) show("lost");
  const patience = source.readyState === EventSource.CLOSED ? retryMilliseconds : silenceMilliseconds;
  if ((isSilent || source.readyState === EventSource.CLOSED) && now - lastOpened > patience) open();
}

open();
setInterval(watch, 1000);
