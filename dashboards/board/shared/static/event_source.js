// An event stream that opens again by itself: when it closes, when it is silent, and when other pages are to be followed.

// The server sends an event every second; after this long without one the connection is lost.
export const silenceMilliseconds = 8000;
const retryMilliseconds = 3000;
export const kinds = ["snapshot", "change", "alive", "waiting", "unreachable", "unreadable"];

// `address` gives the address to open and `types` the types of its events. Returns a function that opens the stream again.
export function openStream({ address, types, onEvent, onLost }) {
  let source = null;
  let outdated = [];
  let lastReceived = Date.now();
  let lastOpened = 0;

  // The old stream is closed only when the new one answers: the server forgets what it read when nobody watches.
  function retire() {
    outdated.forEach((each) => each.close());
    outdated = [];
  }

  function open() {
    if (source) outdated.push(source);
    lastOpened = Date.now();
    const opened = new EventSource(address());
    source = opened;
    for (const type of types()) opened.addEventListener(type, (event) => {
      lastReceived = Date.now();
      if (opened !== source) return;
      retire();
      onEvent(type, JSON.parse(event.data));
    });
    opened.onerror = () => {
      if (opened !== source) return;
      retire();
      onLost();
    };
  }

  // A connection can fall silent without an error, and browsers do not retry after some errors: then it is opened again here.
  function watch() {
    if (!source) return;
    const now = Date.now();
    lastReceived = Math.min(lastReceived, now);
    lastOpened = Math.min(lastOpened, now);
    const isSilent = now - lastReceived > silenceMilliseconds;
    if (isSilent) onLost();
    const isClosed = source.readyState === EventSource.CLOSED;
    const patience = isClosed ? retryMilliseconds : silenceMilliseconds;
    if ((!isSilent && !isClosed) || now - lastOpened <= patience) return;
    retire();
    source.close();
    open();
  }

  setInterval(watch, 1000);
  return {
    open,
    close: () => {
      retire();
      source?.close();
      source = null;
    },
  };
}
