// The small drawing of a day: a bar an hour, each with what is said of it by pointing or by the arrow keys.
import { drawing, element, redraw, set, write } from "./elements.js";

const height = 40;
const step = 10;

function bars(points) {
  return points.map((point, index) => {
    const tall = point.height === null ? 2 : Math.max(1.5, point.height * height);
    return drawing("rect", {
      x: index * step + 1, y: height - tall, width: step - 2, height: tall, class: point.height === null ? "none" : "bar",
    });
  });
}

export function course(place, known) {
  redraw(place, known, () => {
    if (!known) return [element("span", { class: "quiet" }, "not known yet")];
    const last = known.points.length - 1;
    const shapes = bars(known.points);
    const readout = element("span", { class: "readout", "aria-hidden": "true" });
    const svg = drawing("svg", { viewBox: `0 0 ${known.points.length * step} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...shapes);
    const slider = element("div", {
      class: "slider", role: "slider", tabindex: "0", "aria-label": known.says,
      "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": last, "aria-valuetext": known.points[last].says,
    }, svg);
    let at = last;
    const point = (index) => {
      at = Math.min(last, Math.max(0, index));
      shapes.forEach((shape, each) => shape.classList.toggle("chosen", each === at));
      set(slider, "aria-valuenow", at);
      set(slider, "aria-valuetext", known.points[at].says);
      write(readout, known.points[at].says);
    };
    const leave = () => {
      if (document.activeElement === slider) return;
      shapes.forEach((shape) => shape.classList.remove("chosen"));
      write(readout, "");
    };
    slider.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      point(to);
    });
    slider.addEventListener("focus", () => point(at));
    slider.addEventListener("blur", leave);
    slider.addEventListener("pointermove", (event) => {
      const box = slider.getBoundingClientRect();
      point(Math.floor(((event.clientX - box.left) / box.width) * known.points.length));
    });
    slider.addEventListener("pointerleave", leave);
    return [slider, readout];
  });
}
