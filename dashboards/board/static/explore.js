// A measure over one window: its rows, its times as a histogram with the share within any of them, and its week.
import "./chooser.js";
import { redraw, set, write } from "./elements.js";
import { keepFetched } from "./fetched.js";
import { start } from "./frame.js";
import { histogram } from "./histogram.js";
import { tabled } from "./tabled.js";
import { told } from "./told.js";
import { week } from "./week.js";

const place = (name) => document.getElementById(name);
const [rows, slider, exactly] = ["rows", "slider", "exactly"].map(place);
const patience = { everyMilliseconds: 10_000, patienceMilliseconds: 60_000 };
const chosen = new URLSearchParams(rows.dataset.query);

function address() {
  return `${rows.dataset.address}?${chosen}`;
}

// The slider goes as far as the regular bins, in steps that are easily said; any other time is written beside it.
function fit(known) {
  const edges = known.bins.filter((each) => each.within !== null).map((each) => each.within);
  if (!edges.length) return;
  const width = edges[0];
  set(slider, "max", edges.at(-1));
  set(slider, "step", width >= 300 ? 60 : width >= 60 ? 5 : width >= 5 ? 1 : known.finest_seconds);
  if (document.activeElement !== slider) slider.value = known.within.seconds;
  if (document.activeElement !== exactly) exactly.value = known.within.seconds;
  set(slider, "aria-valuetext", `${known.within.says}: ${known.within.share}`);
}

function spread(known) {
  if (!place("distribution")) return;
  place("distribution").hidden = !known.within;
  place("no-spread").hidden = Boolean(known.within);
  if (!known.within) return void write(place("no-spread"), known.says || "There are no times to show.");
  fit(known);
  const { says, share, met, n } = known.within;
  write(place("within"), `${says}: ${share}, ${met.toLocaleString("en-GB")} of ${n.toLocaleString("en-GB")}${known.promises.length ? `. The target: ${known.promises.map((each) => each.says).join("; ")}.` : ""}`);
  redraw(place("histogram"), [known.bins, known.within, known.promises], () => histogram(known));
  redraw(place("bins"), known.distribution, (table) => tabled(table));
}

function draw(known) {
  told(known.as_of);
  write(place("window-told"), known.window);
  write(place("says"), known.says);
  redraw(rows, known.rows, (table) => tabled(table));
  spread(known);
}

function fail(why) {
  write(place("as-told"), "");
  write(place("window-told"), "");
  write(place("says"), why);
  redraw(rows, null, () => []);
  for (const name of ["distribution", "no-spread"]) if (place(name)) place(name).hidden = true;
}

start();
const ask = keepFetched(address, draw, fail, patience);
keepFetched(place("week").dataset.address, week, (why) => week({ says: why, table: null }), { ...patience, everyMilliseconds: 60_000 });

function choose(seconds) {
  if (seconds === "" || Number(seconds) < 0) return;
  chosen.set("within", seconds);
  const measure = new URLSearchParams(location.search).get("measure");
  const own = new URLSearchParams([...(measure ? [["measure", measure]] : []), ...chosen]);
  history.replaceState(null, "", `${location.pathname}?${own}`);
  for (const link of document.querySelectorAll("[data-kept]")) set(link, "href", `${link.dataset.kept}?${link.dataset.kept === location.pathname ? own : chosen}`);
  write(place("within"), "\u2026");
  ask();
}

if (slider) {
  slider.addEventListener("input", () => choose(slider.value));
  exactly.addEventListener("change", () => choose(exactly.value));
}
