// A control chart, fetched again while the page is open: the picture, what it says in words, and its points as a table.
import "./chooser.js";
import { element, redraw, write } from "./elements.js";
import { keepFetched } from "./fetched.js";
import { start } from "./frame.js";
import { tabled } from "./tabled.js";
import { told } from "./told.js";

const [chart, summary, table] = ["chart", "summary", "table"].map((name) => document.getElementById(name));

function pictured(svg) {
  return [document.adoptNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement)];
}

function draw(known) {
  told(known.as_of);
  redraw(chart, known.svg, pictured);
  redraw(summary, known.summary, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(table, known.table, (each) => tabled(each, "Points, limits and signals"));
}

function fail(why) {
  write(document.getElementById("as-told"), why);
  for (const place of [chart, summary, table]) redraw(place, null, () => []);
}

start();
keepFetched(chart.dataset.address, draw, fail, { everyMilliseconds: 10_000, patienceMilliseconds: 60_000 });
