// What is not attended yet, counting down to each promise against the server's clock; never to be shown on a wall.
import { element, list, redraw, set, write } from "./elements.js";
import { onTick } from "./frame.js";
import { clockWords, spanWords } from "./tile.js";

const titles = { dispatch: "To dispatch", travel: "To travel", arrive: "To arrive" };
const ticking = new Map();

function clockCell(place, clock, now) {
  const isOver = clock.due !== null && now > clock.due;
  set(place, "data-verdict", isOver ? "bad" : null);
  write(place, clock.due === null ? "-" : `${isOver ? "\u2717 " : ""}${clockWords(clock.due, now)}`);
}

function row(names) {
  return element("tr", { role: "row" },
    element("th", { role: "rowheader", scope: "row" }),
    ...["Opened", "Area", "Unit"].map((title) => element("td", { role: "cell", "data-title": title })),
    ...names.map((name) => element("td", { role: "cell", "data-title": titles[name], "data-clock": name, class: "value" })));
}

function fillRow(place, job, names) {
  const [id, opened, area, unit] = place.children;
  write(id, job.incident);
  write(opened, job.opened);
  write(area, job.area);
  set(area, "title", job.group);
  write(unit, job.unit);
  set(unit, "data-verdict", job.unit === "no unit" ? "odd" : null);
  names.forEach((name, index) => ticking.set(place.children[4 + index], job.clocks.find((each) => each.name === name)));
}

export function jobs(place, response, known, now) {
  const names = known.names;
  const [head, body] = [place.querySelector("thead"), place.querySelector("tbody")];
  const over = known.over ? `, \u2717 ${known.over} past a promise` : "";
  write(place.querySelector("h3"), known.name);
  set(place, "data-state", known.state);
  write(place.querySelector(".says"), known.state === "live" ? (known.count ? `${known.count} not attended yet${over}. Worst first.` : "None waits for attendance.") : known.says);
  redraw(head, names, () => [element("tr", { role: "row" }, ...["Incident", "Opened", "Area", "Unit", ...names.map((name) => titles[name])].map((title) => element("th", { role: "columnheader", scope: "col" }, title)))]);
  if (redraw(body, names, () => [])) ticking.forEach((_, cell) => cell.isConnected || ticking.delete(cell));
  place.querySelector("table").hidden = !known.jobs.length;
  list(body, known.jobs, (job) => job.incident, () => row(names), (each, job) => fillRow(each, job, names));
  redraw(place.querySelector(".more"), [known.count, known.jobs.length], () => known.count > known.jobs.length
    ? [element("a", { href: `/measure/incident_unattended_count?where=response:${response}&by=area` }, `And ${known.count - known.jobs.length} more: list all ${known.count}`)] : []);
  if (now) tick(now);
}

// Of the worst one only how it stands: no id, for a wall.
const worsts = new Map();

export function worst(place, known) {
  write(place.querySelector("h3"), `${known.name}: not attended yet`);
  set(place, "data-state", known.state);
  worsts.set(place, known);
}

function tickWorst(place, known, now) {
  const [first] = known.jobs;
  const isOver = Boolean(first) && first.due < now;
  set(place, "data-verdict", isOver ? "bad" : null);
  write(place.querySelector(".value"), known.state === "live" ? String(known.count) : "not live");
  write(place.querySelector(".beside"), known.state !== "live" ? known.says : !first ? "none waits" : isOver
    ? `\u2717 ${known.over} past a promise, the worst over by ${spanWords(now - first.due)}` : `the first has ${spanWords(first.due - now)} left`);
}

function tick(now) {
  ticking.forEach((clock, cell) => (cell.isConnected ? clockCell(cell, clock, now) : ticking.delete(cell)));
  worsts.forEach((known, place) => tickWorst(place, known, now));
}

onTick(tick);
