// Feeds and topics, one row each.
import { element, list, redraw } from "./elements.js";
import { start } from "./frame.js";

function columnsOf(place) {
  return [...place.closest("table").querySelectorAll("thead th")].map((cell) => cell.textContent);
}

function show(id, rows) {
  const place = document.getElementById(id);
  const columns = columnsOf(place);
  const fill = (row, data) => redraw(row, data, ({ cells, state }) => {
    row.dataset.state = state;
    return cells.map((text, index) => index === 0
      ? element("th", { role: "rowheader", scope: "row" }, text)
      : element("td", { role: "cell", "data-title": columns[index], class: index === 1 ? "value" : null }, text));
  });
  list(place, rows, (row) => row.cells[0], () => element("tr", { role: "row" }), fill);
}

start((parts) => {
  show("feeds", parts.get("feeds"));
  show("topics", parts.get("topics"));
});
