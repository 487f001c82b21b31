// A group of links or buttons that is one stop of the Tab key: the arrow keys move within it.
import { set } from "./elements.js";

export function oneStop(group, places) {
  const stopAt = (chosen) => places.forEach((each) => set(each, "tabindex", each === chosen ? 0 : -1));
  stopAt(places[0]);
  group.addEventListener("keydown", (event) => {
    const to = places[places.indexOf(event.target) + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? NaN)];
    if (!to) return;
    event.preventDefault();
    stopAt(to);
    to.focus();
  });
}
