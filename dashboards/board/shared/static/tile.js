// Figures in their places, with ages and countdowns that continue between updates from the server.
import { element, redraw, set, write } from "./elements.js";
import { onTick } from "./frame.js";
import { root } from "./root.js";

const counting = new Map();

function pad(number) {
  return String(number).padStart(2, "0");
}

// A span as people say it, rounded down: "42 s", "10 min 31 s", "2 h 49 min", "12 days 21 h".
export function spanWords(milliseconds) {
  const seconds = Math.floor(Math.max(0, milliseconds) / 1000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s` : longWords(Math.floor(seconds / 60));
}

function longWords(minutes) {
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (!days) return `${hours} h ${minutes % 60} min`;
  return `${days} ${days === 1 ? "day" : "days"} ${hours} h`;
}

// The time left until a deadline, or the time past it.
export function leftWords(due, now) {
  return due >= now ? `${spanWords(due - now)} left` : `over by ${spanWords(now - due)}`;
}

// The same in a short form for a column: "12:41 left", "over 2 h 49 min".
export function clockWords(due, now) {
  const seconds = Math.floor(Math.abs(due - now) / 1000);
  const clock = seconds < 3600 ? `${Math.floor(seconds / 60)}:${pad(seconds % 60)}` : longWords(Math.floor(seconds / 60));
  return due >= now ? `${clock} left` : `over ${clock}`;
}

const longWordsFrom = 8; // characters: styles make such a value smaller, so that it stays on one line

function writeValue(value, text) {
  write(value, text);
  set(value, "data-long", text.length >= longWordsFrom);
}

function count(place, tile, now) {
  const value = place.querySelector(".value");
  if (tile.counts_from) {
    writeValue(value, spanWords(now - tile.counts_from));
    const isOver = tile.allowed_until && now > tile.allowed_until;
    set(place, "data-verdict", isOver ? "bad" : null);
    write(place.querySelector(".sign"), isOver ? "\u2717" : "");
    write(place.querySelector(".says"), isOver ? "over target" : "");
  } else writeValue(value, leftWords(tile.counts_to, now));
}

export function figure(place, tile) {
  const isNew = redraw(place, tile, () => {
    set(place, "data-state", tile.state);
    set(place, "data-verdict", tile.verdict);
    set(place, "title", tile.title);
    return [
      element("span", { class: "value", "data-long": tile.text.length >= longWordsFrom }, tile.text),
      " ", element("span", { class: "sign", "aria-hidden": "true" }, tile.sign),
      element("span", { class: "says" }, tile.says),
      " ", tile.n && element("span", { class: "n" }, tile.n),
      " ", tile.doubt && element("a", { class: "doubt", href: `${root}/trust` }, tile.doubt),
      " ", tile.since && element("span", { class: "since" }, tile.since),
    ].filter(Boolean);
  });
  if (!isNew) return;
  if (tile.counts_from || tile.counts_to) counting.set(place, tile);
  else counting.delete(place);
}

onTick((now) => counting.forEach((tile, place) => count(place, tile, now)));

// Fills every tile of a page from the parts `tile:`, `reference:` and `sparkline:` of its measure.
export function fill(parts, changed, drawSparkline) {
  for (const name of changed) {
    const [kind, measure] = name.split(":");
    const part = parts.get(name);
    if (!part && kind !== "sparkline") continue;
    for (const place of document.querySelectorAll(`[data-measure="${measure}"]`)) {
      if (kind === "tile") place.querySelectorAll("[data-window]").forEach((each) => part[each.dataset.window] && figure(each, part[each.dataset.window]));
      if (kind === "reference") place.querySelectorAll("[data-reference]").forEach((each) => reference(each, part));
      if (kind === "sparkline" && drawSparkline) place.querySelectorAll("[data-sparkline]").forEach((each) => drawSparkline(each, part));
    }
  }
}

function reference(place, part) {
  const text = part[place.dataset.reference];
  const words = { target: "target ", normal: place.closest(".detail") ? "normal " : "" };
  write(place, text ? words[place.dataset.reference] + text : "");
}
