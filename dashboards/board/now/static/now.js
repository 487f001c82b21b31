// The Now page: puts every part into its panel.
import "./contract.js";
import { unattended } from "./attendance.js";
import { redraw } from "./elements.js";
import { now, start } from "./frame.js";
import { journey } from "./journey.js";
import { oneStop } from "./one_stop.js";
import { poll } from "./polling.js";
import { sparkline } from "./sparkline.js";
import { table } from "./table.js";
import { fill } from "./tile.js";

// The figures of a panel are one stop of the Tab key, so that the next panel is near.
for (const tiles of document.querySelectorAll(".panel ul.now:not(.hour)")) oneStop(tiles, [...tiles.querySelectorAll("h3 a")]);

start((parts, changed) => {
  fill(parts, changed, sparkline);
  for (const name of changed) {
    const [kind, which] = name.split(":");
    const place = document.querySelector(`[data-${kind === "attendance" ? "unattended" : kind}="${which}"]`);
    if (!place || !parts.has(name)) continue;
    if (kind === "table") table(place, parts.get(name));
    if (kind === "journey") journey(place, parts.get(name));
    if (kind === "attendance") unattended(place, which, parts.get(name), now());
  }
});

// One sentence about the next two hours, always called a forecast.
const outlook = document.getElementById("outlook-999");
if (outlook) {
  const draw = (text) => redraw(outlook, text, () => text ? [text] : []);
  poll(outlook.dataset.address, (data) => draw(data.says), () => draw(""), { everyMilliseconds: 60_000, timeoutMilliseconds: 60_000 });
}
