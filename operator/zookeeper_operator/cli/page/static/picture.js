// The ensemble as a picture: members in their zones, who leads, who follows whom, who is away and why.

import { ago, el, number, setText, show, svg, table, theirs } from "./dom.js";

const WIDTH = 168;
const HEIGHT = 92;
const GAP = 36;
const ARCH = 26;
const WIDE = 5;
const NARROW = 2;
const narrow = matchMedia("(max-width: 40rem)");

// Members keep their place: what moves is who leads.
function layout(members) {
  const zones = new Map();
  for (const member of members) {
    const zone = member.zone || "";
    if (!zones.has(zone)) zones.set(zone, []);
    zones.get(zone).push(member);
  }
  const columns = [];
  const perColumn = zones.size > 1 ? 4 : 1;
  for (const [zone, inside] of [...zones].sort(([a], [b]) => a.localeCompare(b))) {
    for (let start = 0; start < inside.length; start += perColumn) {
      columns.push({ zone, members: inside.slice(start, start + perColumn) });
    }
  }
  const perRow = Math.max(1, Math.min(columns.length, narrow.matches ? NARROW : WIDE));
  const places = new Map();
  const boxes = [];
  const tallest = Math.max(1, ...columns.map((c) => c.members.length));
  const below = columns.some((c) => c.zone) ? 26 : 4;
  const stride = tallest * (HEIGHT + GAP) + below;
  columns.forEach((column, index) => {
    const x = GAP / 2 + (index % perRow) * (WIDTH + GAP);
    const top = GAP + Math.floor(index / perRow) * stride;
    column.members.forEach((member, row) => {
      places.set(member.id, { x, y: top + row * (HEIGHT + GAP) });
    });
    boxes.push({ zone: column.zone, x: x - 10, y: top - 10, height: column.members.length * (HEIGHT + GAP) - GAP + 10 + below });
  });
  const rows = Math.ceil(columns.length / perRow);
  return { places, boxes, width: perRow * (WIDTH + GAP), height: rows * stride + 4 };
}

const label = (member) => {
  if (member.role === "leader") return "leads";
  if (member.role === "looking") return "looks for a leader";
  if (member.serving) return member.role;
  return member.state || "away";
};

function box(member, place) {
  const kind = member.role === "leader" ? "leader" : member.serving ? "serving" : member.role === "looking" ? "looking" : "away";
  const below = member.serving
    ? `epoch ${number(member.epoch)}, lag ${number(member.lag)}, ${number(member.connections)} ${member.connections === 1 ? "client" : "clients"}`
    : member.why;
  return svg("g", { class: `member ${kind}${member.voter ? "" : " nonvoter"}`, "data-member": member.id },
    svg("rect", { x: place.x, y: place.y, width: WIDTH, height: HEIGHT, rx: 10 }),
    svg("text", { x: place.x + WIDTH / 2, y: place.y + 24, "text-anchor": "middle", class: "name" },
      `${member.role === "leader" ? "★ " : ""}${member.pod}`),
    svg("text", { x: place.x + WIDTH / 2, y: place.y + 43, "text-anchor": "middle", class: "role" }, label(member)),
    svg("text", { x: place.x + WIDTH / 2, y: place.y + 61, "text-anchor": "middle", class: "detail" }, cut(below, 28)),
    svg("text", { x: place.x + WIDTH / 2, y: place.y + 79, "text-anchor": "middle", class: "detail" }, cut(member.node, 28)),
    svg("title", {}, [member.pod, label(member), member.why, member.node, member.restartReason].filter(Boolean).join(" · ")));
}

const cut = (text, most) => (text && text.length > most ? `${text.slice(0, most - 1)}…` : text || "");

// Beside each other: an arch above the boxes, so that no box between them hides it.
function line(from, to) {
  const a = { x: from.x + WIDTH / 2, y: from.y + HEIGHT / 2 };
  const b = { x: to.x + WIDTH / 2, y: to.y + HEIGHT / 2 };
  if (Math.abs(a.y - b.y) >= 1) return svg("path", { class: "follows", d: `M${a.x} ${a.y} L${b.x} ${b.y}` });
  const height = Math.abs(a.x - b.x) > WIDTH + GAP ? ARCH : ARCH / 2;
  const side = Math.sign(b.x - a.x) * WIDTH / 4;
  const top = from.y;
  return svg("path", { class: "follows",
    d: `M${a.x} ${top} C${a.x + side} ${top - height * 4 / 3} ${b.x - 2 * side} ${top - height * 4 / 3} ${b.x - side} ${top}` });
}

function summary(picture) {
  const leader = picture.leader ? `${picture.leader.pod} leads epoch ${picture.leader.epoch}` : "no member leads";
  return `${leader}; ${picture.quorum.text}`;
}

