// Elements and texts. The only place that creates elements: what was read becomes a text node or the value of an
// attribute from this list, never markup.

const SVG = "http://www.w3.org/2000/svg";
const ATTRIBUTES = new Set([
  "id", "class", "type", "name", "value", "min", "max", "step", "for", "role", "tabindex", "title", "scope",
  "colspan", "hidden", "disabled", "open", "placeholder", "list", "autocomplete",
  "viewBox", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "d", "width", "height", "text-anchor",
  "preserveAspectRatio",
]);

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on") && typeof value === "function") node.addEventListener(key.slice(2), value);
    else if (key === "href" && String(value).startsWith("#/")) node.setAttribute(key, value);
    else if (ATTRIBUTES.has(key) || key.startsWith("aria-") || key.startsWith("data-")) {
      node.setAttribute(key, value === true ? "" : String(value));
    } else throw new Error(`attribute ${key} is not on the list`);
  }
  add(node, children);
  return node;
}

export function add(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export function show(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

// A text that others have written stands by itself: it cannot change the direction of what is around it.
export const theirs = (text, attributes) => el("bdi", attributes, text);

export function setText(node, text) {
  const wanted = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

export function table(caption, headers, rows, attributes) {
  const head = headers.map((h) => el("th", { scope: "col", class: h.number ? "number" : null }, h.text || h));
  return el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption },
    el("table", attributes || {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, head)),
      el("tbody", {}, rows)));
}

export const number = (value, digits) =>
  value === null || value === undefined ? "–" : digits === undefined ? String(value) : value.toFixed(digits);

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  let value = bytes;
  for (const unit of ["B", "KiB", "MiB"]) {
    if (value < 1024) return unit === "B" ? `${bytes} B` : `${value.toFixed(1)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} GiB`;
}

export function ago(at, now) {
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}
