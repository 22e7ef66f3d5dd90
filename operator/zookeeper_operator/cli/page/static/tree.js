// The znodes: a level is read when it is opened, a page of it at a time; nothing that is not shown is read.

import { ask, Refused } from "./api.js";
import { el, show, size, theirs } from "./dom.js";

export function makeTree(path, signal) {
  const tree = el("ul", { role: "tree", "aria-label": "Znodes", class: "tree" });
  const content = el("div", { class: "content", "aria-live": "polite" });
  const root = branch({ path: "/", label: "/", size: 0, count: 1, ephemeral: false }, 1);
  tree.append(root);
  let current = root;
  root.setAttribute("tabindex", "0");

  function branch(znode, level) {
    const group = el("ul", { role: "group", hidden: true });
    const mark = el("span", { class: "mark", "aria-hidden": "true" }, znode.count ? "▸" : "·");
    const facts = [znode.size ? size(znode.size) : null, znode.count && znode.path !== "/" ? `${znode.count} below` : null,
      znode.ephemeral ? "ephemeral" : null, znode.hidden ? "may not be read" : null].filter(Boolean).join(", ");
    const item = el("li", { role: "treeitem", "aria-level": level, "aria-expanded": znode.count ? "false" : null, tabindex: "-1" },
      el("span", { class: "line" }, mark, " ", theirs(znode.label), el("span", { class: "facts" }, facts ? `  ${facts}` : "")), group);
    item.znode = znode;
    item.level = level;
    item.group = group;
    item.querySelector(".line").addEventListener("click", (event) => {
      event.stopPropagation();
      focus(item);
      toggle(item);
      read(item);
    });
    return item;
  }

  async function toggle(item, wanted = item.group.hidden) {
    if (!item.znode.count) return;
    item.setAttribute("aria-expanded", String(wanted));
    item.querySelector(".mark").textContent = wanted ? "▾" : "▸";
    item.group.hidden = !wanted;
    if (!wanted) item.group.replaceChildren();
    else await more(item, "");
  }

  async function more(item, after) {
    const waiting = el("li", { class: "waiting" }, "Reading…");
    item.group.append(waiting);
    try {
      const found = await ask(`${path}/children`, { path: item.znode.path, after }, signal);
      waiting.remove();
      item.group.append(...found.children.map((child) => branch(child, item.level + 1)));
      if (found.left) {
        const button = el("button", { type: "button", onclick: () => { button.parentNode.remove(); more(item, found.last); } },
          `${found.left} more`);
        item.group.append(el("li", { role: "none" }, button));
      }
    } catch (error) {
      if (signal.aborted) return;
      show(waiting, error instanceof Refused ? error.message : "The page's server does not answer.");
    }
  }

  let reading = 0;
  async function read(item) {
    const mine = ++reading;
    show(content, el("p", {}, "Reading…"));
    try {
      const found = await ask(`${path}/znode`, { path: item.znode.path }, signal);
      if (mine === reading) showContent(found);
    } catch (error) {
      if (mine === reading && !signal.aborted) show(content, el("p", { class: "warning" }, error.message));
    }
  }

  function showContent(found) {
    const forms = [["Text", found.data.text], ["JSON", found.data.json], ["Hex", found.data.hex]].filter(([, text]) => text !== null);
    const shown = el("pre", { tabindex: "0", "aria-label": "Data" });
    const choose = (name) => {
      show(shown, theirs(forms.find(([form]) => form === name)[1]));
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.form === name));
    };
    const buttons = forms.map(([name]) => el("button", { type: "button", "data-form": name, onclick: () => choose(name) }, name));
    const stat = found.stat;
    const time = (at) => (at > 0 ? new Date(at).toISOString() : "–");
    const facts = [["size", size(found.data.size)], ["version", stat.version], ["created", time(stat.ctime)], ["changed", time(stat.mtime)],
      ["children", stat.children], ["czxid", stat.czxid], ["mzxid", stat.mzxid], ["pzxid", stat.pzxid],
      ["cversion", stat.cversion], ["aversion", stat.aversion], ["owner", stat.ephemeral_owner], ["read from", found.pod]];
    show(content, el("h3", {}, theirs(found.label)), el("p", {}, buttons, el("span", {}, ` ${found.data.kind}`)), shown,
      found.data.cut && el("p", {}, "Only the beginning is shown."),
      el("dl", {}, facts.map(([key, value]) => [el("dt", {}, key), el("dd", {}, String(value))])),
      el("h4", {}, "ACL"),
      found.acl === null ? el("p", {}, "It may not be read.")
        : el("ul", {}, found.acl.map((g) => el("li", {}, theirs(`${g.scheme}:${g.id} ${g.permissions}`)))));
    choose(found.data.json !== null ? "JSON" : found.data.text !== null ? "Text" : "Hex");
  }

  function focus(item) {
    current.setAttribute("tabindex", "-1");
    current = item;
    item.setAttribute("tabindex", "0");
    item.focus();
  }

  tree.addEventListener("keydown", (event) => {
    const items = [...tree.querySelectorAll('[role="treeitem"]')];
    const at = items.indexOf(current);
    const go = { ArrowDown: items[at + 1], ArrowUp: items[at - 1], Home: items[0], End: items.at(-1) }[event.key];
    if (event.target.tagName === "BUTTON") return;
    if (go) focus(go);
    else if (event.key === "ArrowRight") toggle(current, true);
    else if (event.key === "ArrowLeft" && !current.group.hidden) toggle(current, false);
    else if (event.key === "ArrowLeft") {
      const above = current.parentNode.closest('[role="treeitem"]');
      if (above) focus(above);
    } else if (event.key === "Enter" || event.key === " ") read(current);
    else return;
    event.preventDefault();
  });

  const node = el("section", { "aria-label": "Znodes", class: "znodes" }, tree, content);
  return { node, start: () => { toggle(root, true); read(root); } };
}
