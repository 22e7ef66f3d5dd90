"""The StatefulSets: the voters `NAME` and the observers `NAME-observer`.

Pod index, `ZOO_MY_ID` and `server.N` are one and the same number. Pods start in parallel, because
one alone never becomes ready, and are replaced only by the operator (`OnDelete`), which
knows which one leads.
"""

from zookeeper_operator.api.ensemble import VolumeSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.objects import child, labels_of, member_selector
from zookeeper_operator.ensemble.build.pod import build_pod_template
from zookeeper_operator.ensemble.build.volumes import volumes_asked_for
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object


def build_statefulset(
    target: Target,
    component: str,
    *,
    replicas: int,
    config: str,
    auth_hash: str,
) -> Object:
    """The StatefulSet of the voters or of the observers.

    Args:
        target: What is wanted.
        component: `names.VOTER` or `names.OBSERVER`.
        replicas: How many pods there must be now, as the planner has decided.
        config: Name of the ConfigMap with the configuration.
        auth_hash: Hash of `NAME-auth`.
    """
    storage = target.spec.storage
    spec: Object = {
        "replicas": replicas,
        "serviceName": names.members_service_name(target.name),
        "ordinals": {"start": _first_ordinal(target, component)},
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "OnDelete"},
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": storage.retention.when_deleted,
            # To Kubernetes a stopped ensemble is one scaled to nothing; its data must be kept.
            "whenScaled": "Retain" if target.spec.stopped else storage.retention.when_scaled,
        },
        "selector": {"matchLabels": member_selector(target, component)},
        "template": build_pod_template(target, component, config=config, auth_hash=auth_hash),
    }
    if not storage.ephemeral:
        spec["volumeClaimTemplates"] = [
            _claim_template(target, component, name, volume)
            for name, volume in volumes_asked_for(target.spec).items()
        ]
    return child(
        target,
        api_version="apps/v1",
        kind="StatefulSet",
        name=names.statefulset_name(target.name, component),
        component=component,
        content={"spec": spec},
    )


def _first_ordinal(target: Target, component: str) -> int:
    return names.FIRST_OBSERVER_ID if component == names.OBSERVER else target.first_id


def _claim_template(target: Target, component: str, name: str, volume: VolumeSpec) -> Object:
    """One claim per member; its labels say which member it belongs to.

    It has no owner and outlives the ensemble, so no label of it may make a GitOps tool remove it.
    """
    labels = {
        key: value
        for key, value in labels_of(target, component).items()
        if key != names.LABEL_INSTANCE
    }
    spec: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": volume.size}},
    }
    if volume.storage_class_name is not None:
        spec["storageClassName"] = volume.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "labels": {**labels, names.LABEL_IDENTITY: target.membership.identity},
        },
        "spec": spec,
    }
