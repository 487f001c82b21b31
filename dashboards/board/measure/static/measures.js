// Every measure over every window.
import "./contract.js";
import { element, list, write } from "./elements.js";
import { start } from "./frame.js";
import { figure } from "./tile.js";
import { root } from "./root.js";

const windows = [...document.querySelectorAll("th[data-window]")].map((cell) => [cell.dataset.window, cell.textContent]);

const find = document.getElementById("find");

function words(measure) {
  return `${measure.title} ${measure.question}`.toLowerCase();
}

// Shows only the measures whose title and question contain every word that was typed.
function show() {
  const typed = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const places = [...document.querySelectorAll("[data-words]")];
  for (const place of places) place.hidden = !typed.every((word) => place.dataset.words.includes(word));
  const found = places.filter((place) => !place.hidden).length;
  write(document.getElementById("found"), typed.length ? `${found} of ${places.length} measures` : "");
}

function named(measure) {
  return [element("a", { href: `${root}/measure/${measure.name}` }, measure.title), " ",
    element("button", { type: "button", class: "ask", "data-contract": measure.name, "aria-label": `Definition of ${measure.title}` }, "?")];
}

function nowTile(measure) {
  return element("li", { "data-measure": measure.name, "data-words": words(measure) },
    element("h3", {}, ...named(measure)), element("p", { "data-window": "now" }));
}

function row(measure) {
  return element("tr", { role: "row", "data-measure": measure.name, "data-words": words(measure) },
    element("th", { role: "rowheader", scope: "row" }, ...named(measure)),
    ...windows.map(([name, title]) => element("td", { role: "cell", "data-window": name, "data-title": title })));
}

function fill(place, measure) {
  for (const cell of place.querySelectorAll("[data-window]")) figure(cell, measure.tiles[cell.dataset.window]);
}

start((parts) => {
  const measures = [...parts].filter(([name]) => name.startsWith("measure:")).map(([, part]) => part);
  measures.sort((one, other) => one.place - other.place);
  const isNow = (measure) => "now" in measure.tiles;
  const name = (measure) => measure.name;
  list(document.getElementById("now"), measures.filter(isNow), name, nowTile, fill);
  list(document.getElementById("rows"), measures.filter((each) => !isNow(each)), name, row, fill);
  show();
});
find.addEventListener("input", show);
