// The day in words under each date field, because a browser writes a date in the order of its own language.
import { write } from "./elements.js";

const format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" });

export function sayDates(form) {
  for (const field of form.querySelectorAll("input[type=date]")) {
    write(field.nextElementSibling, field.valueAsDate ? format.format(field.valueAsDate).replace(",", "") : "");
  }
}

export function keepSayingDates(form) {
  sayDates(form);
  form.addEventListener("input", () => sayDates(form));
}
