// A group of links or buttons that is one stop of the Tab key: the arrow keys move within it.
import { set } from "./elements.js";

const groups = new WeakMap();
const steps = { ArrowLeft: -1, ArrowRight: 1 };
const stepsInColumn = { ArrowUp: -1, ArrowDown: 1, ...steps };

// Call it again after drawing the group again, with its new places. The stop is where the focus is, or else the first place.
export function oneStop(group, places, isColumn = false) {
  if (!groups.has(group)) group.addEventListener("keydown", (event) => move(event, isColumn ? stepsInColumn : steps));
  groups.set(group, places);
  stopAt(places, places.includes(document.activeElement) ? document.activeElement : places[0]);
}

function stopAt(places, chosen) {
  places.forEach((each) => set(each, "tabindex", each === chosen ? 0 : -1));
}

function move(event, step) {
  const places = groups.get(event.currentTarget).filter((each) => each.checkVisibility());
  const from = places.indexOf(event.target);
  const to = from < 0 ? null : places[from + (step[event.key] ?? NaN)];
  if (!to) return;
  event.preventDefault();
  stopAt(places, to);
  to.focus();
}
