// The forecast of the next two hours, fetched again every half minute.
import "./chooser.js";
import { element, redraw } from "./elements.js";
import { poll } from "./polling.js";
import { start } from "./frame.js";
import { reportTable } from "./report_table.js";
import { drawAsOf, drawFailure } from "./as_of.js";

const place = document.getElementById("outlook");
const says = document.getElementById("says");

function draw(data) {
  drawAsOf(data.as_of);
  redraw(says, data.says, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(place, data.table, (table) => reportTable(table));
}

function fail(why) {
  drawFailure(why);
  for (const each of [says, place]) redraw(each, null, () => []);
}

start();
if (place) poll(place.dataset.address, draw, fail, { everyMilliseconds: 30_000, timeoutMilliseconds: 60_000 });
