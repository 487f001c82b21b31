// The feeds, each in a row of what the server says of it.
import { element, list, redraw } from "./elements.js";
import { start } from "./frame.js";

const columns = [...document.querySelectorAll("thead th")].map((cell) => cell.textContent);

function row() {
  return element("tr", { role: "row" });
}

function fill(place, feed) {
  redraw(place, feed, ({ cells, state }) => {
    place.dataset.state = state;
    return cells.map((text, index) => index === 0
      ? element("th", { role: "rowheader", scope: "row" }, text)
      : element("td", { role: "cell", "data-title": columns[index] }, text));
  });
}

start((parts) => {
  list(document.getElementById("feeds"), parts.get("feeds"), (feed) => feed.cells[0], row, fill);
});
