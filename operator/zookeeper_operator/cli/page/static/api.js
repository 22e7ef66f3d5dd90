// Requests to the server of this page: answers as values, streams of changes that come back by themselves.

const KEY = "kubectl-zk-page";
let key = null;

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The link holds a token that works once; the key it is exchanged for stays with this origin.
export async function open() {
  const token = location.hash.startsWith("#/") ? "" : location.hash.slice(1);
  key = localStorage.getItem(KEY);
  if (!token) return;
  history.replaceState(null, "", "/#/");
  const answer = await fetch("/key", { method: "POST", body: JSON.stringify({ token }) });
  if (answer.ok) {
    key = (await answer.json()).key;
    localStorage.setItem(KEY, key);
  }
}

async function send(path, signal) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${key}` }, signal, cache: "no-store" });
  if (answer.ok) return answer;
  let why = `the page's server answered ${answer.status}`;
  try {
    why = (await answer.json()).error || why;
  } catch { /* not JSON: the status says enough */ }
  throw new Refused(answer.status, why);
}

export async function ask(path, query, signal) {
  const asked = query ? `?${new URLSearchParams(query)}` : "";
  return (await send(`/api/${path}${asked}`, signal)).json();
}

export const ensemblePath = (namespace, name) =>
  `ensembles/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;

const wait = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });

// Calls onChanges with [[topic, value], …], and onState with "" or what is wrong, until the signal aborts.
export async function follow(path, signal, onChanges, onState) {
  while (!signal.aborted) {
    try {
      const answer = await send(`/api/${path}`, signal);
      onState("");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let pending = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        pending += value;
        const parts = pending.split("\n\n");
        pending = parts.pop();
        for (const part of parts) {
          const changes = JSON.parse(part.slice("data: ".length));
          if (changes.length) onChanges(changes);
        }
      }
      if (!signal.aborted) onState("The page's server has closed the connection.");
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status < 500) {
        onState(error.message);
        if (error.status === 401) return;
      } else {
        onState("The page's server does not answer: kubectl zk page has ended. This page continues when it is back on the same port.");
      }
    }
    await wait(1000, signal);
  }
}
