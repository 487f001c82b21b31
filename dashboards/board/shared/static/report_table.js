// Tables from the report's code: each cell has the numbers of its notes.
import { element } from "./elements.js";
import { sortable } from "./sortable.js";

function heading(column) {
  const under = column.published ? "as published" : column.brief || column.period;
  return element("th", { role: "columnheader", scope: "col", class: column.published && "published" }, column.title, under && under !== column.title && element("small", {}, under));
}

function cell(data, column) {
  const notes = (data.notes ?? []).map((number) => element("sup", {}, `(${number})`));
  const title = column.published ? `${column.title}, as published` : column.title;
  return element("td", { role: "cell", class: column.published && "published", "data-title": title, "data-value": data.value, title: data.n === undefined ? null : `n ${data.n.toLocaleString("en-GB")}` },
    element("span", { class: "figure" }, data.href ? element("a", { href: data.href }, data.text) : data.text ?? "", ...notes));
}

// Periods are sorted by time and not by their names: `place` is their place in the table.
function row(data, columns, place) {
  const unit = data.unit && data.unit !== "%" ? element("small", {}, ` ${data.unit}`) : "";
  return element("tr", { role: "row", class: data.total && "total", "aria-current": data.current && "time" }, element("th", { role: "rowheader", scope: "row", "data-value": place }, data.href ? element("a", { href: data.href }, data.label) : data.label, unit),
    ...data.cells.map((each, column) => cell(each, columns[column])));
}

// A table with its notes. It can be sorted by any column, and has its totals in the foot. On a narrow screen, each row becomes a
// block. A long table scrolls sideways instead, and the names of its rows stay in place.
export function reportTable(data, name = data.title, isLong = false) {
  const head = element("tr", { role: "row" }, element("th", { role: "columnheader", scope: "col" }, data.heading), ...data.columns.map(heading));
  const rows = data.rows.map((each, place) => [each.total, row(each, data.columns, data.heading === "Period" ? place : null)]);
  const part = (isTotal) => rows.filter(([total]) => Boolean(total) === isTotal).map(([, made]) => made);
  const made = element("table", { class: isLong ? "counts long" : "counts blocks", role: "table" },
    element("caption", { class: "away" }, name),
    element("thead", { role: "rowgroup" }, head),
    element("tbody", { role: "rowgroup" }, ...part(false)),
    part(true).length ? element("tfoot", { role: "rowgroup" }, ...part(true)) : "");
  const place = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name}, table` }, part(false).length > 1 ? sortable(made) : made);
  return data.notes.length ? [place, element("ol", { class: "notes" }, ...data.notes.map((each) => element("li", {}, each)))] : [place];
}
