// A long list begins with its first rows. A button shows the others as well.
import { element, set, write } from "./elements.js";

export const firstRows = 20; // as in frame.css

const lists = new WeakMap();

// Call it again after drawing the list again: what was shown stays shown. `rows` is the element whose children are the rows; the
// button comes after `place`, which stays when the rows are drawn again. With `onlyNarrow`, wide screens show all rows. `total` is the
// number that there are, if the page does not have them all.
export function shorten(rows, { place = rows, onlyNarrow = false, total = 0 } = {}) {
  if (!lists.has(place)) lists.set(place, made(place, onlyNarrow));
  const one = lists.get(place);
  Object.assign(one, { rows, total });
  rows.classList.add("shortened");
  rows.classList.toggle("narrow", onlyNarrow);
  draw(one);
}

function made(place, onlyNarrow) {
  const button = element("button", { type: "button" });
  const one = { button, line: element("p", { class: onlyNarrow ? "rest narrow" : "rest" }, button), isAll: false };
  button.addEventListener("click", () => {
    one.isAll = !one.isAll;
    draw(one);
  });
  place.after(one.line);
  return one;
}

function draw({ button, line, rows, total, isAll }) {
  const count = rows.children.length;
  line.hidden = count <= firstRows;
  const most = total > count ? `the first ${count}` : `all ${count}`;
  write(button, `Show ${isAll ? `only the first ${firstRows}` : most}`);
  set(button, "aria-expanded", String(isAll));
  rows.classList.toggle("all", isAll);
}
