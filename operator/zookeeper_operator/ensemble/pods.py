"""From the API server's objects to the few facts that decisions are made from.

Pods and claims are read here and nowhere else; why a pod does not come up is found in `trouble`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from zookeeper_operator.api.conditions import find_written
from zookeeper_operator.api.ensemble import LAST_OBSERVER_ID
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import published_ids
from zookeeper_operator.ensemble.observed import Claim, FormerVolume, Pod, StorageClass
from zookeeper_operator.ensemble.trouble import (
    creating_since,
    member_trouble,
    runs,
    server_of,
    sidecar_trouble,
)
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity
from zookeeper_operator.kube.times import parse_time

# A driver that grows file systems online clears this within a minute or two; after that the volume waits
# for its pod to be restarted.
_ONLINE_GROWTH: Final = timedelta(minutes=3)

# Times in the API are whole seconds.
_ROUNDING: Final = timedelta(seconds=1)

_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"


def read_pods(
    pods: Iterable[Object], *, ensemble: str, statefulsets: Iterable[Object], now: datetime
) -> tuple[Pod, ...]:
    """The members' pods, by id; `statefulsets` are ours."""
    uids = {s["metadata"]["name"]: s["metadata"]["uid"] for s in statefulsets}
    found = (
        read_pod(body, ensemble=ensemble, now=now)
        for body in pods
        if _is_made_by(body, uids, ensemble)
    )
    return tuple(sorted(filter(None, found), key=lambda pod: pod.id))


def read_previous_pods(
    pods: Iterable[Object], *, ensemble: str, pods_of_members: Iterable[Pod]
) -> tuple[str, ...]:
    """The names of pods that are called like a member's, and are controlled by what is not ours.

    A deleted ensemble has left them, for the garbage collector. One without an owner stays, and belongs to
    no ensemble: a copy that someone has made of a pod.
    """
    ours = {pod.name for pod in pods_of_members}
    found = {
        pod["metadata"]["name"]
        for pod in pods
        if pod["metadata"].get("ownerReferences")
        and names.member_id_of(ensemble, pod["metadata"]["name"]) is not None
    }
    return tuple(sorted(found - ours))


def _is_made_by(pod: Object, statefulsets: Mapping[str, str], ensemble: str) -> bool:
    """Whether the StatefulSet that a pod is named after, of these UIDs by name, has made it.

    Labels prove nothing: a copy of a pod (`kubectl debug --copy-to --keep-labels`) bears them too. A pod
    without a controller is a member's while its StatefulSet is being recreated; Kubernetes has labelled it
    with its own name.
    """
    name = pod["metadata"]["name"]
    member_id = names.member_id_of(ensemble, name)
    if member_id is None:
        return False
    owner = controller_uid(pod)
    if not owner:
        return bool((pod["metadata"].get("labels") or {}).get(names.LABEL_POD_NAME) == name)
    return (
        statefulsets.get(names.statefulset_name(ensemble, names.component_of(member_id))) == owner
    )


