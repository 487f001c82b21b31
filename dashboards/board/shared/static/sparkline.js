// A sparkline of the last 24 hours: one bar for each hour, with its value by pointer or arrow keys.
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

export function sparkline(place, data) {
  redraw(place, data, () => {
    if (!data) return [element("span", { class: "quiet" }, "not available yet")];
    const last = data.points.length - 1;
    const shapes = bars(data.points);
    const box = { viewBox: `0 0 ${data.points.length * step} ${height}`, preserveAspectRatio: "none" };
    if (place.dataset.sparkline === "still") return [drawing("svg", { ...box, role: "img", "aria-label": data.says }, ...shapes)];
    const readout = element("span", { class: "readout", "aria-hidden": "true" });
    const svg = drawing("svg", { ...box, "aria-hidden": "true" }, ...shapes);
    const slider = element("div", {
      class: "slider", role: "slider", tabindex: "0", "aria-label": data.says,
      "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": last, "aria-valuetext": data.points[last].says,
    }, svg);
    let at = last;
    const point = (index) => {
      at = Math.min(last, Math.max(0, index));
      shapes.forEach((shape, each) => shape.classList.toggle("chosen", each === at));
      set(slider, "aria-valuenow", at);
      set(slider, "aria-valuetext", data.points[at].says);
      write(readout, data.points[at].says);
    };
    const clear = () => {
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
    slider.addEventListener("blur", clear);
    slider.addEventListener("pointermove", (event) => {
      const { left, width } = slider.getBoundingClientRect();
      point(Math.floor(((event.clientX - left) / width) * data.points.length));
    });
    slider.addEventListener("pointerleave", clear);
    return [slider, readout];
  });
}
