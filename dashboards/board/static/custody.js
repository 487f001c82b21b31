// Detentions that are open, their clocks counting down against the server's clock.
import { element, list, set, write } from "./elements.js";
import { now, onTick, start } from "./frame.js";
import { leftWords } from "./tile.js";

const columns = ["Suite", "Child", "Arrived", "Review", "Detention limit", "Stands"];
const stood = { postponed: "postponed", paused: "paused", none: "-" };
const ticking = new Map();

// The least warning that has been reached, in minutes; none while more than an hour is left.
const warning = (left) => [10, 30, 60].find((minutes) => left < minutes * 60000);

function clockCell(place, clock, at) {
  const left = clock.due === null ? Infinity : clock.due - at;
  const within = warning(left);
  set(place, "data-verdict", left < 0 ? "bad" : within ? "odd" : null);
  if (clock.state !== "due") write(place, stood[clock.state]);
  else if (left < 0) write(place, `\u2717 overdue: ${leftWords(clock.due, at)}, due ${clock.at}`);
  else write(place, `${within ? `under ${within} min: ` : ""}${leftWords(clock.due, at)}, due ${clock.at}`);
}

function row(titles) {
  return element("tr", { role: "row" }, element("th", { role: "rowheader", scope: "row" }),
    ...titles.map((title) => element("td", { role: "cell", "data-title": title })));
}

function fill(place, known) {
  const [id, suite, child, arrived, review, detention, stands] = place.children;
  [[id, known.detainee], [suite, known.suite], [child, known.child ? "Child" : "Adult"], [arrived, known.arrived], [stands, known.stands || "-"]]
    .forEach(([cell, text]) => write(cell, text));
  set(child, "data-verdict", known.child ? "odd" : null);
  ticking.set(review, known.review).set(detention, known.detention);
}

function tick(at) {
  ticking.forEach((clock, cell) => (cell.isConnected ? clockCell(cell, clock, at) : ticking.delete(cell)));
}

start((parts) => {
  const [custody, detentions] = [parts.get("custody"), parts.get("detentions")];
  write(document.getElementById("says"), custody.state === "live" ? (detentions.length ? `${detentions.length} in custody.` : "Nobody is in custody.") : custody.says);
  list(document.getElementById("detentions"), detentions, (each) => each.detainee, () => row(columns), fill);
  list(document.getElementById("totals"), parts.get("totals"), ([title]) => title, () => row(["Now"]), (place, [title, text]) => {
    write(place.children[0], title);
    write(place.children[1], text);
  });
  if (now()) tick(now());
});
onTick(tick);
