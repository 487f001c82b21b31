// One alert as a card: its problem, status, instructions, the actions available, and its history on request.
import { entryWords, figureWords, scopeWords, stateWords, stepWords, titleWords, unacknowledged } from "./alert_words.js";
import { element, redraw, set, write } from "./elements.js";
import { act, history, requestName } from "./inbox.js";
import { oneStop } from "./one_stop.js";
import { spanWords } from "./tile.js";
import { timeWords } from "./time_words.js";
import { root } from "./root.js";

const actions = {
  acknowledge: { title: "Acknowledge", path: "acknowledge", field: "note", label: "Note (optional)", done: "Acknowledged" },
  assign: { title: "Assign", path: "assign", field: "to", label: "Assign to (login or role)", isNeeded: true, length: 60, done: "Assigned" },
  escalate: { title: "Escalate", path: "escalate", field: "note", label: "Reason (optional)", done: "Escalated" },
  note: { title: "Add note", path: "note", field: "note", label: "Note", isNeeded: true, done: "Note added" },
  suppress: { title: "Planned work", field: "note", label: "Description of the work", isNeeded: true, done: "Planned work added" },
};
const lengths = [[30, "30 minutes"], [60, "1 hour"], [120, "2 hours"], [240, "4 hours"], [480, "8 hours"], [1440, "24 hours"]];

// The actions available to the signed-in person for an alert in its current state.
function possible(alert, session) {
  if (!session?.may_act) return [];
  if (alert.state === "ended") return ["note"];
  const acknowledging = unacknowledged(alert).length ? ["acknowledge"] : [];
  const planning = session.may_administer && alert.state !== "suppressed" ? ["suppress"] : [];
  return [...acknowledging, "assign", "escalate", "note", ...planning];
}

export function card(reload) {
  const made = element("li", { class: "alert" }, element("p", { class: "group" }),
    element("h3", { tabindex: "-1" }), element("p", { class: "how" }), element("ul", { class: "steps" }), element("dl", { class: "facts" }), element("ol", { class: "waiting" }), element("p", { class: "do" }),
    element("div", { class: "acts", role: "toolbar" }), element("div", { class: "form" }), element("p", { class: "outcome", role: "status" }), element("div", { class: "history" }));
  made.reload = reload;
  return made;
}

function part(place, name) {
  return place.querySelector(`:scope > .${name}`);
}

// Unchanged parts are left alone, so that a form that is being filled in stays open.
export function fill(place, alert, session, now) {
  place.alert = alert;
  place.now = now;
  place.session = session;
  set(place, "data-severity", alert.severity);
  set(place, "data-state", alert.state);
  write(part(place, "group"), alert.group ?? "");
  write(place.querySelector("h3"), titleWords(alert));
  const isChanged = redraw(part(place, "how"), stateWords(alert, now), (sentences) => sentences.map((text) => element("span", {}, `${text} `)));
  redraw(part(place, "steps"), (alert.steps ?? []).map((step) => stepWords(step, now)), (steps) => steps.map((text) => element("li", {}, text)));
  redraw(part(place, "facts"), facts(alert, now), (rows) => rows.map(fact));
  redraw(part(place, "waiting"), alert.waiting, (waiting) => (waiting ? waitingRows(waiting) : []));
  write(part(place, "do"), alert.state === "ended" ? "" : alert.what_to_do);
  drawActs(place, part(place, "acts"));
  if (isChanged && part(place, "history").firstChild) drawHistory(place);
  if (place.doing && !possible(alert, session).includes(place.doing)) close(place);
}

// Every button and link of a card, as one stop of the Tab key.
function drawActs(place, acts) {
  const { alert, session } = place;
  set(acts, "aria-label", `Actions and links: ${alert.title}`);
  const isNew = redraw(acts, [possible(alert, session), links(alert), alert.title], ([names, linked, title]) => [
    ...names.map((name) => button(place, name)), historyButton(place),
    ...linked.map(([words, address]) => element("a", { href: address, "aria-label": `${words}: ${title}` }, words)),
  ]);
  if (isNew) oneStop(acts, [...acts.children]);
}

function facts(alert, now) {
  const { figure } = alert;
  return [
    figure && ["Now", figureWords(figure)],
    alert.waiting && ["Longest wait", spanWords(alert.waiting.rows[0].seconds * 1000)],
    figure && ["Threshold", figure.limit_words],
    figure?.band_words && ["Normal", figure.band_words],
    figure?.doubt_words && ["Not recorded", figure.doubt_words],
    scopeWords(alert.scope) && ["Scope", scopeWords(alert.scope)],
    ["Since", timeWords(alert.since, now)],
    alert.state !== "ended" && ["Alert active for", spanWords(alert.age_seconds * 1000)],
    ["Notifies", alert.who],
  ].filter(Boolean);
}

// Where to read more about its figure. Every rule evaluates 60 minutes, which is also the window of these pages unless another is chosen.
function links(alert) {
  return [...figureLinks(alert), ...(alert.runbook ? [["View runbook", `${root}/runbooks#${alert.runbook}`]] : [])];
}

