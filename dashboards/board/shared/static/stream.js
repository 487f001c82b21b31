// The stream of a page's parts: shared with the browser's other tabs where it can be; reports changes, or why no figure may be displayed.
import { kinds, openStream, silenceMilliseconds } from "./event_source.js";
import { root } from "./root.js";

const failures = ["waiting", "unreachable", "unreadable"];
const signEveryMilliseconds = 10000;

export function follow(page, { onParts, onState, onAlive }) {
  const parts = new Map();

  function change(update, changed) {
    for (const name of update.gone) parts.delete(name);
    for (const [name, part] of Object.entries(update.parts)) parts.set(name, part);
    onParts(parts, changed ?? new Set([...update.gone, ...Object.keys(update.parts)]), update.now);
  }

  function replace(update) {
    const before = new Set(parts.keys());
    parts.clear();
    change(update, new Set([...before, ...Object.keys(update.parts)]));
  }

  function onEvent(kind, data) {
    if (kind === "snapshot") replace(data);
    else if (kind === "change") change(data);
    else if (kind === "alive") onAlive(data.now);
    else if (failures.includes(kind)) onState(kind, data.what);
  }

  const onLost = () => onState("lost");
  const alone = () => openStream({ address: () => `${root}/events/${page}`, types: () => kinds, onEvent, onLost }).open();
  if (typeof SharedWorker === "undefined") alone();
  else shared(page, { onEvent, onLost, alone });
}

function shared(page, { onEvent, onLost, alone }) {
  let port;
  let lastReceived = Date.now();
  let isAlone = false;
  let isWorking = false; // whether the worker has ever sent anything

  function fallBack() {
    if (isAlone) return;
    isAlone = true;
    port?.close();
    alone();
  }

  function join() {
    try {
      const worker = new SharedWorker("/static/shared_stream.js", { type: "module", name: `stream${root}` });
      worker.onerror = fallBack;
      port?.close();
      port = worker.port;
    } catch {
      return fallBack(); // the browser does not allow it here
    }
    port.onmessage = ({ data: { kind, data } }) => {
      lastReceived = Date.now();
      isWorking = true;
      if (kind === "lost") onLost();
      else onEvent(kind, data);
    };
    port.postMessage({ page, joins: true });
  }

  // A worker that dies says nothing: after a silence the page joins it again, or follows alone if it has never worked.
  function watch() {
    const now = Date.now();
    lastReceived = Math.min(lastReceived, now);
    if (isAlone || now - lastReceived <= silenceMilliseconds + 2000) return;
    lastReceived = now;
    onLost();
    if (isWorking) join();
    else fallBack();
  }

  join();
  setInterval(watch, 1000);
  setInterval(() => !isAlone && port.postMessage({ page }), signEveryMilliseconds);
  addEventListener("pagehide", () => !isAlone && port.postMessage({ leaves: true }));
  addEventListener("pageshow", (event) => event.persisted && !isAlone && join());
}
