// Call takers now and by half-hours of today, fetched repeatedly.
import "./chooser.js";
import { drawAsOf, drawFailure } from "./as_of.js";
import { element, redraw } from "./elements.js";
import { start } from "./frame.js";
import { poll } from "./polling.js";
import { reportTable } from "./report_table.js";

const place = document.getElementById("staffed-today");
const now = document.getElementById("staffed-now");
const says = document.getElementById("says");

function draw(data) {
  drawAsOf(data.as_of);
  redraw(says, data.says, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(now, data.now, (table) => reportTable(table));
  redraw(place, data.today, (table) => reportTable(table));
}

function fail(why) {
  drawFailure(why);
  for (const each of [says, now, place]) redraw(each, null, () => []);
}

start();
if (place) poll(place.dataset.address, draw, fail, { everyMilliseconds: 5_000, timeoutMilliseconds: 60_000 });
