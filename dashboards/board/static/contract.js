// What a measure means, one key press or click away: a dialog that the keyboard opens with "?" and closes with Escape.
import { element } from "./elements.js";

let dialog;

function made() {
  if (dialog) return dialog;
  dialog = element("dialog", { class: "contract", "aria-labelledby": "contract-heading" });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return dialog;
}

function content(told) {
  const close = element("button", { type: "button" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const rows = told.published.map((cells) => element("tr", {}, ...cells.map((text, index) => element(index ? "td" : "th", index ? {} : { scope: "row" }, text))));
  return [
    element("div", { class: "title" }, element("h2", { id: "contract-heading" }, told.title), close),
    element("p", {}, told.question),
    element("dl", {}, ...told.terms.map(([term, words]) => element("div", {}, element("dt", {}, term), element("dd", {}, words)))),
    ...(rows.length ? [element("h3", {}, "As published"), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "As published" }, element("table", {},
      element("thead", {}, element("tr", {}, ...["Period", "Figure", "Source"].map((title) => element("th", { scope: "col" }, title)))), element("tbody", {}, ...rows)))] : []),
    element("p", {}, element("a", { href: `/measure/${told.name}` }, "Break it down")),
  ];
}

async function open(name) {
  const place = made();
  const answer = await fetch(`/api/contract/${name}`);
  if (!answer.ok) return;
  place.replaceChildren(...content(await answer.json()));
  if (!place.open) place.showModal();
}

document.addEventListener("click", (event) => {
  const asked = event.target.closest("[data-contract]");
  if (asked) open(asked.dataset.contract);
});

document.addEventListener("keydown", (event) => {
  const measure = event.key === "?" && document.activeElement?.closest("[data-measure]");
  if (measure) open(measure.dataset.measure);
});
