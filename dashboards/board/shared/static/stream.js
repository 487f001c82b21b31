// The stream of a page's parts: opens it, notices silence, opens it again; reports changes, or why no figure may be displayed.

// The server sends an event every second; after this long without one the connection is lost.
const silenceMilliseconds = 8000;
const retryMilliseconds = 3000;
const failures = ["waiting", "unreachable", "unreadable"];

export function follow(address, { onParts, onState, onAlive }) {
  const parts = new Map();
  let source;
  let lastReceived = Date.now();
  let lastOpened = 0;

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

  function open() {
    if (source) source.close();
    lastOpened = Date.now();
    source = new EventSource(address);
    const on = (name, act) => source.addEventListener(name, (event) => {
      lastReceived = Date.now();
      act(JSON.parse(event.data));
    });
    on("snapshot", replace);
    on("change", (update) => change(update));
    on("alive", (update) => onAlive(update.now));
    for (const name of failures) on(name, (failure) => onState(name, failure.what));
    source.onerror = () => onState("lost");
  }

  // A connection can fall silent without an error, and browsers do not retry after some errors: then it is opened again here.
  function watch() {
    const now = Date.now();
    lastReceived = Math.min(lastReceived, now);
    lastOpened = Math.min(lastOpened, now);
    const isSilent = now - lastReceived > silenceMilliseconds;
    if (isSilent) onState("lost");
    const patience = source.readyState === EventSource.CLOSED ? retryMilliseconds : silenceMilliseconds;
    if ((isSilent || source.readyState === EventSource.CLOSED) && now - lastOpened > patience) open();
  }

  open();
  setInterval(watch, 1000);
}