def read_pod(pod: Object, *, ensemble: str, now: datetime) -> Pod | None:
    """One member's pod; None if it is not called like one."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    member_id = names.member_id_of(ensemble, metadata["name"])
    if member_id is None:
        return None
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    server = server_of(status)
    running = (server.get("state") or {}).get("running") or {}
    readiness = find_written(status, "Ready")
    ready = readiness.get("status") == "True"
    return Pod(
        id=member_id,
        name=metadata["name"],
        uid=metadata["uid"],
        revision=labels.get(names.LABEL_REVISION, ""),
        ready=ready,
        terminating=bool(metadata.get("deletionTimestamp")),
        running=runs(server),
        node=(pod.get("spec") or {}).get("nodeName", ""),
        ip=status.get("podIP", ""),
        host_ip=status.get("hostIP", ""),
        trouble=member_trouble(status, now),
        sidecar=sidecar_trouble(status, now),
        answered=bool(server.get("started")),
        running_since=parse_time(running.get("startedAt")),
        creating_since=creating_since(status),
        notified=annotations.get(names.ANNOTATION_CERTIFICATES, ""),
        template=template_marks(metadata),
        ready_since=parse_time(readiness.get("lastTransitionTime")) if ready else None,
        unready_since=None
        if ready
        else parse_time(readiness.get("lastTransitionTime") or metadata.get("creationTimestamp")),
        config=config_of(pod.get("spec") or {}),
        replace_requested=annotations.get(names.ANNOTATION_REPLACE) == "true",
        never_ready=_was_never_ready(status),
    )


def _was_never_ready(status: Mapping[str, Any]) -> bool:
    """Whether a pod has not been ready in its life.

    The kubelet writes all conditions of a new pod at the same moment, or `Initialized` later. `Ready` changes
    after that only by becoming true.
    """
    ready, initialized = find_written(status, "Ready"), find_written(status, "Initialized")
    if not ready:
        return True
    since, begun = (
        parse_time(condition.get("lastTransitionTime")) for condition in (ready, initialized)
    )
    return (
        ready.get("status") != "True"
        and since is not None
        and begun is not None
        and since - begun <= _ROUNDING
    )


def template_marks(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    """The annotations of a pod, or of a pod template, that say why it differs from another one."""
    annotations = metadata.get("annotations") or {}
    return {key: annotations[key] for key in names.TEMPLATE_MARKS if key in annotations}


def member_ids(
    ensemble: Ensemble, configs: Iterable[Object], pods: Iterable[Object]
) -> frozenset[int]:
    """Our members that the published list of an ensemble names, and those that have a pod."""
    name = names.membership_name(ensemble.name)
    published = next((c for c in configs if c["metadata"]["name"] == name), None)
    present = {names.member_id_of(ensemble.name, pod["metadata"]["name"]) for pod in pods}
    known = published_ids(published) | {i for i in present if i is not None}
    return frozenset(i for i in known if not ensemble.is_foreign(i))


def ordinals(statefulset: Object) -> range:
    """The ids of the members that a StatefulSet has pods for.

    There are none beyond the ids of its component, whatever it was scaled to.
    """
    spec = statefulset["spec"]
    first: int = (spec.get("ordinals") or {}).get("start", 0)
    replicas: int = spec.get("replicas", 1)
    is_voter = first < names.FIRST_OBSERVER_ID
    end = names.FIRST_OBSERVER_ID if is_voter else LAST_OBSERVER_ID + 1
    return range(first, min(first + replicas, end))


def update_revision_of(statefulset: Object) -> str:
    """The revision every pod of a StatefulSet must run; empty while Kubernetes has not reported it yet."""
    status = statefulset.get("status") or {}
    if status.get("observedGeneration", 0) < statefulset["metadata"].get("generation", 0):
        return ""
    return str(status.get("updateRevision") or "")


def missing_pods(statefulset: Object, pods: Iterable[Pod]) -> tuple[str, ...]:
    """Names of the pods that a StatefulSet must have and that are not there."""
    name, present = statefulset["metadata"]["name"], {pod.name for pod in pods}
    wanted = (f"{name}-{member_id}" for member_id in ordinals(statefulset))
    return tuple(pod for pod in wanted if pod not in present)


def config_of(pod_spec: Mapping[str, Any]) -> str:
    """The name of the configuration that a pod is made with; empty if it names none."""
    volumes = pod_spec.get("volumes") or []
    found = (v.get("configMap") or {} for v in volumes if v.get("name") == names.CONFIG_VOLUME)
    return str(next(found, {}).get("name", ""))


def is_node_ready(node: Object | None) -> bool:
    """Whether a node exists and its kubelet reports to the cluster."""
    return (
        node is not None and find_written(node.get("status") or {}, "Ready").get("status") == "True"
    )


def read_claim(claim: Object, *, ensemble: str, now: datetime) -> Claim | None:
    """One member's volume claim; None if its name is not one that a StatefulSet of ours gives.

    Claims need not have an owner: they outlive their StatefulSet. By its name, and by nothing else, a
    StatefulSet takes a claim for its own.
    """
    metadata, spec, status = claim["metadata"], claim.get("spec") or {}, claim.get("status") or {}
    volume, _, pod = metadata["name"].partition("-")
    member_id = names.member_id_of(ensemble, pod)
    if member_id is None or volume not in {names.DATA_VOLUME, names.LOG_VOLUME}:
        return None
    requested = ((spec.get("resources") or {}).get("requests") or {}).get("storage", 0)
    pending = find_written(status, "FileSystemResizePending")
    resizing = find_written(status, "Resizing").get("status") == "True"
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    capacity = parse_quantity((status.get("capacity") or {}).get("storage", 0))
    return Claim(
        name=metadata["name"],
        uid=metadata["uid"],
        member_id=member_id,
        volume=volume,
        phase=status.get("phase", "Pending"),
        requested=parse_quantity(requested),
        size=str(requested),
        capacity=capacity,
        identity=labels.get(names.LABEL_IDENTITY, ""),
        instance=labels.get(names.LABEL_INSTANCE),
        member={"true": True, "false": False}.get(annotations.get(names.ANNOTATION_MEMBER, "")),
        storage_class=spec.get("storageClassName") or "",
        terminating=bool(metadata.get("deletionTimestamp")),
        owners=frozenset(o["uid"] for o in metadata.get("ownerReferences") or []),
        resizing=resizing
        or (status.get("phase") == "Bound" and capacity < parse_quantity(requested)),
        file_system_resize_pending=pending.get("status") == "True"
        and _older_than(pending.get("lastTransitionTime"), _ONLINE_GROWTH, now),
    )


def _older_than(moment: str | None, age: timedelta, now: datetime) -> bool:
    since = parse_time(moment)
    return since is not None and now - since > age


def read_storage_classes(classes: Iterable[Object]) -> Mapping[str, StorageClass]:
    """The storage classes by name."""
    return {
        c["metadata"]["name"]: StorageClass(
            name=c["metadata"]["name"],
            expandable=bool(c.get("allowVolumeExpansion")),
            default=(c["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true",
        )
        for c in classes
    }


def read_former_volumes(
    volumes: Iterable[Object], *, namespace: str, claims: Iterable[Claim]
) -> tuple[FormerVolume, ...]:
    """The volumes of this namespace that name a claim which is not, or no longer, the one of that name."""
    present = {claim.uid for claim in claims}
    references = ((v, (v.get("spec") or {}).get("claimRef") or {}) for v in volumes)
    return tuple(
        FormerVolume(
            name=v["metadata"]["name"],
            claim=str(reference.get("name", "")),
            phase=str((v.get("status") or {}).get("phase", "Pending")),
        )
        for v, reference in references
        if reference.get("namespace") == namespace and reference.get("uid") not in present
    )


def controller_uid(body: Object) -> str:
    """The UID of the object that controls this one; empty if none does."""
    owners = body["metadata"].get("ownerReferences") or []
    return next((o["uid"] for o in owners if o.get("controller")), "")


def is_ours(body: Object, *, name: str, uid: str, needed: bool) -> bool:
    """Whether an object belongs to the ensemble of that name and UID.

    Ours is what the ensemble controls. One without a controller that bears all our labels is ours too, where
    a name is `needed`: it was left behind on purpose when the ensemble was deleted with `--cascade=orphan`,
    or its StatefulSet is being recreated.
    """
    owner = controller_uid(body)
    if owner:
        return owner == uid
    labels = body["metadata"].get("labels") or {}
    return (
        needed
        and labels.get(names.LABEL_ENSEMBLE) == name
        and labels.get("app.kubernetes.io/managed-by") == names.FIELD_MANAGER
    )
