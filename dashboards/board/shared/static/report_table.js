// Tables from the report's code: each cell has the numbers of its notes.
import { element } from "./elements.js";

function heading(column) {
  const under = column.published ? "as published" : column.brief || column.period;
  return element("th", { role: "columnheader", scope: "col", class: column.published && "published" }, column.title, under && under !== column.title && element("small", {}, under));
}

function cell(data, column) {
  const notes = (data.notes ?? []).map((number) => element("sup", {}, `(${number})`));
  const title = column.published ? `${column.title}, as published` : column.title;
  return element("td", { role: "cell", class: column.published && "published", "data-title": title, title: data.n === undefined ? null : `n ${data.n.toLocaleString("en-GB")}` },
    element("span", { class: "figure" }, data.text ?? "", ...notes));
}

function row(data, columns) {
  const unit = data.unit && data.unit !== "%" ? element("small", {}, ` ${data.unit}`) : "";
  return element("tr", { role: "row", class: data.total && "total" }, element("th", { role: "rowheader", scope: "row" }, data.label, unit),
    ...data.cells.map((each, place) => cell(each, columns[place])));
}

// A table with its notes; on a narrow screen each row becomes a block.
export function reportTable(data, name = data.title) {
  const head = element("tr", { role: "row" }, element("th", { role: "columnheader", scope: "col" }, data.heading), ...data.columns.map(heading));
  const made = element("table", { class: "counts blocks", role: "table" },
    element("caption", { class: "away" }, name),
    element("thead", { role: "rowgroup" }, head),
    element("tbody", { role: "rowgroup" }, ...data.rows.map((each) => row(each, data.columns))));
  const place = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name}, table` }, made);
  return data.notes.length ? [place, element("ol", { class: "notes" }, ...data.notes.map((each) => element("li", {}, each)))] : [place];
}
