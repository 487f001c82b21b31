// The inbox over HTTP: the signed-in person, and actions on alerts, each of them done once.
import { errorWords } from "./polling.js";

const { place } = document.getElementById("inbox").dataset;

export function address(path) {
  return `${place}/${path}`;
}

async function fetchJson(path) {
  const answer = await fetch(address(path), { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(await errorWords(answer));
  return answer.json();
}

export function history(id) {
  return fetchJson(id);
}

export function session() {
  return fetchJson("session");
}

// The idempotency key of one action: a request sent twice with the same key acts once.
export function requestName() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Performs one action; throws an error whose message is for the person.
export async function act(path, body, name) {
  const { csrf } = await session();
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": name };
  const answer = await fetch(address(path), { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(await errorWords(answer));
}

// Who is signed in and what they may do, or how to sign in.
export function personWords(person) {
  if (person.may_act) return `Signed in as ${person.login}. Your actions are logged with your name and the time.`;
  if (person.login) return `Signed in as ${person.login}, to view only. To act on alerts, ask an administrator for a token that may act.`;
  if (person.can_sign_in) return "You are not signed in. You can read alerts. To act on them, sign in: actions are logged with a name.";
  return "Nobody can act on alerts, because no tokens are set. Set BLUELAMP_PEOPLE and restart the inbox.";
}
