// Reading a chart point by point, by pointer or arrow keys, and zooming by dragging across it.
import { drawing, element, set, write } from "./elements.js";

const [left, right, top, bottom] = [84, 12, 24, 44]; // the edges of the picture's plot
const readout = document.getElementById("readout");

function words(svg) {
  const found = new Map();
  for (const each of svg.querySelectorAll("[data-place]")) found.set(Number(each.dataset.place), each.querySelector("title").textContent);
  return found;
}

const finer = { month: "week", week: "day", day: "day" };
const few = 4;

// The address of the chart of some of its periods; of few periods, with a finer grain.
function zoomed(page, chosen) {
  const { pathname, searchParams } = new URL(page, location.href);
  searchParams.set("window", `${chosen[0][0]}/${chosen.at(-1)[1]}`);
  if (chosen.length < few) searchParams.set("grain", finer[searchParams.get("grain")]);
  searchParams.delete("last");
  searchParams.delete("recalculate");
  return `${pathname}?${searchParams}`;
}

export function readable(svg, periods, page) {
  const { width, height } = svg.viewBox.baseVal;
  const step = (width - left - right) / periods.length;
  const says = words(svg);
  const last = periods.length - 1;
  const cursor = drawing("line", { class: "cursor", y1: top, y2: height - bottom, x1: -9, x2: -9 });
  const chosen = drawing("rect", { class: "chosen", y: top, height: height - top - bottom, x: -9, width: 0 });
  svg.append(chosen, cursor);
  for (const each of svg.querySelectorAll("[data-place] title")) each.remove(); // the readout says it
  set(svg, "aria-hidden", "true");
  const slider = element("div", { class: "reading", role: "slider", tabindex: "0", "aria-label": `${svg.querySelector("title").textContent}. The points are also in the table below.`,
    "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": last, "aria-valuetext": says.get(last) ?? "" }, svg);
  let at = last;
  let from = null;

  const point = (place) => {
    at = Math.min(last, Math.max(0, place));
    const x = left + (at + 0.5) * step;
    set(cursor, "x1", x);
    set(cursor, "x2", x);
    set(slider, "aria-valuenow", at);
    set(slider, "aria-valuetext", says.get(at) ?? "");
    write(readout, says.get(at) ?? "");
  };
  const placeOf = (event) => {
    const box = svg.getBoundingClientRect();
    return Math.min(last, Math.max(0, Math.floor(((event.clientX - box.left) / box.width * width - left) / step)));
  };
  const select = (one, other) => {
    const [first, end] = [Math.min(one, other), Math.max(one, other)];
    set(chosen, "x", left + first * step);
    set(chosen, "width", (end - first + 1) * step);
  };

  slider.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    point(to);
  });
  slider.addEventListener("focus", () => point(at));
  slider.addEventListener("pointermove", (event) => {
    point(placeOf(event));
    if (from !== null) select(from, at);
  });
  slider.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") return; // a finger scrolls
    from = placeOf(event);
    slider.setPointerCapture(event.pointerId);
  });
  slider.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const [one, other] = [from, placeOf(event)].sort((first, second) => first - second);
    from = null;
    set(chosen, "width", 0);
    if (one !== other) location.assign(zoomed(page, periods.slice(one, other + 1)));
  });
  return slider;
}
