// What an edit would do: the forecast of kubectl zk plan, step by step. Nothing is changed.

import { ask } from "./api.js";
import { el, show, theirs } from "./dom.js";

export function makePlan(path, signal) {
  const replicas = el("input", { type: "number", id: "replicas", min: 1, max: 99, step: 1 });
  const version = el("input", { id: "version", autocomplete: "off", placeholder: "as now" });
  const restart = el("input", { type: "checkbox", id: "restart" });
  const answer = el("div", { "aria-live": "polite" });
  const form = el("form", { class: "whatif" },
    el("label", { for: "replicas" }, "Replicas ", replicas), el("label", { for: "version" }, "Version ", version),
    el("label", { for: "restart" }, restart, " Restart all members"),
    el("button", { type: "submit" }, "What would happen?"));

  async function rehearse(event) {
    event?.preventDefault();
    show(answer, el("p", {}, "Asking the planner…"));
    try {
      const asked = { replicas: replicas.value, version: version.value, restart: restart.checked ? "1" : "" };
      update(await ask(`${path}/plan`, asked, signal));
    } catch (error) {
      if (!signal.aborted) show(answer, el("p", { class: "warning" }, error.message));
    }
  }

  function update(plan) {
    show(answer, el("p", { class: plan.outcome === "refused" ? "headline unready" : "headline" }, theirs(plan.summary)),
      plan.refusals.map((why) => el("p", { class: "warning" }, theirs(why))),
      plan.steps.length > 0 && el("ol", { class: "steps" }, plan.steps.map((step) => el("li", { class: `step-${step.kind.replaceAll(" ", "-")}` },
        el("strong", {}, theirs(step.kind)), " ", theirs(step.subject), el("span", { class: "facts" }, theirs(` ${step.why}`)),
        step.then.length > 0 ? el("ul", {}, step.then.map((what) => el("li", {}, theirs(what)))) : null))),
      plan.remarks.map((remark) => el("p", { class: "note" }, theirs(remark))));
  }

  form.addEventListener("submit", rehearse);
  return { node: el("section", { "aria-label": "What if" }, form, answer), start: rehearse };
}
