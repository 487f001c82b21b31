// The hours of the week as a table whose cells are tinted by how much they hold; each says its figure.
import { element, redraw, write } from "./elements.js";

const levels = 6;

function level(cell, least, most) {
  if (cell.value === undefined) return "none";
  return most > least ? Math.min(levels, Math.floor(((cell.value - least) / (most - least)) * (levels + 1))) : 0;
}

function tinted(table) {
  const values = table.rows.flatMap((row) => row.cells.map((cell) => cell.value)).filter((value) => value !== undefined);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const cell = (known, column, row) => element("td", { "data-level": level(known, least, most), title: `${row.label} ${column.period}: ${known.text}${known.n === undefined ? "" : `, n ${known.n.toLocaleString("en-GB")}`}` }, known.text);
  const rows = table.rows.map((row) => element("tr", {}, element("th", { scope: "row" }, row.label), ...row.cells.map((each, place) => cell(each, table.columns[place], row))));
  return [element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${table.title}, table` }, element("table", { class: "heat" },
    element("caption", {}, `${table.title}; the more, the stronger the tint`),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, table.heading), ...table.columns.map((each) => element("th", { scope: "col" }, each.title)))),
    element("tbody", {}, ...rows)))];
}

export function week(known) {
  write(document.getElementById("week-says"), known.says);
  redraw(document.getElementById("week"), known.table, (table) => (table ? tinted(table) : []));
}
