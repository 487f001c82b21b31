// A measure over one window: its rows, the distribution of its times, the share within a chosen time, and its weekly pattern.
import "./chooser.js";
import { areaMap } from "./area_map.js";
import { element, redraw, set, write } from "./elements.js";
import { errorWords, poll } from "./polling.js";
import { start } from "./frame.js";
import { histogram } from "./histogram.js";
import { reportTable } from "./report_table.js";
import { drawAsOf, drawFailure } from "./as_of.js";
import { week } from "./week.js";

const place = (name) => document.getElementById(name);
const [rows, slider, timeField, timeError] = ["rows", "slider", "time", "within-error"].map(place);
const timing = { everyMilliseconds: 10_000, timeoutMilliseconds: 60_000 };
const chosen = new URLSearchParams(rows?.dataset.query);

function address() {
  return `${rows.dataset.address}?${chosen}`;
}

// The slider covers the regular bins in round steps; any other time can be typed into the form's field.
function fit(data) {
  const edges = data.bins.filter((each) => each.within !== null).map((each) => each.within);
  if (!edges.length) return;
  const width = edges[0];
  set(slider, "max", edges.at(-1));
  set(slider, "step", width >= 300 ? 60 : width >= 60 ? 5 : width >= 5 ? 1 : data.finest_seconds);
  if (document.activeElement !== slider) slider.value = data.within.seconds;
  set(slider, "aria-valuetext", `${data.within.says}: ${data.within.share}`);
}

function distribution(data) {
  if (!place("distribution")) return;
  place("distribution").hidden = !data.within;
  place("no-distribution").hidden = Boolean(data.within);
  if (!data.within) return void write(place("no-distribution"), data.says || "There are no times in this window.");
  fit(data);
  const { says, share, met, n } = data.within;
  write(place("within"), `${says}: ${share}, ${met.toLocaleString("en-GB")} of ${n.toLocaleString("en-GB")}${data.promises.length ? `. Target: ${data.promises.map((each) => each.says).join("; ")}.` : ""}`);
  redraw(place("histogram"), [data.bins, data.within, data.promises], () => histogram(data));
  redraw(place("bins"), data.distribution, (table) => reportTable(table));
}

function draw(data) {
  drawAsOf(data.as_of);
  write(place("window-words"), data.window);
  write(place("says"), data.says);
  redraw(place("verdict"), data.verdict, (lines) => lines.map((line) => element("li", {}, line)));
  redraw(place("comparison"), data.comparison, (table) => (table ? reportTable(table, `${table.title}, compared`) : []));
  redraw(rows, data.rows, (table) => reportTable(table));
  redraw(place("map"), [data.rows, data.tiles], () => (data.tiles ? areaMap(data.rows, data.tiles) : []));
  distribution(data);
}

function fail(why) {
  drawFailure("");
  write(place("window-words"), "");
  write(place("says"), why);
  for (const each of [place("verdict"), place("comparison"), place("map"), rows]) redraw(each, null, () => []);
  for (const name of ["distribution", "no-distribution"]) if (place(name)) place(name).hidden = true;
}

start();
const reload = rows && poll(address, draw, fail, timing);
if (rows) poll(place("week").dataset.address, week, (why) => week({ says: why, table: null }), { ...timing, everyMilliseconds: 60_000 });

function choose(seconds) {
  chosen.set("within", seconds);
  const measure = new URLSearchParams(location.search).get("measure");
  const pageQuery = new URLSearchParams([...(measure ? [["measure", measure]] : []), ...chosen]);
  history.replaceState(null, "", `${location.pathname}?${pageQuery}`);
  for (const link of document.querySelectorAll("[data-link]")) set(link, "href", `${link.dataset.link}?${link.dataset.link === location.pathname ? pageQuery : chosen}`);
  write(place("within"), "\u2026");
  reload();
}

function refuse(why) {
  write(timeError, why);
  timeError.hidden = !why;
  set(timeField, "aria-invalid", why ? "true" : null);
  set(timeField, "aria-describedby", why ? "within-error" : null);
}

// What is typed is read by the server, which knows how finely the measure's times are kept; a refusal is displayed next to the field.
async function typed() {
  if (!timeField.value.trim()) return refuse("");
  const query = new URLSearchParams(chosen);
  query.set("time", timeField.value);
  const response = await fetch(`${rows.dataset.address}?${query}`);
  if (!response.ok) return refuse(await errorWords(response));
  const { within } = await response.json();
  refuse("");
  if (within) choose(within.seconds);
}

slider?.addEventListener("input", () => {
  timeField.value = `${slider.value} s`;
  refuse("");
  choose(slider.value);
});
if (rows) document.getElementById("chooser").addEventListener("change", ({ target }) => target.id === "time" && typed());
