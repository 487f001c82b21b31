// Contacts and incidents whose end was never recorded, and the form to end them by hand.
import { element, list, redraw, set, write } from "./elements.js";
import { shorten } from "./first_rows.js";
import { act, requestName } from "./inbox.js";
import { oneStop } from "./one_stop.js";

const reasons = { system_fault: "A fault of the system", not_recorded: "Nobody recorded the end", test: "It was a test", recorded_twice: "It was recorded twice", other: "Another reason" };
const roles = {
  contact_centre_supervisor: "Contact centre supervisor", duty_inspector: "Duty inspector", custody_inspector: "Custody inspector",
  analyst: "Analyst", engineer: "Engineer",
};
const effect = "It will no longer count as open, and whether it met its target will count as not known. The log records the reason and your role; the alert log records who you are. If the system reports the end later, that end counts instead.";
const section = document.getElementById("unrecorded");
const says = section.querySelector(".says");
const outcome = section.querySelector(".outcome");
const rows = section.querySelector("ol");

// Draws the list for the signed-in person; `parts` are those of the page.
export function drawUnrecorded({ count, rows: listed }, session, force) {
  section.hidden = !count && !outcome.textContent;
  const more = count > listed.length ? ` The first ${listed.length} of ${count.toLocaleString("en-GB")}.` : "";
  write(says, `${count ? "No end has been recorded for these, and they no longer count as open." : "None."}${more}${session?.may_act || !count ? "" : " Sign in with the role act to end one by hand."}`);
  list(rows, listed, (row) => `${row.subject} ${row.id}`, () => made(force), (place, row) => fill(place, row, session));
  shorten(rows);
  oneStop(rows, [...rows.querySelectorAll(".acts button")], true);
}

function made(force) {
  const place = element("li", { class: "alert" }, element("h3", { tabindex: "-1" }), element("p", { class: "how" }), element("div", { class: "acts" }), element("div", { class: "form" }));
  place.force = force;
  return place;
}

function fill(place, row, session) {
  Object.assign(place, { row, session });
  write(place.querySelector("h3"), row.title);
  write(place.querySelector(".how"), row.says);
  const mayAct = Boolean(session?.may_act);
  redraw(place.querySelector(".acts"), mayAct, () => (mayAct ? [button(place)] : []));
  if (!mayAct) close(place);
}

function button(place) {
  const one = element("button", { type: "button", "aria-label": `End by hand: ${place.row.title}` }, "End by hand\u2026");
  one.addEventListener("click", () => {
    write(outcome, "");
    place.querySelector(".form").replaceChildren(form(place));
    place.querySelector(".form select").focus();
  });
  return one;
}

function close(place) {
  place.querySelector(".form").replaceChildren();
}

function choice(name, title, words) {
  const empty = element("option", { value: "" }, "Choose");
  const options = Object.entries(words).map(([value, text]) => element("option", { value }, text));
  return element("label", {}, `${title} `, element("select", { name, required: true }, empty, ...options));
}

function form(place) {
  const request = requestName();
  const cancel = element("button", { type: "button" }, "Cancel");
  const one = element("form", {}, element("p", { class: "effect" }, effect), choice("reason", "Reason", reasons), choice("role", "Your role", roles),
    element("button", { type: "submit", class: "first" }, `End as ${place.session.login}`), cancel, element("p", { class: "outcome", role: "alert" }));
  const back = () => {
    close(place);
    place.querySelector("h3").focus();
  };
  cancel.addEventListener("click", back);
  one.addEventListener("keydown", (event) => event.key === "Escape" && back());
  one.addEventListener("submit", (event) => {
    event.preventDefault();
    send(place, one, request);
  });
  return one;
}

async function send(place, one, request) {
  const { subject, id, title } = place.row;
  const given = new FormData(one);
  const buttons = one.querySelectorAll("button");
  buttons.forEach((each) => (each.disabled = true));
  try {
    await act("ends", { force: place.force, subject, subject_id: id, reason: given.get("reason"), role: given.get("role") }, request);
    close(place);
    set(outcome, "data-verdict", null);
    write(outcome, `Ended: ${title}, as ${place.session.login}.`);
    section.querySelector("h2").focus();
  } catch (error) {
    const failed = one.querySelector(".outcome");
    set(failed, "data-verdict", "bad");
    write(failed, `NOT DONE: ${error.name === "TimeoutError" || error instanceof TypeError ? "The server did not answer. Try again." : error.message}`);
    buttons.forEach((each) => (each.disabled = false));
  }
}
