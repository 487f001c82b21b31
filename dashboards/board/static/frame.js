// What every page does: follows its stream, says whether its figures are live, and keeps the server's clock.
import { write } from "./elements.js";
import { follow } from "./stream.js";

const notices = {
  waiting: "Waiting for the first figures.",
  unreadable: "NOT LIVE: the state cannot be read; the board's log says why. The figures are withdrawn.",
  lost: "NOT LIVE: this page has lost its server and is not being updated. The figures are withdrawn until it is back.",
};
const zone = document.body.dataset.zone;
const clockFormat = new Intl.DateTimeFormat("en-GB", {
  timeZone: zone, weekday: "short", day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const tickers = [];
const turners = [];
let moment = null; // the force's present as last told, and our own clock's reading then
let runs = false;

// The force's present in milliseconds; null while it is not known. In a replay it stands still between two words of the server.
export function now() {
  return moment && moment.now + (runs ? performance.now() - moment.at : 0);
}

// Calls every second while figures are shown, and at each change.
export function onTick(act) {
  tickers.push(act);
}

// Calls at each sign of life of the server.
export function onTurn(act) {
  turners.push(act);
}

export function start(draw = () => {}) {
  const onState = (name, what) => {
    moment = null;
    show(name, what ? `NOT LIVE. ${what} The figures are withdrawn until this is over.` : notices[name], "Not live");
  };
  const onParts = (parts, changed, told) => {
    hear(told);
    const frame = parts.get("frame");
    runs = !frame.is_replay && !frame.is_loading;
    document.getElementById("replay").hidden = !frame.is_replay;
    document.getElementById("simulation").hidden = !frame.is_simulated;
    draw(parts, changed);
    show("live", [...frame.troubles, frame.clock].filter(Boolean).join("\n"), frame.live);
    tick();
    turners.forEach((act) => act());
  };
  follow(document.body.dataset.events, {
    onParts,
    onState,
    onTurn: (told) => {
      hear(told);
      turners.forEach((act) => act());
    },
  });
  setInterval(tick, 1000);
}

function hear(told) {
  moment = { now: told, at: performance.now() };
}

function tick() {
  write(document.getElementById("as-of"), moment ? clockFormat.format(now()) : "");
  if (moment) tickers.forEach((act) => act(now()));
}

function show(state, notice, word) {
  document.body.dataset.state = state;
  document.body.classList.toggle("troubled", notice !== "");
  write(document.getElementById("notice"), notice);
  write(document.getElementById("live"), word);
  if (state !== "live") write(document.getElementById("as-of"), "");
}
