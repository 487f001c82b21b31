// The time of the figures that an analyst's page has fetched.
import { write } from "./elements.js";

const clockFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone: document.body.dataset.zone, weekday: "short", day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const place = document.getElementById("as-of-fetched");

export function drawAsOf(time) {
  write(place, `As of ${clockFormat.format(new Date(time))}`);
}

// In place of the time: why the figures cannot be read.
export function drawFailure(why) {
  write(place, why);
}
