// The journey of a day's 101 calls: rows that add up to all that came in.
import { drawing, element, redraw } from "./elements.js";

function step(each, offered) {
  const share = offered ? Math.max(0, each.count) / offered : 0;
  return element("tr", { class: `stage-${each.stage}` },
    element("th", { scope: "row" }, each.name),
    element("td", {}, each.count.toLocaleString("en-GB")),
    element("td", {}, each.share),
    element("td", { class: "share" }, drawing("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      drawing("rect", { class: "bar", x: 0, y: 0, width: share * 100, height: 10 }))));
}

export function journey(place, known, level = "h3") {
  redraw(place, known, () => {
    if (known.state !== "live") return [element(level, {}, known.day), element("p", { class: "says", "data-state": known.state }, element("span", { class: "value" }, known.says || "no data"))];
    const bodies = Object.entries(known.stages).map(([stage, title]) => element("tbody", {},
      element("tr", {}, element("th", { scope: "rowgroup", colspan: 4, class: "stage" }, title)),
      ...known.steps.filter((each) => each.stage === stage).map((each) => step(each, known.offered))));
    return [element(level, {}, known.day),
      element("table", { class: "counts journey" },
        element("caption", {}, `Of ${known.offered.toLocaleString("en-GB")} calls that came in; the rows add up to them.`),
        element("thead", {}, element("tr", {}, ...["Where they are or ended", "Calls", "Share"].map((title) => element("th", { scope: "col" }, title)), element("td", { class: "share" }))),
        ...bodies,
        element("tfoot", {}, element("tr", { class: "total" }, element("th", { scope: "row" }, "All that came in"), element("td", {}, known.offered.toLocaleString("en-GB")), element("td", {}, known.offered ? "100.0 %" : "-"), element("td", { class: "share" }))))];
  });
}
