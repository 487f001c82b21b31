// Follows the server's events and writes each figure into its cell; nothing here computes a figure.
"use strict";

const windows = [...document.querySelectorAll("th[data-window]")].map((cell) => cell.dataset.window);
const notices = {
  waiting: "Waiting for the first figures.",
  unreachable: "NOT LIVE: the state server does not answer. The figures below are withdrawn.",
  lost: "NOT LIVE: the connection to the board's server is lost. The figures below are withdrawn.",
};
const silence = 30000;
let lastHeard = Date.now();

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function show(state) {
  document.body.dataset.state = state;
  document.getElementById("notice").textContent = notices[state] || "";
}

function tile(known) {
  if (!known) return element("td", "");
  const cell = element("td", "", { "data-state": known.state, title: known.title });
  cell.append(element("span", known.text, { class: "value" }));
  if (known.n) cell.append(" ", element("span", known.n, { class: "n" }));
  return cell;
}

function row(measure) {
  const made = document.createElement("tr");
  made.dataset.measure = measure.name;
  made.append(element("th", measure.title, { scope: "row", title: measure.question }));
  made.append(...windows.map((name) => tile(measure.tiles[name])));
  return made;
}

function feed(known) {
  const made = document.createElement("tr");
  made.append(element("th", known.name, { scope: "row" }));
  made.append(...[known.complete_to, known.heard_at, known.last_event_at].map((text) => element("td", text)));
  return made;
}

function draw(snapshot) {
  document.getElementById("as-of").textContent = snapshot.as_of;
  document.getElementById("replay").hidden = !snapshot.is_replay;
  document.getElementById("rows").replaceChildren(...snapshot.rows.map(row));
  document.getElementById("feeds").replaceChildren(...snapshot.feeds.map(feed));
  document.getElementById("uncarried").replaceChildren(...snapshot.uncarried.map((title) => element("li", title)));
  show("live");
}

const source = new EventSource("/events");
source.addEventListener("snapshot", (event) => {
  lastHeard = Date.now();
  draw(JSON.parse(event.data));
});
source.addEventListener("unreachable", () => {
  lastHeard = Date.now();
  show("unreachable");
});
source.addEventListener("alive", () => {
  lastHeard = Date.now();
});
source.onerror = () => show("lost");
setInterval(() => {
  if (document.body.dataset.state === "live" && Date.now() - lastHeard > silence) show("lost");
}, 1000);
