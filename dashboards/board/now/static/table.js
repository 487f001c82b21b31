// Tables of counts with their totals.
import { element, redraw } from "./elements.js";
import { sortable } from "./sortable.js";

export function table(place, data, name = "") {
  redraw(place, data, () => {
    if (data.state !== "live") return [element("p", { class: "says", "data-state": data.state }, element("span", { class: "value" }, data.says))];
    const head = data.columns.map((title) => element("th", { scope: "col" }, title));
    const row = (cells, kind) => element("tr", { class: kind }, element("th", { scope: "row" }, cells[0]), ...cells.slice(1).map((text) => element("td", {}, text)));
    return [sortable(element("table", { class: "counts" },
      name && element("caption", { class: "away" }, name),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...data.rows.map((cells) => row(cells))),
      element("tfoot", {}, row(data.total, "total"))))];
  });
}
