// Tables of counts with their totals, as the server says them.
import { element, redraw } from "./elements.js";

export function table(place, known, name = "") {
  redraw(place, known, () => {
    if (known.state !== "live") return [element("p", { class: "says", "data-state": known.state }, element("span", { class: "value" }, known.says))];
    const head = known.columns.map((title) => element("th", { scope: "col" }, title));
    const row = (cells, kind) => element("tr", { class: kind }, element("th", { scope: "row" }, cells[0]), ...cells.slice(1).map((text) => element("td", {}, text)));
    return [element("table", { class: "counts" },
      name && element("caption", { class: "away" }, name),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...known.rows.map((cells) => row(cells))),
      element("tfoot", {}, row(known.total, "total")))];
  });
}
