// Open detentions, with deadlines that count down by the server's clock.
import { deadlineWords } from "./deadline.js";
import { element, list, set, write } from "./elements.js";
import { shorten } from "./first_rows.js";
import { now, onTick, start } from "./frame.js";
import { sparkline } from "./sparkline.js";

const columns = ["Suite", "Age", "Arrived", "Review", "Detention limit", "Status"];
const ticking = new Map();

function clockCell(place, clock, at) {
  const { text, verdict } = deadlineWords(clock, at);
  set(place, "data-verdict", verdict);
  write(place, text);
}

function row(titles) {
  return element("tr", { role: "row" }, element("th", { role: "rowheader", scope: "row" }),
    ...titles.map((title) => element("td", { role: "cell", "data-title": title })));
}

function fill(place, data, mark) {
  const [id, suite, child, arrived, review, detention, status] = place.children;
  [[id, data.detainee], [suite, data.suite], [child, data.age], [arrived, data.arrived], [status, [data.status, mark].filter(Boolean).join("; ") || "-"]]
    .forEach(([cell, text]) => write(cell, text));
  set(child, "data-verdict", data.child ? "odd" : null);
  set(status, "data-verdict", mark ? "bad" : null);
  ticking.set(review, data.review).set(detention, data.detention);
}

function tick(at) {
  ticking.forEach((clock, cell) => (cell.isConnected ? clockCell(cell, clock, at) : ticking.delete(cell)));
}

start((parts) => {
  const [custody, detentions] = [parts.get("custody"), parts.get("detentions")];
  const says = document.getElementById("says");
  write(says, custody.says);
  set(says, "data-verdict", custody.state === "live" ? null : "bad");
  list(document.getElementById("detentions"), detentions, (each) => each.detainee, () => row(columns), (place, each) => fill(place, each, custody.mark));
  const rows = document.getElementById("detentions");
  shorten(rows, { place: rows.closest("table"), onlyNarrow: true });
  list(document.getElementById("totals"), parts.get("totals"), ([title]) => title, () => row(["Now"]), (place, [title, text]) => {
    write(place.children[0], title);
    write(place.children[1], text);
  });
  list(document.getElementById("occupancy"), parts.get("occupancy"), (each) => each.suite, () => row(["At the last hour", "Last 24 hours"]), (place, each) => {
    write(place.children[0], each.suite);
    write(place.children[1], each.is_full ? `${each.now} (full)` : each.now);
    set(place.children[1], "data-verdict", each.is_full ? "odd" : null);
    sparkline(place.children[2], each.hours);
  });
  if (now()) tick(now());
});
onTick(tick);
