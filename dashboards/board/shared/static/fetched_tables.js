// For a page with sentences and tables that are fetched again and again, apart from the page's stream.
import "./chooser.js";
import { drawAsOf, drawFailure } from "./as_of.js";
import { element, redraw } from "./elements.js";
import { start } from "./frame.js";
import { poll } from "./polling.js";
import { reportTable } from "./report_table.js";

const says = document.getElementById("says");

const ROWS_BEFORE = 2;

// Draws a table. A long one begins at the row about the present, if it has one, and stays where somebody scrolled it.
function drawTable(place, table) {
  const isLong = place.matches(".long");
  const before = place.querySelector(".scroll")?.scrollTop;
  if (!redraw(place, table, () => reportTable(table, table.title, isLong)) || !isLong) return;
  const box = place.querySelector(".scroll");
  const row = box.querySelector("[aria-current]");
  const start = row ? row.offsetTop - box.querySelector("thead").offsetHeight - ROWS_BEFORE * row.offsetHeight : 0;
  box.scrollTop = before ?? start;
}

// Shows each table of the data in the place with its id. One of the places has the address of the data.
// If the question of a page cannot be answered, the page has none of these places, and shows only its frame. `onFail` is called
// whenever the data cannot be fetched.
export function showTables(tables, everyMilliseconds, onFail = () => {}) {
  const places = Object.entries(tables).map(([id, name]) => [document.getElementById(id), name]).filter(([place]) => place);
  const address = places.map(([place]) => place.dataset.address).find(Boolean);

  function draw(data) {
    drawAsOf(data.as_of);
    redraw(says, data.says, (lines) => lines.map((line) => element("li", {}, line)));
    for (const [place, name] of places) drawTable(place, data[name]);
  }

  function fail(why) {
    drawFailure(why);
    for (const place of [says, ...places.map(([each]) => each)]) redraw(place, null, () => []);
    onFail();
  }

  start();
  if (address) poll(address, draw, fail, { everyMilliseconds, timeoutMilliseconds: 60_000 });
}
