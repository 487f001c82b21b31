// The page with the forecast of the next two hours.
import { showTables } from "./fetched_tables.js";

// The form may ask for what is missing, such as the number of call takers. It opens only once, so that it stays closed if somebody closes it.
let isOpened = false;

function openForm() {
  if (!isOpened) document.querySelector("details.own").open = true;
  isOpened = true;
}

showTables({ outlook: "table" }, 30_000, openForm);
