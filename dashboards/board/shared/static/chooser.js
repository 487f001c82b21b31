// The form of an analyst's page: the choices become the address, so that they can be shared and bookmarked. It also works without this script.
import { keepSayingDates, sayDates } from "./date_words.js";
import { write } from "./elements.js";

const form = document.getElementById("chooser");
const dates = ["from", "to", "from_time", "to_time"];

// The address of the choices. An empty `by=` stays in it, because without it the page would choose a breakdown.
function address(chosen) {
  const isDated = chosen.get("window") === "dates";
  const isOther = chosen.get("measure") !== chosen.get("for");
  const parameters = [...chosen].filter(([name, value]) => (name === "for" ? isOther && chosen.has("measure")
    : dates.includes(name) ? isDated && value : value || name === "by"));
  return `${form.getAttribute("action")}?${new URLSearchParams(parameters)}`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(address(new FormData(form)));
});

form.addEventListener("input", (event) => {
  if (dates.includes(event.target.name)) form.elements.window.value = "dates";
});

keepSayingDates(form);

// Another measure has other windows, dimensions and filters: they are fetched at once, and the measure keeps the focus.
let asked = 0;
form.elements.measure?.addEventListener("change", async ({ target }) => {
  const number = ++asked;
  const response = await fetch(address(new FormData(form)));
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const found = page.getElementById("choices");
  if (number !== asked || !found) return;
  document.getElementById("choices").replaceWith(document.adoptNode(found));
  sayDates(form);
  write(document.getElementById("choices-says"), `The choices are those of ${target.selectedOptions[0].textContent}.`);
});
