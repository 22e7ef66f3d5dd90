"""The child objects as they must be now, and the applies that make them so.

An object is applied when it is missing, when what we would apply has changed since we last did (the hash
in its annotation), or when a value we own was edited by somebody else. At rest nothing differs and
nothing is sent.
"""

from collections.abc import Iterable, Iterator

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Action, Apply, Delete
from zookeeper_operator.ensemble.build import BUILDER_REVISION
from zookeeper_operator.ensemble.build.auth import PASSWORD_KEY, build_auth, read_password
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.connection import build_binding, build_connection
from zookeeper_operator.ensemble.build.disruption_budget import build_disruption_budget
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.build.services import (
    build_client_service,
    build_external_service,
    build_member_service,
    build_members_service,
)
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.build.statefulset import build_statefulset
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan.replicas import hosted_observers, hosted_voters, live_replicas
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.diff import first_difference
from zookeeper_operator.kube.hashes import content_hash


def wanted_children(situation: Situation) -> Iterator[Object]:
    """Every child as it must be now, in the order in which a new ensemble needs them."""
    ensemble = situation.ensemble
    auth = _auth(situation)
    config = _config(situation)
    yield auth
    yield config
    yield build_membership(ensemble, situation.membership)
    yield build_members_service(ensemble)
    yield build_client_service(ensemble)
    for member_id in addressed_ids(situation):
        yield build_member_service(ensemble, member_id)
        if ensemble.spec.external is not None:
            yield build_external_service(ensemble, member_id)
    yield build_connection(ensemble, situation.membership)
    yield build_binding(ensemble, situation.membership)
    yield build_disruption_budget(ensemble)
    if ensemble.spec.network_policy.enabled:
        yield build_network_policy(ensemble)
    yield from _statefulsets(situation, config=config, auth=auth)


def addressed_ids(situation: Situation) -> list[int]:
    """Members that need an address: configured, asked for, starting, or still running."""
    hosted = hosted_voters(situation)
    voters = range(1, max(hosted, situation.ensemble.spec.replicas) + 1)
    running = (pod.id for pod in situation.observed.pods)
    return sorted({*voters, *situation.ensemble.observer_ids, *situation.membership.ids, *running})


def _auth(situation: Situation) -> Object:
    """The Secret, with the password it already holds; a new one only when there is none."""
    password = super_password(situation.observed) or situation.observed.fresh_password
    return build_auth(situation.ensemble, password)


def _config(situation: Situation) -> Object:
    """zk-config; left as it is while only the operator's own version has changed."""
    built = build_config(situation.ensemble)
    live = situation.observed.child("ConfigMap", names.config_name(situation.ensemble.name))
    if live is None or not is_pinned(situation):
        return built
    return {**built, "data": live.get("data") or {}}


def template_inputs(ensemble: Ensemble) -> str:
    """A hash of everything in the spec that can change a pod template or zk-config.

    Defaults are left out: a field that a later version adds must not change the hash of a spec that does
    not use it.
    """
    spec = ensemble.spec.model_dump(
        mode="json",
        exclude_defaults=True,
        exclude={
            "replicas": True,
            "allow_even_replicas": True,
            "observers": True,
            "paused": True,
            "stopped": True,
            "external": True,
            "network_policy": True,
            "storage": {"retention": True, "data": {"size": True}, "log": {"size": True}},
        },
    )
    # What is left empty differed from its default in what does not count here.
    storage = spec.get("storage", {})
    if storage.get("data") == {}:
        del storage["data"]
    if storage == {}:
        spec.pop("storage", None)
    return content_hash({"spec": spec, "restartedAt": ensemble.restarted_at})


def is_pinned(situation: Situation) -> bool:
    """Whether pods were built by another operator version from the same spec.

    An operator upgrade alone restarts no pod: what a new version would build differently waits for the
    next change that the user makes.
    """
    ensemble = situation.ensemble
    live = situation.observed.child(
        "StatefulSet", names.statefulset_name(ensemble.name, names.VOTER)
    )
    if live is None:
        return False
    annotations = live["metadata"].get("annotations") or {}
    return annotations.get(names.ANNOTATION_BUILDER) != str(BUILDER_REVISION) and annotations.get(
        names.ANNOTATION_INPUTS
    ) == template_inputs(ensemble)


def _statefulsets(situation: Situation, *, config: Object, auth: Object) -> Iterator[Object]:
    ensemble = situation.ensemble
    replicas = {names.VOTER: hosted_voters(situation), names.OBSERVER: hosted_observers(situation)}
    for component, hosted in replicas.items():
        live = live_replicas(situation, component)
        if component == names.OBSERVER and hosted == 0 and not live:
            continue  # there is none, or it has done its duty and goes when its last pod has
        body = build_statefulset(
            ensemble,
            component,
            replicas=0 if ensemble.spec.stopped else hosted,
            identity=situation.membership.identity,
            config_hash=content_hash(config["data"]),
            auth_hash=content_hash(auth["data"]),
        )
        annotations = {
            names.ANNOTATION_INPUTS: template_inputs(ensemble),
            names.ANNOTATION_BUILDER: str(BUILDER_REVISION),
        }
        found = situation.observed.child(
            "StatefulSet", names.statefulset_name(ensemble.name, component)
        )
        if found is not None:
            # Claim templates cannot be edited: plan.storage remakes the StatefulSet where they differ.
            templates = found["spec"].get("volumeClaimTemplates")
            asked = body["spec"].get("volumeClaimTemplates")
            if templates and first_difference(asked, templates) is not None:
                body["spec"]["volumeClaimTemplates"] = templates
            if is_pinned(situation):
                body["spec"]["template"] = _of_this_password(
                    found["spec"]["template"], body["spec"]["template"]
                )
                annotations = {
                    key: found["metadata"]["annotations"][key]
                    for key in annotations
                    if key in found["metadata"].get("annotations", {})
                }
        metadata = body["metadata"]
        metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}
        yield body


