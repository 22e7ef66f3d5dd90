"""The PodDisruptionBudget: one voter at a time, whatever the size."""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, member_selector
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object


def build_disruption_budget(target: Target) -> Object:
    """The budget `NAME`, over the voters: observers are no part of a majority.

    Pods that are not ready may always be evicted, so that a crash-looping member never blocks the
    draining of a node.
    """
    return child(
        target,
        api_version="policy/v1",
        kind="PodDisruptionBudget",
        name=target.name,
        component=names.VOTER,
        content={
            "spec": {
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": member_selector(target, names.VOTER)},
            }
        },
    )
