"""The claim templates of a StatefulSet, from which the volumes of new members are created.

Kubernetes refuses to edit them, so the StatefulSet is deleted and created again by the next reconcile;
without that a member that joins later would get the old size.

Safety:

* the pods of a StatefulSet that is deleted for this keep running (`orphan`);
* it happens only in a reconcile that deletes no pod, because nothing would create that pod again meanwhile;
* it waits while the template is pinned: a new StatefulSet has a new template, which would restart every
  member. The volume of a member that joins meanwhile is grown like any other;
* it waits while the spec is accepted only because the members run with it: without the live template the new
  StatefulSet would be refused.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Delete
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.plan.claims import asked_size
from zookeeper_operator.ensemble.plan.pin import is_pinned
from zookeeper_operator.ensemble.plan.revision import statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity


def plan_claim_templates(situation: Situation) -> Step:
    """Delete the first StatefulSet whose claim templates are too small or wrongly labelled; its pods stay."""
    for component in (names.VOTER, names.OBSERVER):
        found = statefulset_of(situation, component)
        if (
            found is not None
            and (_is_too_small(situation.ensemble, found) or bears_instance(found))
            and not is_pinned(situation, found)
            and not any(problem.carried for problem in situation.warnings)
        ):
            return _recreate(found)
    return Step(Verdict(True, reasons.BOUND, "new members get volumes of the size asked for"))


def with_rollout_restart(situation: Situation, body: Object, component: str) -> Object:
    """A StatefulSet with what `kubectl rollout restart` has written into its template.

    While it is being recreated only its pods know it. Without it the new template would be another
    revision, and every member would be restarted a second time.
    """
    found = statefulset_of(situation, component)
    template = body["spec"]["template"]
    if found is not None:
        known = found["spec"]["template"].get("metadata", {}).get("annotations") or {}
        restart = known.get(names.ANNOTATION_ROLLOUT_RESTART, "")
    else:
        pods = [pod for pod in situation.observed.pods if pod.component == component]
        restart = max(
            (pod.template.get(names.ANNOTATION_ROLLOUT_RESTART, "") for pod in pods), default=""
        )
    if not restart:
        return body
    annotations = {
        **template["metadata"]["annotations"],
        names.ANNOTATION_ROLLOUT_RESTART: restart,
    }
    metadata = {**template["metadata"], "annotations": annotations}
    return {**body, "spec": {**body["spec"], "template": {**template, "metadata": metadata}}}


def _recreate(statefulset: Object) -> Step:
    name = statefulset["metadata"]["name"]
    return Step(
        Verdict(False, reasons.RESIZE_PENDING, f"StatefulSet {name} is recreated for new volumes"),
        (
            Delete(
                api_version="apps/v1",
                kind="StatefulSet",
                name=name,
                uid=statefulset["metadata"]["uid"],
                orphan=True,
                why="volumes of new members get the present size and labels; running pods stay as they are",
            ),
        ),
    )


def _is_too_small(ensemble: Ensemble, statefulset: Object) -> bool:
    return any(
        parse_quantity(template["spec"]["resources"]["requests"]["storage"])
        < asked_size(ensemble, template["metadata"]["name"])
        for template in statefulset["spec"].get("volumeClaimTemplates") or []
    )


def bears_instance(statefulset: Object) -> bool:
    """Whether the claims it creates would bear the label by which a GitOps tool removes them."""
    return any(
        names.LABEL_INSTANCE in (template["metadata"].get("labels") or {})
        for template in statefulset["spec"].get("volumeClaimTemplates") or []
    )
