// What has happened, newest first.

import { ago, el, show, theirs } from "./dom.js";

const WORDS = { election: "election", member: "member", restart: "restart", membership: "membership", event: "Event", cluster: "cluster" };

export function makeTimeline() {
  const list = el("ol", { class: "timeline", tabindex: "0", "aria-label": "What has happened, newest first" });
  const node = el("section", { "aria-label": "Timeline" }, el("h2", {}, "Timeline"), list);
  let moments = [];
  const update = (found) => {
    moments = found;
    show(list, moments.map((m) => el("li", { class: `${m.kind}${m.warning ? " warning" : ""}` },
      el("time", { title: m.at, "data-at": m.at }, clockTime(m.at)), el("span", { class: "kind" }, WORDS[m.kind] || ""),
      theirs(m.text))));
    if (!moments.length) show(list, el("li", {}, "Nothing has happened since this page was opened."));
    clock();
  };
  const clock = () => {
    const now = Date.now();
    for (const time of list.querySelectorAll("time")) time.title = `${time.dataset.at}, ${ago(time.dataset.at, now)} ago`;
  };
  return { node, update, clock };
}

function clockTime(at) {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : time.toLocaleTimeString([], { hour12: false });
}
