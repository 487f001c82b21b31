// The hours of the week as a table: each cell has its figure, and a stronger colour for a higher one.
import { element, redraw, write } from "./elements.js";

const levels = 6;

function level(cell, least, most) {
  if (cell.value === undefined) return "none";
  return most > least ? Math.min(levels, Math.floor(((cell.value - least) / (most - least)) * (levels + 1))) : 0;
}

function heatTable(table) {
  const values = table.rows.flatMap((row) => row.cells.map((cell) => cell.value)).filter((value) => value !== undefined);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const cell = (data, column, row) => element("td", { "data-level": level(data, least, most), title: `${row.label} ${column.period}: ${data.text}${data.n === undefined ? "" : `, n ${data.n.toLocaleString("en-GB")}`}` }, data.text);
  const rows = table.rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row.label), ...row.cells.map((each, place) => cell(each, table.columns[place], row))));
  return [element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${table.title}, table` }, element("table", { class: "heat" },
    element("caption", {}, `${table.title}. A stronger colour means a higher figure.`),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, table.heading), ...table.columns.map((each) => element("th", { scope: "col" }, each.title)))),
    element("tbody", {}, ...rows)))];
}

export function week(data) {
  write(document.getElementById("week-says"), data.says);
  redraw(document.getElementById("week"), data.table, (table) => (table ? heatTable(table) : []));
}
