// A control chart, fetched repeatedly: the picture, its summary in words, and its points as a table.
import "./chooser.js";
import { element, redraw, write } from "./elements.js";
import { poll } from "./polling.js";
import { start } from "./frame.js";
import { readable } from "./chart_reading.js";
import { reportTable } from "./report_table.js";
import { drawAsOf, drawFailure } from "./as_of.js";

const [chart, summary, table, small, smallSays] = ["chart", "summary", "table", "small", "small-says"].map((name) => document.getElementById(name));

function svgElement(svg) {
  return document.adoptNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement);
}

function draw(data) {
  drawAsOf(data.as_of);
  redraw(chart, [data.svg, data.periods], () => [readable(svgElement(data.svg), data.periods, chart.dataset.page)]);
  redraw(summary, data.summary, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(table, data.table, (each) => reportTable(each, "Points, limits and signals"));
}

function fail(why) {
  drawFailure(why);
  for (const place of [chart, summary, table]) redraw(place, null, () => []);
}

// One small chart, with a link that filters by its label.
function smallChart(each) {
  return element("li", {}, element("h3", {}, element("a", { href: `${small.dataset.page}&where=${small.dataset.by}:${each.word}` }, each.title)),
    svgElement(each.svg), element("p", {}, each.latest));
}

function drawSmall(data) {
  small.closest("section").hidden = data.charts.length === 1; // it would repeat the chart above
  write(smallSays, data.charts.length ? "Every chart begins at 0 and has the same scale. The figure is the last one." : "There are no figures.");
  redraw(small, data.charts, (charts) => charts.map(smallChart));
}

function failSmall(why) {
  write(smallSays, why);
  redraw(small, null, () => []);
}

start();
if (chart) poll(chart.dataset.address, draw, fail, { everyMilliseconds: 10_000, timeoutMilliseconds: 60_000 });
if (small) poll(small.dataset.address, drawSmall, failSmall, { everyMilliseconds: 60_000, timeoutMilliseconds: 60_000 });
