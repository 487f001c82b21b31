// The stream of a page's parts: opened, watched over for silence, opened anew; says what changed, or why nothing may be shown.

// The server is heard every second; after so long without a word it is lost.
const silenceMilliseconds = 8000;
const retryMilliseconds = 3000;
const failures = ["waiting", "unreachable", "unreadable"];

export function follow(address, { onParts, onState, onTurn }) {
  const parts = new Map();
  let source;
  let lastHeard = Date.now();
  let lastOpened = 0;

  function take(told, changed) {
    for (const name of told.gone) parts.delete(name);
    for (const [name, part] of Object.entries(told.parts)) parts.set(name, part);
    onParts(parts, changed ?? new Set([...told.gone, ...Object.keys(told.parts)]), told.now);
  }

  function whole(told) {
    const before = new Set(parts.keys());
    parts.clear();
    take(told, new Set([...before, ...Object.keys(told.parts)]));
  }

  function open() {
    if (source) source.close();
    lastOpened = Date.now();
    source = new EventSource(address);
    const hear = (name, act) => source.addEventListener(name, (event) => {
      lastHeard = Date.now();
      act(JSON.parse(event.data));
    });
    hear("snapshot", whole);
    hear("change", (told) => take(told));
    hear("alive", (told) => onTurn(told.now));
    for (const name of failures) hear(name, (told) => onState(name, told.what));
    source.onerror = () => onState("lost");
  }

  // A connection can fall silent without an error, and a browser gives some errors up for good: then it is opened anew.
  function watch() {
    const now = Date.now();
    lastHeard = Math.min(lastHeard, now);
    lastOpened = Math.min(lastOpened, now);
    const isSilent = now - lastHeard > silenceMilliseconds;
    if (isSilent) onState("lost");
    const patience = source.readyState === EventSource.CLOSED ? retryMilliseconds : silenceMilliseconds;
    if ((isSilent || source.readyState === EventSource.CLOSED) && now - lastOpened > patience) open();
  }

  open();
  setInterval(watch, 1000);
}
