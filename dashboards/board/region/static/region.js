// The page Region: fetches its figures again and again, and hides them as soon as they cannot be read.
import { element, redraw, write } from "./elements.js";

const [everyMilliseconds, timeoutMilliseconds] = [3000, 8000];
const place = document.getElementById("panels");
const timeOf = (instant) => instant.slice(11, 19); // the time is already in the force's own time zone

function total(figure) {
  return element("td", { class: "all" }, element("span", { class: "value" }, figure.text), " ", element("span", { class: "n" }, figure.n),
    figure.reason ? element("span", { class: "why" }, figure.reason) : "");
}

function cell(figure, force, row) {
  const address = `${force.root}/measure/${row.measure}${row.window === "Now" ? "" : "?window=60m"}`;
  return element("td", { title: figure.reason || null }, element("a", { class: "value", href: address }, figure.text), " ",
    element("span", { class: "n" }, figure.n));
}

function table(panel, forces) {
  const titles = ["Measure", "Window", "All forces", ...forces.map((force) => force.title)];
  const rows = panel.rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row.title), element("td", {}, row.window),
    total(row.total), ...row.forces.map((figure, place) => cell(figure, forces[place], row))));
  return element("section", {}, element("h2", {}, panel.title), element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)))), element("tbody", {}, ...rows))));
}

function draw({ forces, panels, notice }) {
  document.getElementById("simulation").hidden = !notice;
  write(document.getElementById("times"), `Figures as of ${forces.map((force) => `${timeOf(force.as_of)} (${force.title})`).join(", ")}.`);
  redraw(place, panels, () => panels.map((panel) => table(panel, forces)));
  show("live", "", "Read just now");
}

function show(state, notice, word) {
  document.body.dataset.state = state;
  write(document.getElementById("notice"), notice);
  write(document.getElementById("live"), word);
}

async function read() {
  try {
    const response = await fetch(place.dataset.address, { signal: AbortSignal.timeout(timeoutMilliseconds) });
    const content = await response.json();
    if (response.ok) draw(content);
    else show("unreachable", `NOT LIVE. ${content.title} ${content.detail} Figures are hidden until this is fixed.`, "Not live");
  } catch {
    show("lost", "NOT LIVE: the server does not answer. Figures are hidden until it does.", "Not live");
  }
  setTimeout(read, everyMilliseconds);
}

read();
