// The distribution of times: a bar for each bin, with the part within the chosen time in another colour, and the target as a line.
import { drawing } from "./elements.js";
import { spanWords } from "./tile.js";

const [width, height, left, right, top, bottom] = [760, 240, 56, 12, 24, 36];
const labels = 6;

function words(seconds) {
  return spanWords(seconds * 1000).replace(/ 0+ (s|min|h)$/, "");
}

function line(kind, x, text, row) {
  const anchor = x > width / 2 ? "end" : "start";
  return [
    drawing("line", { class: kind, x1: x, x2: x, y1: top, y2: height - bottom }),
    drawing("text", { class: kind, x: x + (anchor === "end" ? -4 : 4), y: row ? top - 4 + 14 * row : top - 6, "text-anchor": anchor }, text),
  ];
}

export function histogram({ bins, within, promises }) {
  const most = Math.max(...bins.map((each) => each.count), 1);
  const step = (width - left - right) / bins.length;
  const edge = bins[0].within;
  const end = left + step * bins.length;
  // Every regular bin is as wide as the first. The last bin may hold all longer times.
  const last = edge * (bins.length - (bins.at(-1).within === null ? 1 : 0));
  const x = (seconds) => Math.min(end, left + (seconds / edge) * step);
  const y = (count) => height - bottom - (count / most) * (height - top - bottom);
  let before = 0;
  const bars = bins.flatMap((each, place) => {
    // The number in this bar that is within the chosen time: what the bars before have not used up.
    const met = Math.max(0, Math.min(each.count, within.met - before));
    before += each.count;
    const says = `${each.says}: ${each.count.toLocaleString("en-GB")}${met && met < each.count ? `, ${met.toLocaleString("en-GB")} ${within.says.toLowerCase()}` : ""}`;
    return [bar("in", place, 0, met, says), bar("out", place, met, each.count, says)];
  });
  function bar(kind, place, from, to, says) {
    return from < to && drawing("rect", { class: kind, x: left + place * step + 1, y: y(to), width: Math.max(1, step - 2), height: y(from) - y(to) }, drawing("title", {}, says));
  }
  const every = Math.ceil(bins.length / labels);
  const ticks = bins.filter((each, place) => each.within !== null && (place + 1) % every === 0).map((each) => drawing("text", { x: x(each.within), y: height - bottom + 18, "text-anchor": "middle" }, words(each.within)));
  const rest = bins.at(-1).within === null ? [drawing("text", { x: end - step / 2, y: height - bottom + 32, "text-anchor": "end" }, `last bar: ${bins.at(-1).says}`)] : [];
  const made = promises.filter((each) => each.seconds !== null);
  const target = made.flatMap((each, place) => line("target", x(each.seconds), promises.length > 1 ? `target: ${each.says}` : "target", place + 1));
  return [drawing("svg", { class: "histogram", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Histogram. ${within.says}: ${within.share}. The bars are in the table below.` },
    ...bars,
    drawing("line", { class: "axis", x1: left, x2: end, y1: height - bottom, y2: height - bottom }),
    drawing("text", { x: left - 6, y: top + 4, "text-anchor": "end" }, most.toLocaleString("en-GB")),
    drawing("text", { x: left - 6, y: height - bottom, "text-anchor": "end" }, "0"),
    ...ticks, ...rest, ...target,
    ...line("chosen", x(within.seconds), within.says.toLowerCase() + (within.seconds > last ? " (off the scale)" : ""), 0))];
}
