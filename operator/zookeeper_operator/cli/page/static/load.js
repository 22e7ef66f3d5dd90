// How busy the members are, and which clients are: read again and again while it is shown.

import { ask } from "./api.js";
import { el, number, show, size, table, theirs } from "./dom.js";

const EVERY = 2000;
const num = (text) => ({ text, number: true });
const cell = (value) => el("td", { class: "number" }, value);

export function makeLoad(path, signal) {
  const members = el("div");
  const clients = el("div");
  const problem = el("p", { class: "warning", role: "status" });
  const node = el("section", { "aria-label": "Load" }, problem, members, clients);

  function update(load) {
    show(members, table("Members", ["Member", "Role", num("Requests/s"), num("Reads/s"), num("Read ms"), num("Writes/s"),
      num("Write ms"), num("fsync ms"), num("Outstanding"), num("Clients"), num("Watches"), num("Ephemerals"), num("Znodes"), num("Data")],
      load.members.map((m) => el("tr", { class: m.problem ? "unready" : "ready" },
        el("th", { scope: "row" }, theirs(m.pod)), el("td", {}, theirs(m.problem || m.role || "–")),
        cell(number(m.requestsPerSecond, 1)), cell(number(m.readsPerSecond, 1)), cell(number(m.readMilliseconds, 1)),
        cell(number(m.writesPerSecond, 1)), cell(number(m.writeMilliseconds, 1)), cell(number(m.fsyncMilliseconds, 1)),
        cell(number(m.outstanding)), cell(number(m.connections)), cell(number(m.watches)), cell(number(m.ephemerals)),
        cell(number(m.znodes)), cell(size(m.dataBytes))))));
    show(clients, table("Busiest clients, by address", ["Client", num("Connections"), num("Requests/s"), num("Outstanding"),
      num("Slowest ms"), "At"], load.clients.map((c) => el("tr", {},
        el("th", { scope: "row" }, theirs(c.address)), cell(number(c.connections)), cell(number(c.requests, 1)),
        cell(number(c.outstanding)), cell(number(c.max_latency)), el("td", {}, theirs(c.pods.join(" ")))))));
  }

  async function start() {
    while (!signal.aborted) {
      try {
        update(await ask(`${path}/load`, null, signal));
        show(problem);
      } catch (error) {
        if (signal.aborted) return;
        show(problem, error.message);
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  }
  return { node, start };
}
