// Tables as the report's code words them: every cell with the numbers of the notes that must be read with it.
import { element } from "./elements.js";

function heading(column) {
  const under = column.published ? "as published" : column.brief || column.period;
  return element("th", { role: "columnheader", scope: "col", class: column.published && "published" }, column.title, under && element("small", {}, under));
}

function cell(known, column) {
  const notes = (known.notes ?? []).map((number) => element("sup", {}, `(${number})`));
  const title = column.published ? `${column.title}, as published` : column.title;
  return element("td", { role: "cell", class: column.published && "published", "data-title": title, title: known.n === undefined ? null : `n ${known.n.toLocaleString("en-GB")}` },
    element("span", { class: "figure" }, known.text ?? "", ...notes));
}

function row(known, columns) {
  const unit = known.unit && known.unit !== "%" ? element("small", {}, ` ${known.unit}`) : "";
  return element("tr", { role: "row", class: known.total && "total" }, element("th", { role: "rowheader", scope: "row" }, known.label, unit),
    ...known.cells.map((each, place) => cell(each, columns[place])));
}

// A table with its notes; on a narrow screen each row becomes a block.
export function tabled(known, name = known.title) {
  const head = element("tr", { role: "row" }, element("th", { role: "columnheader", scope: "col" }, known.heading), ...known.columns.map(heading));
  const made = element("table", { class: "counts blocks", role: "table" },
    element("caption", { class: "away" }, name),
    element("thead", { role: "rowgroup" }, head),
    element("tbody", { role: "rowgroup" }, ...known.rows.map((each) => row(each, known.columns))));
  const place = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name}, table` }, made);
  return known.notes.length ? [place, element("ol", { class: "notes" }, ...known.notes.map((each) => element("li", {}, each)))] : [place];
}