function draw(picture) {
  const { places, boxes, width, height } = layout(picture.members);
  const lines = picture.members
    .filter((m) => m.follows && places.has(m.follows) && m.follows !== m.id)
    .map((m) => line(places.get(m.id), places.get(m.follows)));
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary(picture), class: "picture",
      preserveAspectRatio: "xMidYMin meet" },
    boxes.filter((b) => b.zone).map((b) => svg("g", { class: "zone" },
      svg("rect", { x: b.x, y: b.y, width: WIDTH + 20, height: b.height, rx: 12 }),
      svg("text", { x: b.x + 10, y: b.y + b.height - 9 }, cut(`zone ${b.zone}`, 26)))),
    lines, picture.members.map((m) => box(m, places.get(m.id))));
}

const HEADERS = ["Member", "Role", "State", "Serves", "Vote", { text: "Epoch", number: true }, "Zxid", { text: "Lag", number: true },
  { text: "Clients", number: true }, "Version", "Node"];

const why = (m) => m.why || m.restartReason;

const row = (m, explained) => el("tr", { class: m.serving ? "ready" : "unready" },
  el("th", { scope: "row" }, theirs(m.pod)), el("td", {}, m.role || "–"), el("td", {}, theirs(m.state || "–")),
  el("td", {}, m.serving === null ? "unknown" : m.serving ? "yes" : "no"), el("td", {}, m.voter ? "yes" : "no"), el("td", { class: "number" }, number(m.epoch)),
  el("td", {}, m.zxid || "–"), el("td", { class: "number" }, number(m.lag)), el("td", { class: "number" }, number(m.connections)),
  el("td", {}, theirs(m.version || "–")), el("td", {}, theirs(m.node || "–")),
  explained && el("td", { class: "words" }, theirs(why(m) || "–")));

function memberTable(members) {
  const explained = members.some(why);
  return table("Members", explained ? [...HEADERS, "Why"] : HEADERS, members.map((m) => row(m, explained)));
}

// Returns {node, update, clock}: update draws again only what has changed.
export function makePicture(announce, signal) {
  const headline = el("p", { class: "headline" });
  const leader = el("p", { class: "leader", id: "leader" });
  const quorum = el("p", { id: "quorum" });
  const next = el("p", { id: "next" });
  const note = el("p", { class: "note" });
  const conditions = el("div");
  const drawing = el("div", { class: "drawing" });
  const members = el("div");
  const node = el("section", { "aria-label": "State" }, headline, leader, quorum, next, note, drawing, conditions, members);
  let last = null;
  let drawn = "";
  const update = (picture) => {
    if (picture === null) {
      last = null;
      show(drawing, el("p", {}, "This ensemble does not exist (any more)."));
      for (const part of [headline, leader, quorum, next, note]) setText(part, "");
      show(conditions);
      show(members);
      return;
    }
    setText(headline, picture.summary);
    headline.className = `headline ${picture.leader && picture.quorum.live >= picture.quorum.needed ? "ready" : "unready"}`;
    clock(picture);
    setText(quorum, picture.quorum.text);
    setText(next, picture.nextAction ? `Next: ${picture.nextAction}` : "");
    setText(note, picture.conflict || (picture.note ? `As the operator wrote it last: ${picture.note}.` : ""));
    const shape = JSON.stringify([picture.members, picture.leader, narrow.matches]);
    if (shape !== drawn) {
      drawn = shape;
      show(drawing, draw(picture));
      show(members, el("details", { open: members.querySelector("details")?.open ?? true },
        el("summary", {}, "Members as a table"), memberTable(picture.members)));
    }
    show(conditions, picture.conditions.length > 0 && table("Conditions that are not as they should be",
      ["Condition", "Reason", "Message"], picture.conditions.map((c) => el("tr", {},
        el("th", { scope: "row" }, theirs(c.types)), el("td", {}, theirs(c.reason)), el("td", { class: "words" }, theirs(c.message))))));
    if (last && (last.leader?.id !== picture.leader?.id || last.leader?.epoch !== picture.leader?.epoch)) {
      announce(picture.leader ? `${picture.leader.pod} leads epoch ${picture.leader.epoch}` : "No member leads");
    }
    last = picture;
  };
  const clock = (picture = last) => {
    if (!picture) return;
    const led = picture.leader;
    const since = led?.since ? ` for ${ago(led.since, Date.now())}` : "";
    setText(leader, led ? `★ ${led.pod} leads epoch ${number(led.epoch)}${since}` : "No member leads");
  };
  narrow.addEventListener("change", () => last && update(last), { signal });
  return { node, update, clock };
}