function figureLinks(alert) {
  if (alert.figure?.is_forecast) return [["View What if", `${root}/whatif`]];
  if (!alert.measure) return [["View feeds", `${root}/feeds`]];
  const where = alert.scope.suite ? `?where=suite:${encodeURIComponent(alert.scope.suite)}` : "";
  return [["View measure", `${root}/measure/${alert.measure}${where}`], ["Explain as JSON", `${root}/api/explain/${alert.measure}${where}`]];
}

// The subjects that wait, the longest first, by opaque number.
function waitingRows({ count, rows }) {
  const more = count - rows.length;
  const listed = rows.map((row) => element("li", {}, element("strong", {}, spanWords(row.seconds * 1000)), ` ${[row.id, row.where].filter(Boolean).join(", ")}`));
  return more > 0 ? [...listed, element("li", { class: "more" }, `and ${more.toLocaleString("en-GB")} more`)] : listed;
}

function fact([title, text]) {
  return element("div", {}, element("dt", {}, title), element("dd", {}, text));
}

function button(place, name) {
  const made = element("button", { type: "button", class: name === "acknowledge" ? "first" : null }, `${actions[name].title}\u2026`);
  made.addEventListener("click", () => open(place, name));
  return made;
}

function open(place, name) {
  place.doing = name;
  write(part(place, "outcome"), "");
  const form = formOf(place, name);
  part(place, "form").replaceChildren(form);
  form.querySelector("input, select").focus();
}

function close(place) {
  place.doing = null;
  part(place, "form").replaceChildren();
}

function formOf(place, name) {
  const { title, field, label, isNeeded, length } = actions[name];
  const request = requestName();
  const input = element("input", { name: field, maxlength: length ?? 500, required: isNeeded, autocomplete: "off" });
  const cancel = element("button", { type: "button" }, "Cancel");
  const made = element("form", {},
    name === "escalate" && element("label", {}, "Escalate to ", element("select", { name: "to" }, ...place.session.posts.map((post) => element("option", {}, post)))),
    element("label", {}, `${label} `, input),
    name === "suppress" && element("label", {}, "Duration ", element("select", { name: "minutes" }, ...lengths.map(([minutes, text]) => element("option", { value: minutes }, text)))),
    element("button", { type: "submit", class: "first" }, `${title} as ${place.session.login}`), cancel);
  const cancelForm = () => {
    close(place);
    place.querySelector("h3").focus();
  };
  cancel.addEventListener("click", cancelForm);
  made.addEventListener("keydown", (event) => event.key === "Escape" && cancelForm());
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    send(place, name, new FormData(made), request);
  });
  return made;
}

// The requests of an action: acknowledging a card acknowledges its steps, too.
function requestsOf({ alert, now }, name, form) {
  const { path, field } = actions[name];
  const on = name === "acknowledge" ? unacknowledged(alert) : [alert];
  const to = name === "escalate" ? { to: form.get("to") } : {};
  if (path) return on.map((each) => [`${each.id}/${path}`, { ...to, [field]: form.get(field) }]);
  const until = new Date(new Date(now).getTime() + Number(form.get("minutes")) * 60000).toISOString();
  return [["suppressions", { rule: alert.rule, scope: alert.scope, until, note: form.get("note") }]];
}

async function send(place, name, form, request) {
  const outcome = part(place, "outcome");
  const buttons = part(place, "form").querySelectorAll("button");
  buttons.forEach((each) => (each.disabled = true));
  try {
    const requests = requestsOf(place, name, form);
    for (const [index, each] of requests.entries()) await act(...each, index ? `${request}-${index}` : request);
    close(place);
    set(outcome, "data-verdict", null);
    write(outcome, `${actions[name].done} as ${place.session.login}.`);
    place.querySelector("h3").focus();
    await place.reload();
  } catch (error) {
    set(outcome, "data-verdict", "bad");
    write(outcome, `NOT DONE: ${error.name === "TimeoutError" || error instanceof TypeError ? "The server did not answer. Try again." : error.message}`);
    buttons.forEach((each) => (each.disabled = false));
    place.reload();
  }
}

function historyButton(place) {
  const made = element("button", { type: "button", "aria-expanded": "false" }, "History");
  made.addEventListener("click", () => {
    const isOpen = Boolean(part(place, "history").firstChild);
    if (isOpen) part(place, "history").replaceChildren();
    else drawHistory(place);
    set(made, "aria-expanded", !isOpen ? "true" : "false");
  });
  set(made, "aria-expanded", part(place, "history").firstChild ? "true" : "false");
  return made;
}

async function drawHistory(place) {
  part(place, "history").replaceChildren(await historyOf(place));
}

async function historyOf(place) {
  try {
    const { history: entries } = await history(place.alert.id);
    const rows = entries.map((each) => entryWords(each, place.now));
    return element("ol", {}, ...rows.map(({ at, by, what }) => element("li", {}, element("strong", {}, at), ` ${by}: ${what}`)));
  } catch (error) {
    return element("p", { "data-verdict": "bad" }, `The history cannot be read: ${error.message}`);
  }
}
