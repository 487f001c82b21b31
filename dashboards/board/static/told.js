// Of which moment the answer is that an analyst's page shows: it is fetched now and then, and says so.
import { write } from "./elements.js";

const clockFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone: document.body.dataset.zone, weekday: "short", day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

export function told(asOf) {
  write(document.getElementById("as-told"), `As of ${clockFormat.format(new Date(asOf))}`);
}
