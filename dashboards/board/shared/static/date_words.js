// Words under each date and time field. A browser writes both in the form of its own language, so a chosen date is also given in words, and an
// empty field says how to type one, unless that is as everybody in Britain does.
import { write } from "./elements.js";

const british = {
  date: new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" }),
  time: new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit" }),
};
const own = {
  date: new Intl.DateTimeFormat(undefined, { timeZone: "UTC", day: "2-digit", month: "2-digit", year: "numeric" }),
  time: new Intl.DateTimeFormat(undefined, { timeZone: "UTC", hour: "2-digit", minute: "2-digit" }),
};
const example = { date: "27 March 2026", time: "14:30" };
const usual = { date: "27/03/2026", time: "14:30" };
const moment = new Date("2026-03-27T14:30:00Z");

function wordsOf({ type, valueAsDate }) {
  const typed = own[type].format(moment), isUsual = typed === usual[type];
  if (isUsual && (type === "time" || !valueAsDate)) return "";
  return valueAsDate ? british[type].format(valueAsDate).replace(",", "") : `For ${example[type]}, type ${typed}`;
}

export function sayDates(form) {
  for (const field of form.querySelectorAll("input:is([type=date], [type=time])")) write(field.nextElementSibling, wordsOf(field));
}

export function keepSayingDates(form) {
  sayDates(form);
  form.addEventListener("input", () => sayDates(form));
}
