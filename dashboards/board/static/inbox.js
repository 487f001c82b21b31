// The inbox over HTTP: who asks and what they may do, and what they do to alerts, each thing once.
import { refusal } from "./fetched.js";

const { place } = document.getElementById("inbox").dataset;

export function address(path) {
  return `${place}/${path}`;
}

async function got(path) {
  const answer = await fetch(address(path), { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(await refusal(answer));
  return answer.json();
}

export function history(id) {
  return got(id);
}

export function session() {
  return got("session");
}

// A name for one thing that is done: sent twice under it, it is done once.
export function requestName() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Does one thing; throws an error whose message is for the person who asked.
export async function act(path, body, name) {
  const { csrf } = await session();
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Idempotency-Key": name };
  const answer = await fetch(address(path), { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(await refusal(answer));
}

// Who is signed in, or why nobody can act here; with the way to sign in where there is one.
export function personWords(known) {
  if (known.may_act) return `Signed in as ${known.login}: what you do is written down with your name and the time.`;
  if (known.login) return `Signed in as ${known.login}, who may view. To take alerts, ask an administrator for a token that may act.`;
  if (known.can_sign_in) return "You are not signed in: you can read alerts. To take one, sign in, because it is written down who took it.";
  return "Nobody has a token, so nobody can take an alert: give tokens in BLUELAMP_PEOPLE, and start again.";
}
