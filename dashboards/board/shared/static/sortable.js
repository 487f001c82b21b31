// Tables that sort by a column: a heading is a button; the order stays when the table is drawn again with new figures.
import { element, set } from "./elements.js";
import { oneStop } from "./one_stop.js";

const chosen = new Map(); // by the caption and headings of a table: the column, and whether the order is descending
const seconds = { s: 1, min: 60, h: 3600, day: 86400, days: 86400 };
const span = /(-?\d[\d,]*(?:\.\d+)?) (s|min|h|days?)(?![a-z])/g;

// The number in a text: a span in seconds, a count or a share; null for other words, which come last.
export function valueOf(text) {
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) return Number(text);
  const spans = [...text.matchAll(span)];
  if (spans.length) return spans.reduce((sum, [, number, unit]) => sum + Number(number.replaceAll(",", "")) * seconds[unit], 0);
  const [number] = text.match(/^[^\d-]{0,2}-?\d[\d,]*(?:\.\d+)?(?=%|$|\s|\()/) ?? [];
  return number === undefined ? null : Number(number.replace(/[^\d.-]/g, ""));
}

export function compare(one, other) {
  const [first, second] = [valueOf(one), valueOf(other)];
  if (first !== null && second !== null) return first - second;
  if (first !== null || second !== null) return first === null ? 1 : -1;
  return one.localeCompare(other, "en-GB", { numeric: true });
}

// What a cell is sorted by: its value, or what it says.
const textOf = (row, column) => row.cells[column]?.dataset.value ?? row.cells[column]?.textContent.trim() ?? "";

function sort(table, { column, isDescending }) {
  const [body] = table.tBodies;
  const rows = [...body.rows];
  const isValue = (row) => valueOf(textOf(row, column)) !== null;
  const hasValues = rows.some(isValue);
  const order = rows.toSorted((one, other) => {
    if (hasValues && isValue(one) !== isValue(other)) return isValue(one) ? -1 : 1;
    return compare(textOf(one, column), textOf(other, column)) * (isDescending ? -1 : 1);
  });
  order.forEach((row) => body.append(row));
  [...table.tHead.rows[0].cells].forEach((cell, each) => set(cell, "aria-sort", each === column ? (isDescending ? "descending" : "ascending") : null));
}

const keyOf = (table) => [table.caption, ...table.tHead.rows[0].cells].map((each) => each?.textContent).join("|");

// Sorts a table as it was sorted before its rows were drawn again.
export function sortAgain(table) {
  if (chosen.has(keyOf(table))) sort(table, chosen.get(keyOf(table)));
}

// Makes a drawn table sortable, and sorts it as it was before it was drawn again. Totals stay in the foot.
// The Tab key stops at one heading of a table; the arrow keys move to the others.
export function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const key = keyOf(table);
  const buttons = heads.map((head, column) => {
    const button = element("button", { type: "button", class: "sort" }, ...head.childNodes);
    button.addEventListener("click", () => {
      const before = chosen.get(key);
      chosen.set(key, { column, isDescending: before?.column === column ? !before.isDescending : column > 0 });
      sort(table, chosen.get(key));
    });
    head.append(button);
    return button;
  });
  oneStop(table.tHead.rows[0], buttons);
  sortAgain(table);
  return table;
}
