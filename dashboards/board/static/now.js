// The supervisor's page: puts every part into its panel.
import "./contract.js";
import { jobs } from "./attendance.js";
import { course } from "./course.js";
import { now, start } from "./frame.js";
import { journey } from "./journey.js";
import { table } from "./table.js";
import { fill } from "./tile.js";

start((parts, changed) => {
  fill(parts, changed, course);
  for (const name of changed) {
    const [kind, which] = name.split(":");
    const place = document.querySelector(`[data-${kind === "attendance" ? "jobs" : kind}="${which}"]`);
    if (!place || !parts.has(name)) continue;
    if (kind === "table") table(place, parts.get(name));
    if (kind === "journey") journey(place, parts.get(name));
    if (kind === "attendance") jobs(place, which, parts.get(name), now());
  }
});
