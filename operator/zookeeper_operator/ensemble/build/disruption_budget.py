"""The PodDisruptionBudget: one voter at a time, whatever the size."""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, member_selector
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object


def build_disruption_budget(ensemble: Ensemble) -> Object:
    """The budget `NAME`, over the voters: observers are no part of a majority.

    Pods that are not ready may always be evicted, so that a crash-looping member never blocks the
    draining of a node.
    """
    return child(
        ensemble,
        api_version="policy/v1",
        kind="PodDisruptionBudget",
        name=ensemble.name,
        component=names.VOTER,
        content={
            "spec": {
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": member_selector(ensemble, names.VOTER)},
            }
        },
    )
