// A comparison, fetched repeatedly.
import "./chooser.js";
import { element, redraw } from "./elements.js";
import { poll } from "./polling.js";
import { start } from "./frame.js";
import { reportTable } from "./report_table.js";
import { drawAsOf, drawFailure } from "./as_of.js";

const comparison = document.getElementById("comparison");
const published = document.getElementById("published");
const verdict = document.getElementById("verdict");
const disagreements = document.getElementById("disagreements");

function inconsistencies(data) {
  const cases = data.disagreements.map((each) => element("li", {}, `${each.number}: ${each.what}; ${each.explanation}.`));
  return cases.length ? [element("h3", {}, "Inconsistencies in the published reports"), element("ul", {}, ...cases)] : [];
}

function draw(data) {
  drawAsOf(data.as_of);
  redraw(verdict, data.says, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(comparison, data.comparison, (table) => reportTable(table));
  redraw(published, data.published, (table) => (table.rows.length ? reportTable(table) : [element("p", {}, "There are no published figures for this measure.")]));
  redraw(disagreements, data.comparison.disagreements, () => inconsistencies(data.comparison));
}

function fail(why) {
  drawFailure(why);
  for (const place of [verdict, comparison, published, disagreements]) redraw(place, null, () => []);
}

start();
if (comparison) poll(comparison.dataset.address, draw, fail, { everyMilliseconds: 10_000, timeoutMilliseconds: 60_000 });
