// The areas as tiles, roughly where they are: a stronger colour means a higher figure. The table has the same figures.
import { drawing, element } from "./elements.js";

const [width, height, gap] = [150, 64, 4];
const levels = 6;

function level(value, least, most) {
  if (value === undefined) return "none";
  return most > least ? Math.min(levels, Math.floor(((value - least) / (most - least)) * (levels + 1))) : 0;
}

export function areaMap(rows, tiles) {
  const cells = rows.rows.filter((row) => tiles[row.label] && !row.total).map((row) => [row.label, row.cells[0], tiles[row.label]]);
  const values = cells.map(([, cell]) => cell.value).filter((value) => value !== undefined);
  if (!values.length) return [];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [columns, count] = [0, 1].map((axis) => Math.max(...cells.map(([, , place]) => place[axis])) + 1);
  const tile = ([name, cell, [column, row]]) => drawing("g", { class: "tile", "data-level": level(cell.value, least, most), transform: `translate(${column * (width + gap)} ${row * (height + gap)})` },
    drawing("rect", { width, height, rx: 3 }),
    drawing("text", { x: 8, y: 24 }, name),
    drawing("text", { x: 8, y: 48, class: "figure" }, cell.text));
  return [element("h3", {}, "Map of the areas"),
    element("p", { class: "quiet" }, "A stronger colour means a higher figure. Each tile is roughly where its area is. All tiles have the same size."),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Map of the areas" },
      drawing("svg", { class: "map", viewBox: `0 0 ${columns * (width + gap)} ${count * (height + gap)}`, role: "img", "aria-label": `Map of the areas: ${cells.map(([name, cell]) => `${name} ${cell.text}`).join(", ")}.` }, ...cells.map(tile)))];
}
