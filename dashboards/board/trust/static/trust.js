// What is missing, one row for each feed, area and figure.
import { element, list, redraw } from "./elements.js";
import { start } from "./frame.js";

function show(id, rows) {
  const place = document.getElementById(id);
  const columns = [...place.closest("table").querySelectorAll("thead th")].map((cell) => cell.textContent);
  const fill = (row, data) => redraw(row, data, ({ cells: [name, ...rest], link }) => [
    element("th", { role: "rowheader", scope: "row" }, link ? element("a", { href: link }, name) : name),
    ...rest.map((text, index) => element("td", { role: "cell", "data-title": columns[index + 1] }, text)),
  ]);
  list(place, rows, (row) => row.key || row.link || row.cells[0], () => element("tr", { role: "row" }), fill);
}

start((parts) => {
  for (const id of ["checks", "feeds", "areas", "figures"]) show(id, parts.get(id));
});
