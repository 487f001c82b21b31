// The journey of a day's 101 calls: rows that add up to all calls received.
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

export function journey(place, data, level = "h3") {
  redraw(place, data, () => {
    if (data.state !== "live") return [element(level, {}, data.day), element("p", { class: "says", "data-state": data.state }, element("span", { class: "value" }, data.says || "no data"))];
    const bodies = Object.entries(data.stages).map(([stage, title]) => element("tbody", {},
      element("tr", {}, element("th", { scope: "rowgroup", colspan: 4, class: "stage" }, title)),
      ...data.steps.filter((each) => each.stage === stage).map((each) => step(each, data.offered))));
    return [element(level, {}, data.day),
      element("table", { class: "counts journey" },
        element("caption", {}, `${data.offered.toLocaleString("en-GB")} calls received. The rows add up to this number.`),
        element("thead", {}, element("tr", {}, ...["Where the call is, or how it ended", "Calls", "Share"].map((title) => element("th", { scope: "col" }, title)), element("td", { class: "share" }))),
        ...bodies,
        element("tfoot", {}, element("tr", { class: "total" }, element("th", { scope: "row" }, "All calls received"), element("td", {}, data.offered.toLocaleString("en-GB")), element("td", {}, data.offered ? "100.0%" : "-"), element("td", { class: "share" }))))];
  });
}
