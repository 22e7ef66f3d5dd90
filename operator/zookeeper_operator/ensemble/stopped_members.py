"""What a list does not show to run is read live before it counts as stopped.

Reads only. Lists are not of one moment: one of pods may be older than the orphaning of their StatefulSet, and
then shows none that is ours. From "nothing runs" follows that templates start at the goal of the spec at once
(docs/adr/0009), beside members that run what does not fit with it. So where no list shows a StatefulSet that
has members, it is read by name, and its pods after it: in this order no pod can be missed.
"""

import asyncio
from collections.abc import Iterable, Mapping

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import published_ids
from zookeeper_operator.ensemble.pods import ordinals
from zookeeper_operator.kube.api import RESOURCES, Kube, Object

Lists = Mapping[str, list[Object]]
"""The children that were listed, by kind."""


async def with_live_pods(kube: Kube, ensemble: Ensemble, listed: Lists) -> Lists:
    """The lists, with the StatefulSets and pods of components that have no members there, as they are now."""
    active = {s["metadata"]["name"] for s in listed["StatefulSet"] if len(ordinals(s)) > 0}
    unsure = {
        i: name
        for i in _member_ids(ensemble, listed)
        if (name := names.statefulset_name(ensemble.name, names.component_of(i))) not in active
    }
    if not unsure:
        return listed
    statefulsets = await _read_live(kube, ensemble, "StatefulSet", unsure.values(), listed)
    pods = [names.member_name(ensemble.name, i) for i in unsure]
    return {
        **listed,
        "StatefulSet": statefulsets,
        "Pod": await _read_live(kube, ensemble, "Pod", pods, listed),
    }


def _member_ids(ensemble: Ensemble, listed: Lists) -> list[int]:
    """The members that may have a pod: of the spec, of the published list, and those of listed pods."""
    published = next(
        (
            c
            for c in listed["ConfigMap"]
            if c["metadata"]["name"] == names.membership_name(ensemble.name)
        ),
        None,
    )
    pods = {names.member_id_of(ensemble.name, pod["metadata"]["name"]) for pod in listed["Pod"]}
    present = {i for i in pods if i is not None}
    ids = {*ensemble.voter_ids, *ensemble.observer_ids, *published_ids(published), *present}
    return sorted(i for i in ids if not ensemble.is_foreign(i))


async def _read_live(
    kube: Kube, ensemble: Ensemble, kind: str, wanted: Iterable[str], listed: Lists
) -> list[Object]:
    """The listed objects of a kind, those of the `wanted` names replaced by what is there now."""
    ordered = sorted(set(wanted))
    found = await asyncio.gather(
        *(kube.get(RESOURCES[kind], ensemble.namespace, name) for name in ordered)
    )
    live = [body for body in found if body is not None and _is_labelled(body, ensemble)]
    return [*(b for b in listed[kind] if b["metadata"]["name"] not in ordered), *live]


def _is_labelled(body: Object, ensemble: Ensemble) -> bool:
    return (body["metadata"].get("labels") or {}).get(names.LABEL_ENSEMBLE) == ensemble.name
