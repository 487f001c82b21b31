// The shared worker of all tabs: one stream for every open page, because a browser allows six connections to a server.
import { kinds, openStream } from "./event_source.js";

const leftMilliseconds = 150000; // browsers wake a hidden tab once a minute, so a tab that is silent for longer is gone
const root = self.name.slice("stream".length); // the path of the force
const ports = new Map(); // each tab's port to its page and the time of its last message
const pages = () => [...new Set([...ports.values()].map((tab) => tab.page))].sort();
let followed = [];

function send(page, message) {
  for (const [port, tab] of ports) if (page === null || tab.page === page) port.postMessage(message);
}

const stream = openStream({
  address: () => `${root}/events?${new URLSearchParams(followed.map((page) => ["page", page]))}`,
  types: () => followed.flatMap((page) => kinds.map((kind) => `${page}:${kind}`)),
  onEvent: (type, data) => {
    const at = type.lastIndexOf(":");
    send(type.slice(0, at), { kind: type.slice(at + 1), data });
  },
  onLost: () => send(null, { kind: "lost" }),
});

// Opened again for a tab that has joined, even if its page was followed already: it needs everything once.
function follow() {
  followed = pages();
  if (followed.length) stream.open();
  else stream.close();
}

function drop(port) {
  ports.delete(port);
  port.close();
  if (pages().length < followed.length) follow();
}

addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data.leaves) return drop(port);
    const isNew = !ports.has(port) || data.joins;
    ports.set(port, { page: data.page, at: Date.now() });
    if (isNew) follow();
  };
});

setInterval(() => {
  for (const [port, tab] of ports) if (Date.now() - tab.at > leftMilliseconds) drop(port);
}, 10000);
