// One measure broken down, fetched again while the page is open.
import { element, redraw, write } from "./elements.js";
import { keepFetched } from "./fetched.js";
import { start } from "./frame.js";
import { figure } from "./tile.js";

const rows = document.getElementById("rows");
const subjects = document.getElementById("subjects");
const { name, query } = rows.dataset;

function cells(texts) {
  return texts.map((text) => element("td", {}, text));
}

function breakdown(known) {
  const head = element("thead", {}, element("tr", {}, ...known.columns.map((title) => element("th", { scope: "col" }, title))));
  const body = known.rows.map((row) => element("tr", {}, element("th", { scope: "row" }, element("a", { href: `/measure/${name}?${row.query}` }, row.name)), ...cells(row.cells)));
  const [first, ...rest] = known.total;
  const foot = element("tfoot", {}, element("tr", { class: "total" }, element("th", { scope: "row" }, first), ...cells(rest)));
  return [element("table", { class: "counts" }, head, element("tbody", {}, ...body), foot)];
}

function listed(known) {
  const head = element("thead", {}, element("tr", {}, ...known.columns.map((title) => element("th", { scope: "col" }, title))));
  const body = known.rows.map(([id, ...rest]) => element("tr", {}, element("th", { scope: "row" }, id), ...cells(rest)));
  return known.rows.length ? [element("table", {}, head, element("tbody", {}, ...body))] : [];
}

function draw(known) {
  figure(document.getElementById("whole"), known.tile);
  write(document.getElementById("says"), known.says || known.tile.reason || "");
  redraw(rows, [known.columns, known.rows, known.total], () => (known.total.length ? breakdown(known) : []));
  subjects.hidden = !known.subjects;
  if (!known.subjects) return;
  write(subjects.querySelector("h2"), `${known.subjects.says}: ${known.subjects.count}`);
  redraw(subjects.querySelector("div"), known.subjects, listed);
  const left = known.subjects.count - known.subjects.rows.length;
  write(subjects.querySelector("p"), left ? `And ${left} more in the file.` : "");
}

function fail(why) {
  draw({ tile: { text: "not live", state: "stale", reason: why }, columns: [], rows: [], total: [], says: "", subjects: null });
}

start();
keepFetched(`/api/measure/${name}?${query}`, draw, fail);