def _of_this_password(pinned: Object, built: Object) -> Object:
    """A pinned template; members that know another password must still be restarted to learn it."""
    metadata = pinned["metadata"]
    known = built["metadata"]["annotations"][names.ANNOTATION_AUTH]
    annotations = {**metadata.get("annotations", {}), names.ANNOTATION_AUTH: known}
    return {**pinned, "metadata": {**metadata, "annotations": annotations}}


def plan_children(situation: Situation) -> tuple[Action, ...]:
    """Applies for what is missing or differs, and deletes for what is not wanted any more."""
    wanted = [stamped(body) for body in wanted_children(situation)]
    actions: list[Action] = []
    for body in wanted:
        live = situation.observed.child(body["kind"], body["metadata"]["name"])
        if live is None:
            actions.append(_apply(body, "it is missing", only_new=_is_drawn(body)))
        elif live["metadata"].get("deletionTimestamp"):
            continue
        elif not _is_applied(live, body):
            actions.append(_apply(body, "what it must be has changed"))
        elif (edited := first_difference(body, live)) is not None:
            actions.append(_apply(body, f"{edited} was edited"))
    kept = {(body["kind"], body["metadata"]["name"]) for body in wanted}
    actions.extend(
        Delete(
            api_version=live["apiVersion"],
            kind=live["kind"],
            name=live["metadata"]["name"],
            uid=live["metadata"]["uid"],
            why="nothing needs it any more",
        )
        for live in situation.observed.children
        if live["kind"] in _REMOVABLE
        and (live["kind"], live["metadata"]["name"]) not in kept
        and not live["metadata"].get("deletionTimestamp")
        and not _still_has_pods(situation, live)
    )
    return tuple(actions)


def changes_template(situation: Situation, actions: Iterable[Action]) -> bool:
    """Whether one of these actions gives pods that run another template than theirs."""
    return any(
        isinstance(action, Apply)
        and action.body["kind"] == "StatefulSet"
        and (live := situation.observed.child("StatefulSet", action.body["metadata"]["name"]))
        is not None
        and not _is_applied(live, action.body)
        and first_difference(action.body["spec"]["template"], live["spec"]["template"]) is not None
        for action in actions
    )


def _apply(body: Object, why: str, *, only_new: bool = False) -> Apply:
    """An apply; a node port that somebody else has must not keep the members from being founded or rolled."""
    external = body["kind"] == "Service" and body["spec"].get("type") in {
        "NodePort",
        "LoadBalancer",
    }
    return Apply(body, why, only_new=only_new, optional=external)


def _is_drawn(body: Object) -> bool:
    """Whether it holds the password: one that another process has just drawn may be in use already."""
    return body["kind"] == "Secret" and PASSWORD_KEY in body["data"]


_REMOVABLE = frozenset({"Service", "NetworkPolicy", "StatefulSet"})


def _still_has_pods(situation: Situation, live: Object) -> bool:
    if live["kind"] != "StatefulSet":
        return False
    component = live["metadata"]["labels"].get(names.LABEL_COMPONENT)
    return component != names.OBSERVER or any(
        pod.component == component for pod in situation.observed.pods
    )


def _is_applied(live: Object, body: Object) -> bool:
    annotations = live["metadata"].get("annotations") or {}
    stamp = body["metadata"]["annotations"][names.ANNOTATION_APPLIED]
    return bool(annotations.get(names.ANNOTATION_APPLIED) == stamp)


def expected_names(ensemble: Ensemble) -> frozenset[tuple[str, str]]:
    """Kind and name of every child the spec calls for: what nobody else's object may be called."""
    name = ensemble.name
    found = {
        ("Secret", names.auth_name(name)),
        ("Secret", names.connection_name(name)),
        ("ConfigMap", names.config_name(name)),
        ("ConfigMap", names.membership_name(name)),
        ("ConfigMap", names.connection_name(name)),
        ("Service", names.members_service_name(name)),
        ("Service", names.client_service_name(name)),
        ("PodDisruptionBudget", name),
        ("StatefulSet", name),
    }
    if ensemble.spec.network_policy.enabled:
        found.add(("NetworkPolicy", name))
    if ensemble.spec.observers.replicas:
        found.add(("StatefulSet", names.statefulset_name(name, names.OBSERVER)))
    for member_id in (*ensemble.voter_ids, *ensemble.observer_ids):
        found.add(("Service", names.member_name(name, member_id)))
        if ensemble.spec.external is not None:
            found.add(("Service", names.external_service_name(name, member_id)))
    return frozenset(found)


def super_password(observed: Observed) -> str:
    """The super user's password as the members know it; empty while there is no Secret."""
    secret = observed.child("Secret", names.auth_name(observed.ensemble.name))
    return read_password(secret) if secret is not None else ""
