// One measure broken down, fetched repeatedly.
import "./chooser.js";
import { element, redraw, write } from "./elements.js";
import { shorten } from "./first_rows.js";
import { poll } from "./polling.js";
import { start } from "./frame.js";
import { reportTable } from "./report_table.js";
import { sortable } from "./sortable.js";
import { figure } from "./tile.js";
import { timeWords } from "./time_words.js";
import { root } from "./root.js";

const rows = document.getElementById("rows");
const subjects = document.getElementById("subjects");
const { name, query } = rows?.dataset ?? {};

function cells(texts) {
  return texts.map((text) => element("td", {}, text));
}

function breakdown(data) {
  const head = element("thead", {}, element("tr", {}, ...data.columns.map((title) => element("th", { scope: "col" }, title))));
  const body = data.rows.map((row) => element("tr", {}, element("th", { scope: "row" }, element("a", { href: `${root}/measure/${name}?${row.query}` }, row.name)), ...cells(row.cells)));
  const [first, ...rest] = data.total;
  const foot = element("tfoot", {}, element("tr", { class: "total" }, element("th", { scope: "row" }, first), ...cells(rest)));
  return [sortable(element("table", { class: "counts" }, head, element("tbody", {}, ...body), foot))];
}

const isTime = /^\d{4}-\d\d-\d\dT/;

// A cell of a listed subject: a time as the rest of the board gives it, and sorted as a time.
function listedCell(text, now) {
  return isTime.test(text) ? element("td", { "data-value": Date.parse(text) }, timeWords(text, now)) : element("td", {}, text);
}

function listed(data) {
  const head = element("thead", {}, element("tr", {}, ...data.columns.map((title) => element("th", { scope: "col" }, title))));
  const body = data.rows.map(([id, ...rest]) => element("tr", {}, element("th", { scope: "row" }, id), ...rest.map((text) => listedCell(text, data.as_of))));
  return data.rows.length ? [sortable(element("table", {}, head, element("tbody", {}, ...body)))] : [];
}

function draw(data) {
  figure(document.getElementById("whole"), data.tile);
  write(document.getElementById("says"), data.says || data.tile.reason || "");
  redraw(document.getElementById("verdict"), data.verdict, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(document.getElementById("comparison"), data.comparison, (table) => (table ? reportTable(table, `${table.title}, compared`) : []));
  redraw(rows, [data.columns, data.rows, data.total], () => (data.total.length ? breakdown(data) : []));
  subjects.hidden = !data.subjects;
  if (!data.subjects) return;
  write(subjects.querySelector("h2"), `${data.subjects.says}: ${data.subjects.count}`);
  const { rows: listedRows, as_of: asOf } = data.subjects;
  const place = subjects.querySelector("div");
  redraw(place, [listedRows, asOf.slice(0, "2024-12-03".length)], () => listed(data.subjects));
  shorten(place.querySelector("tbody") ?? place, { place, total: data.subjects.count });
  subjects.querySelector(".order").hidden = !data.subjects.count;
  write(subjects.querySelector(".order"), data.subjects.columns.includes("Due") ? "The longest overdue first. Select a heading for another order." : "The oldest first. Select a heading for another order.");
  const left = data.subjects.count - data.subjects.rows.length;
  write(subjects.querySelector(".files span"), left ? `${left} more in the CSV file.` : "");
}

function fail(why) {
  draw({ tile: { text: "not live", state: "stale", reason: why }, columns: [], rows: [], total: [], says: "", subjects: null, verdict: [], comparison: null });
}

start();
if (rows) poll(`${root}/api/measure/${name}?${query}`, draw, fail);
