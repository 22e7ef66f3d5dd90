"""What a list does not show to run is read live before it counts as stopped.

Reads only. Lists are not of one moment: one of pods may be older than the orphaning of their StatefulSet, and
then shows none that is ours. From "nothing runs" follows that templates start at the goal of the spec at once
(docs/adr/0009), beside members that run what does not fit with it. So where no list shows a StatefulSet that
has members, it is read by name, and the pods are listed after it: in this order no pod can be missed.
"""

import asyncio
from collections.abc import Iterable, Mapping

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.pods import member_ids, ordinals
from zookeeper_operator.kube.api import RESOURCES, Kube, Object

Lists = Mapping[str, list[Object]]
"""The children that were listed, by kind."""


async def with_live_pods(kube: Kube, ensemble: Ensemble, listed: Lists) -> Lists:
    """The lists, with StatefulSets that have no members there, and then all pods, as they are now.

    Three requests at most, whatever the size. None where each component has a StatefulSet with members.
    """
    active = {s["metadata"]["name"] for s in listed["StatefulSet"] if len(ordinals(s)) > 0}
    here = member_ids(ensemble, listed["ConfigMap"], listed["Pod"])
    ids = {*ensemble.voter_ids, *ensemble.observer_ids, *here}
    components = {names.component_of(i) for i in ids}
    unsure = {names.statefulset_name(ensemble.name, c) for c in components} - active
    if not unsure:
        return listed
    statefulsets = await _read_live(kube, ensemble, unsure, listed["StatefulSet"])
    labels = f"{names.LABEL_ENSEMBLE}={ensemble.name}"
    pods = await kube.list(RESOURCES["Pod"], ensemble.namespace, labels=labels)
    return {**listed, "StatefulSet": statefulsets, "Pod": pods}


async def _read_live(
    kube: Kube, ensemble: Ensemble, wanted: Iterable[str], listed: list[Object]
) -> list[Object]:
    """The listed StatefulSets, those of the `wanted` names replaced by what is there now."""
    ordered = sorted(wanted)
    resource = RESOURCES["StatefulSet"]
    found = await asyncio.gather(*(kube.get(resource, ensemble.namespace, n) for n in ordered))
    live = [body for body in found if body is not None and _is_labelled(body, ensemble)]
    return [*(b for b in listed if b["metadata"]["name"] not in ordered), *live]


def _is_labelled(body: Object, ensemble: Ensemble) -> bool:
    return (body["metadata"].get("labels") or {}).get(names.LABEL_ENSEMBLE) == ensemble.name
