// Unattended incidents, counting down to each target by the server's clock. The wall displays only their number and the first deadline.
import { element, list, redraw, set, write } from "./elements.js";
import { onTick } from "./frame.js";
import { sortAgain, sortable } from "./sortable.js";
import { clockWords, spanWords } from "./tile.js";
import { root } from "./root.js";

const titles = { dispatch: "To dispatch", travel: "To travel", arrive: "To arrive" };
const ticking = new Map();
const ageing = new Map();

function clockCell(place, clock, now) {
  const isOver = clock.due !== null && now > clock.due;
  set(place, "data-verdict", isOver ? "bad" : null);
  set(place, "data-value", clock.due); // the deadline orders them, whatever the words
  write(place, clock.due === null ? "-" : `${isOver ? "\u2717 " : ""}${clockWords(clock.due, now)}`);
}

function row(names) {
  return element("tr", { role: "row" },
    element("th", { role: "rowheader", scope: "row" }),
    ...["Opened, open for", "Area", "Unit"].map((title) => element("td", { role: "cell", "data-title": title })),
    ...names.map((name) => element("td", { role: "cell", "data-title": titles[name], "data-clock": name, class: "value" })));
}

function fillRow(place, incident, names) {
  const [id, opened, area, unit] = place.children;
  write(id, incident.incident);
  ageing.set(opened, incident);
  set(opened, "data-value", -incident.since);
  write(area, incident.area);
  set(area, "title", incident.group);
  write(unit, incident.unit);
  set(unit, "data-verdict", incident.unit === "no unit" ? "odd" : null);
  names.forEach((name, index) => ticking.set(place.children[4 + index], incident.clocks.find((each) => each.name === name)));
}

export function unattended(place, response, data, now) {
  const names = data.names;
  const [head, body] = [place.querySelector("thead"), place.querySelector("tbody")];
  const over = data.over ? `, \u2717 ${data.over} past a target` : "";
  write(place.querySelector("h3"), data.name);
  set(place, "data-state", data.state);
  write(place.querySelector(".says"), data.state === "live" ? (data.count ? `${data.count} not attended yet${over}.` : "All incidents attended.") : data.says);
  const isNew = redraw(head, names, () => [element("tr", { role: "row" }, ...["Incident", "Opened, open for", "Area", "Unit", ...names.map((name) => titles[name])].map((title) => element("th", { role: "columnheader", scope: "col" }, title)))]);
  if (isNew) sortable(place.querySelector("table"));
  if (redraw(body, names, () => [])) ticking.forEach((_, cell) => cell.isConnected || ticking.delete(cell));
  place.querySelector("table").hidden = !data.incidents.length;
  list(body, data.incidents, (incident) => incident.incident, () => row(names), (each, incident) => fillRow(each, incident, names));
  if (now) tick(now);
  sortAgain(place.querySelector("table"));
  redraw(place.querySelector(".more"), [data.count, data.incidents.length], () => data.count > data.incidents.length
    ? [element("a", { href: `${root}/measure/incident_unattended_count?where=response:${response}&by=area` }, `The ${data.incidents.length} most urgent; list all ${data.count}`)] : []);
}

// For the wall: the number of incidents and the most urgent deadline, without an id.
const mostUrgentPlaces = new Map();

export function mostUrgent(place, data) {
  write(place.querySelector("h3"), `${data.name}: not attended yet`);
  set(place, "data-state", data.state);
  mostUrgentPlaces.set(place, data);
}

function tickMostUrgent(place, data, now) {
  const [first] = data.incidents;
  const isOver = Boolean(first) && first.due < now;
  set(place, "data-verdict", isOver ? "bad" : null);
  write(place.querySelector(".value"), data.state === "live" ? String(data.count) : "not live");
  write(place.querySelector(".detail"), data.state !== "live" ? data.says : !first ? "all attended" : isOver
    ? `\u2717 ${data.over} past a target, the longest by ${spanWords(now - first.due)}` : `next deadline in ${spanWords(first.due - now)}`);
}

function tick(now) {
  ticking.forEach((clock, cell) => (cell.isConnected ? clockCell(cell, clock, now) : ticking.delete(cell)));
  ageing.forEach(({ opened, since }, cell) => (cell.isConnected ? write(cell, `${opened}, ${spanWords(now - since)}`) : ageing.delete(cell)));
  mostUrgentPlaces.forEach((data, place) => tickMostUrgent(place, data, now));
}

onTick(tick);
