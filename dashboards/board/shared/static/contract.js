// The definition of a measure in a dialog: opened by a click or the "?" key, closed with Escape.
import { element } from "./elements.js";
import { root } from "./root.js";

let dialog;

function ready() {
  if (dialog) return dialog;
  dialog = element("dialog", { class: "contract", "aria-labelledby": "contract-heading" });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  return dialog;
}

function content(contract) {
  const close = element("button", { type: "button" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const rows = contract.published.map((cells) => element("tr", {}, ...cells.map((text, index) => element(index ? "td" : "th", index ? {} : { scope: "row" }, text))));
  return [
    element("div", { class: "title" }, element("h2", { id: "contract-heading" }, contract.title), close),
    element("p", {}, contract.question),
    element("dl", {}, ...contract.terms.map(([term, words]) => element("div", {}, element("dt", {}, term), element("dd", {}, words)))),
    ...(rows.length ? [element("h3", {}, "Published figures"), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Published figures" }, element("table", {},
      element("thead", {}, element("tr", {}, ...["Period", "Figure", "Source"].map((title) => element("th", { scope: "col" }, title)))), element("tbody", {}, ...rows)))] : []),
    element("p", {}, element("a", { href: `${root}/measure/${contract.name}` }, "Break it down")),
  ];
}

async function open(name) {
  const place = ready();
  const response = await fetch(`${root}/api/contract/${name}`);
  if (!response.ok) return;
  place.replaceChildren(...content(await response.json()));
  if (!place.open) place.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-contract]");
  if (button) open(button.dataset.contract);
});

document.addEventListener("keydown", (event) => {
  const measure = event.key === "?" && document.activeElement?.closest("[data-measure]");
  if (measure) open(measure.dataset.measure);
});
