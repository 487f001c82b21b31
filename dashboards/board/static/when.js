// Instants by the force's clock: the time of day when that is today, else the date as well.
const zone = document.body.dataset.zone;
const options = { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const timeFormat = new Intl.DateTimeFormat("en-GB", options);
const dayFormat = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "short" });

export function when(instant, now) {
  const [at, present] = [new Date(instant), new Date(now)];
  const day = dayFormat.format(at);
  return day === dayFormat.format(present) ? timeFormat.format(at) : `${day}, ${timeFormat.format(at)}`;
}
