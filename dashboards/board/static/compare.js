// A comparison, fetched again while the page is open.
import "./chooser.js";
import { element, redraw, write } from "./elements.js";
import { keepFetched } from "./fetched.js";
import { start } from "./frame.js";
import { tabled } from "./tabled.js";
import { told } from "./told.js";

const comparison = document.getElementById("comparison");
const published = document.getElementById("published");
const disagreements = document.getElementById("disagreements");

function others(known) {
  const cases = known.disagreements.map((each) => element("li", {}, `${each.number}: ${each.what}; ${each.explanation}.`));
  return cases.length ? [element("h3", {}, "Where the published report disagrees with itself"), element("ul", {}, ...cases)] : [];
}

function draw(known) {
  told(known.as_of);
  redraw(comparison, known.comparison, (table) => tabled(table));
  redraw(published, known.published, (table) => (table.rows.length ? tabled(table) : [element("p", {}, "Nothing was published of it.")]));
  redraw(disagreements, known.comparison.disagreements, () => others(known.comparison));
}

function fail(why) {
  write(document.getElementById("as-told"), why);
  for (const place of [comparison, published, disagreements]) redraw(place, null, () => []);
}

start();
keepFetched(comparison.dataset.address, draw, fail, { everyMilliseconds: 10_000, patienceMilliseconds: 60_000 });
