// Which view is shown, and what is said above all of them: the cluster, the server, a right that is missing.

import { ask, ensemblePath, follow, open } from "./api.js";
import { el, setText, show, theirs } from "./dom.js";
import { makeLoad } from "./load.js";
import { showOverview } from "./overview.js";
import { makePicture } from "./picture.js";
import { makePlan } from "./plan.js";
import { makeTimeline } from "./timeline.js";
import { makeTree } from "./tree.js";

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const connection = document.getElementById("connection");
const announcer = document.getElementById("announcer");
const problems = new Map();
let leaving = new AbortController();
let place = null;

function say() {
  const texts = [...problems.values()].filter(Boolean);
  banner.hidden = !texts.length;
  show(banner, texts.map((text) => el("p", {}, theirs(text))));
  const live = !problems.get("server") && !problems.get("cluster");
  document.body.classList.toggle("outdated", !live);
  setText(connection, live ? "live" : "not up to date");
}

const state = {
  server: (text) => { problems.set("server", text); say(); },
  cluster: (cluster) => {
    const since = cluster.since ? ` since ${new Date(cluster.since).toLocaleTimeString([], { hour12: false })}` : "";
    problems.set("cluster", cluster.reachable ? ""
      : `The cluster is out of reach${since}: ${cluster.problem}. What is shown is what was seen last; the page tries again by itself.`);
    say();
  },
  refused: (topic, text) => { problems.set(topic, text); say(); },
};

function showEnsemble(namespace, name, view, signal) {
  const path = ensemblePath(namespace, name);
  const here = `#/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const views = [["", "Ensemble"], ["znodes", "Znodes"], ["load", "Load and clients"], ["plan", "What if"]];
  const tabs = el("nav", { "aria-label": "Views" }, views.map(([key, text]) =>
    el("a", { href: key ? `${here}/${key}` : here, "aria-current": key === view ? "page" : null }, text)));
  const title = el("h2", {}, theirs(`${namespace}/${name}`));
  const now = el("p", { class: "now" });
  const picture = makePicture((text) => setText(announcer, text), signal);
  const timeline = makeTimeline();
  const rest = { znodes: makeTree, load: makeLoad, plan: makePlan }[view]?.(path, signal);
  show(main, title, tabs, rest ? [now, rest.node] : el("div", { class: "two" }, picture.node, timeline.node));
  rest?.start();
  const timer = setInterval(() => { picture.clock(); timeline.clock(); }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  return follow(path, signal, (changes) => {
    for (const [topic, value] of changes) {
      if (topic === "cluster") state.cluster(value);
      else if (topic === "picture") {
        picture.update(value);
        setText(now, value?.leader ? `★ ${value.leader.pod} leads epoch ${value.leader.epoch}; ${value.quorum.text}` : "No member leads");
      } else if (topic === "timeline") timeline.update(value);
      else if (topic.startsWith("refused:")) state.refused(topic, value);
    }
  }, state.server);
}

function route() {
  leaving.abort();
  leaving = new AbortController();
  problems.clear();
  say();
  const [namespace, name, view] = parts(location.hash);
  document.title = name ? `${namespace}/${name}` : "ZooKeeper ensembles";
  if (name) showEnsemble(namespace, name, view || "", leaving.signal);
  else showOverview(main, place, leaving.signal, state);
}

function parts(hash) {
  try {
    return hash.slice(2).split("/").map(decodeURIComponent);
  } catch {
    return []; // no address of this page: the overview
  }
}

async function start() {
  await open();
  try {
    place = await ask("place");
  } catch (error) {
    show(main, el("p", { class: "warning" }, error.message));
    return;
  }
  const where = place.namespace ? `namespace ${place.namespace}` : "all namespaces";
  show(document.getElementById("place"), theirs([place.context, where].filter(Boolean).join(", ")));
  addEventListener("hashchange", route);
  if (place.name && location.hash.length < 3) location.replace(`#/${encodeURIComponent(place.home)}/${encodeURIComponent(place.name)}`);
  route();
}

start();
