// Times in the force's local time: the time of day if it is today, otherwise with the date.
const zone = document.body.dataset.zone;
const options = { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const timeFormat = new Intl.DateTimeFormat("en-GB", options);
const dayFormat = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "short" });

export function timeWords(time, now) {
  const [at, present] = [new Date(time), new Date(now)];
  const day = dayFormat.format(at);
  return day === dayFormat.format(present) ? timeFormat.format(at) : `${day}, ${timeFormat.format(at)}`;
}
