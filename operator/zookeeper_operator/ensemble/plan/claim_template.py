"""The claim templates of a StatefulSet, from which the volumes of new members are created.

Kubernetes refuses to edit them, so the StatefulSet is deleted and created again by the next pass; without
that a member that joins later would get the old size.

Safety:

* the pods of a StatefulSet that is deleted for this keep running (`orphan`);
* it happens only in a pass that deletes no pod, because nothing would create that pod again meanwhile;
* it waits while the template is pinned: a new StatefulSet has a new template, which would restart every
  member. The volume of a member that joins meanwhile is grown like any other.
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
    """Delete the first StatefulSet whose claim templates are too small; its pods stay."""
    for component in (names.VOTER, names.OBSERVER):
        found = statefulset_of(situation, component)
        if (
            found is not None
            and _is_too_small(situation.ensemble, found)
            and not is_pinned(situation, found)
        ):
            return _recreate(found)
    return Step(Verdict(True, reasons.BOUND, "new members get volumes of the size asked for"))


def _recreate(statefulset: Object) -> Step:
    name = statefulset["metadata"]["name"]
    return Step(
        Verdict(
            False, reasons.RESIZE_PENDING, f"StatefulSet {name} is created again for new sizes"
        ),
        (
            Delete(
                api_version="apps/v1",
                kind="StatefulSet",
                name=name,
                uid=statefulset["metadata"]["uid"],
                orphan=True,
                why="volumes of new members get the new size; running pods stay as they are",
            ),
        ),
    )


def _is_too_small(ensemble: Ensemble, statefulset: Object) -> bool:
    return any(
        parse_quantity(template["spec"]["resources"]["requests"]["storage"])
        < asked_size(ensemble, template["metadata"]["name"])
        for template in statefulset["spec"].get("volumeClaimTemplates") or []
    )
