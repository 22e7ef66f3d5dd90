// All ensembles of a namespace or the cluster, a line each, kept up to date line by line.

import { follow } from "./api.js";
import { add, el, number, setText, show, table, theirs } from "./dom.js";

const ORDER = (a, b) =>
  a.ready - b.ready || a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name);

export function showOverview(main, place, signal, state) {
  const rows = new Map(); // by uid: {value, node}
  const filter = el("input", { type: "search", id: "filter", autocomplete: "off", placeholder: "name, leader, state" });
  const count = el("p", { role: "status" });
  const body = el("tbody");
  const framed = table("Ensembles", ["Ensemble", "State", "Voters", { text: "May be lost", number: true }, "Leader",
    { text: "Epoch", number: true }, "Next action"], []);
  framed.querySelector("tbody").replaceWith(body);
  show(main, el("p", { class: "filter" }, el("label", { for: "filter" }, "Filter "), filter), count, framed);

  let known = null;
  const matches = (value) => {
    const wanted = filter.value.trim().toLowerCase();
    return !wanted || `${value.namespace}/${value.name} ${value.leader} ${value.summary} ${value.nextAction}`
      .toLowerCase().includes(wanted);
  };
  const recount = () => {
    const all = [...rows.values()];
    const unready = all.filter((row) => !row.value.ready).length;
    const shown = all.filter((row) => !row.node.hidden).length;
    const filtered = shown === all.length ? "" : `, ${shown} shown`;
    setText(count, known === null ? "Loading…" : `${all.length} ensembles, ${unready} not ready${filtered}`);
  };
  const render = (row) => {
    const v = row.value;
    const link = el("a", { href: `#/${encodeURIComponent(v.namespace)}/${encodeURIComponent(v.name)}` },
      theirs(`${v.namespace}/${v.name}`));
    row.node.className = v.ready ? "ready" : "unready";
    row.node.hidden = !matches(v);
    show(row.node, el("th", { scope: "row" }, link), el("td", { class: "state" }, theirs(v.summary)),
      el("td", {}, v.voters || "–"), el("td", { class: "number" }, number(v.tolerates)),
      el("td", {}, theirs(v.leader || "–")), el("td", { class: "number" }, number(v.epoch)),
      el("td", {}, theirs(v.nextAction || "–")));
  };
  filter.addEventListener("input", () => {
    for (const row of rows.values()) row.node.hidden = !matches(row.value);
    recount();
  });

  return follow("ensembles", signal, (changes) => {
    let moved = false;
    for (const [topic, value] of changes) {
      if (topic === "listed") known = value;
      else if (topic === "cluster") state.cluster(value);
      else if (topic.startsWith("refused:")) state.refused(topic, value);
      else if (topic.startsWith("row:")) {
        const uid = topic.slice("row:".length);
        const row = rows.get(uid);
        if (value === null) {
          row?.node.remove();
          rows.delete(uid);
        } else if (row) {
          moved ||= row.value.ready !== value.ready;
          row.value = value;
          render(row);
        } else {
          const made = { value, node: el("tr") };
          rows.set(uid, made);
          render(made);
          moved = true;
        }
      }
    }
    if (moved) add(body, [...rows.values()].sort((a, b) => ORDER(a.value, b.value)).map((row) => row.node));
    recount();
  }, state.server);
}
