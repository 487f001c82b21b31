// A control chart, fetched repeatedly: the picture, its summary in words, and its points as a table.
import "./chooser.js";
import { element, redraw } from "./elements.js";
import { poll } from "./polling.js";
import { start } from "./frame.js";
import { reportTable } from "./report_table.js";
import { drawAsOf, drawFailure } from "./as_of.js";

const [chart, summary, table] = ["chart", "summary", "table"].map((name) => document.getElementById(name));

function svgElement(svg) {
  return [document.adoptNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement)];
}

function draw(data) {
  drawAsOf(data.as_of);
  redraw(chart, data.svg, svgElement);
  redraw(summary, data.summary, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(table, data.table, (each) => reportTable(each, "Points, limits and signals"));
}

function fail(why) {
  drawFailure(why);
  for (const place of [chart, summary, table]) redraw(place, null, () => []);
}

start();
poll(chart.dataset.address, draw, fail, { everyMilliseconds: 10_000, timeoutMilliseconds: 60_000 });
