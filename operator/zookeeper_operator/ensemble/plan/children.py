"""The child objects as they must be now, and the applies that make them so.

An object is applied when it is missing, when what we would apply has changed since we last did (the hash
in its annotation), or when a value we own was edited by someone else. When idle, nothing differs
and nothing is sent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Action, Apply, Delete
from zookeeper_operator.ensemble.build.auth import build_auth, read_password, super_hash
from zookeeper_operator.ensemble.build.certificates import build_ca, build_tls
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.connection import build_binding, build_connection
from zookeeper_operator.ensemble.build.disruption_budget import build_disruption_budget
from zookeeper_operator.ensemble.build.membership import build_membership
from zookeeper_operator.ensemble.build.metrics import declares_metrics
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.build.services import (
    build_client_service,
    build_external_service,
    build_member_service,
    build_members_service,
)
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.build.statefulset import build_statefulset
from zookeeper_operator.ensemble.build.users import build_users
from zookeeper_operator.ensemble.children import REMOVABLE
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan.child_apply import build_apply, find_apply, is_applied
from zookeeper_operator.ensemble.plan.claim_deletion import is_stopped
from zookeeper_operator.ensemble.plan.claim_template import bears_instance, with_rollout_restart
from zookeeper_operator.ensemble.plan.configs import is_config, kept_configs
from zookeeper_operator.ensemble.plan.pin import is_pinned, with_pinned_template, with_record
from zookeeper_operator.ensemble.plan.replicas import hosted_observers, hosted_voters, live_replicas
from zookeeper_operator.ensemble.plan.revision import statefulset_of
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.pods import config_of
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.ensemble.security.certificates import read_secret
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.diff import first_difference


def wanted_children(situation: Situation) -> Iterator[Object]:
    """Every child as it must be now, in the order in which a new ensemble needs them."""
    target = situation.target
    observed, certificates = situation.observed, situation.certificates
    auth = build_auth(
        target, super_password(observed) or observed.fresh_password, situation.users.login
    )
    config = build_config(target)
    statefulsets = tuple(_statefulsets(situation, config=config, auth=auth))
    if situation.users.forgotten:
        # Before `NAME-auth`, by which it is known that there is something to forget.
        yield build_users(target, "")
    yield auth
    # Before the templates that mount it.
    if certificates.authority is not None:
        yield build_ca(target, certificates.authority)
    if certificates.wanted is not None:
        yield build_tls(
            target,
            certificates.wanted,
            live=read_secret(observed.child("Secret", names.tls_name(target.name))),
            origin=certificates.origin,
            since=certificates.since or observed.now,
            fresh_password=observed.fresh_store_password,
        )
    if situation.users.jaas:
        yield build_users(target, situation.users.jaas)
    if config["metadata"]["name"] in {
        config_of(s["spec"]["template"]["spec"]) for s in statefulsets
    }:
        yield config
    yield build_membership(target)
    yield build_members_service(target)
    yield build_client_service(target)
    for member_id in addressed_ids(situation):
        yield build_member_service(target, member_id)
        if target.spec.external is not None:
            yield build_external_service(target, member_id)
    yield build_connection(target)
    yield build_binding(target)
    yield build_disruption_budget(target)
    if target.spec.network_policy.enabled:
        # A port that no template has stays closed: an upgrade of the operator alone changes nothing.
        serving = any(declares_metrics(s["spec"]["template"]) for s in statefulsets)
        yield build_network_policy(target, serves_metrics=serving)
    yield from statefulsets


def addressed_ids(situation: Situation) -> list[int]:
    """Members that need an address: configured, asked for, starting, or still running."""
    ensemble = situation.ensemble
    hosted = range(ensemble.first_id, ensemble.first_id + hosted_voters(situation))
    running = (pod.id for pod in situation.observed.pods)
    return sorted(
        {
            *hosted,
            *ensemble.voter_ids,
            *ensemble.observer_ids,
            *(i for i in situation.membership.ids if not ensemble.is_foreign(i)),
            *running,
        }
    )


def _statefulsets(situation: Situation, *, config: Object, auth: Object) -> Iterator[Object]:
    target = situation.target
    replicas = {names.VOTER: hosted_voters(situation), names.OBSERVER: hosted_observers(situation)}
    for component, hosted in replicas.items():
        found = statefulset_of(situation, component)
        emptied = hosted == 0 and not live_replicas(situation, component)
        if component == names.OBSERVER and emptied and not _claims_go_with(situation, found):
            continue  # there is none, or it goes when its last pod has
        body = build_statefulset(
            target,
            component,
            replicas=0 if is_stopped(situation) else hosted,
            config=config["metadata"]["name"],
            auth_hash=super_hash(auth),
        )
        if found is not None:
            # Claim templates cannot be edited: plan.storage recreates the StatefulSet where they differ.
            templates = found["spec"].get("volumeClaimTemplates")
            asked = body["spec"].get("volumeClaimTemplates")
            if templates and (
                first_difference(asked, templates) is not None or bears_instance(found)
            ):
                body["spec"]["volumeClaimTemplates"] = templates
        if found is not None and is_pinned(situation, found):
            yield with_pinned_template(body, found)
        else:
            yield with_record(with_rollout_restart(situation, body, component), situation, found)


def _claims_go_with(situation: Situation, statefulset: Object | None) -> bool:
    """Whether deleting the observers' StatefulSet deletes volumes that a scaling has kept.

    They go when the ensemble does (`whenDeleted`), so their StatefulSet stays that long, without pods.
    Kubernetes writes the owner a moment after the policy, and takes it away a moment after.
    """
    if statefulset is None:
        return False
    policy = statefulset["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    asked = situation.ensemble.spec.storage.retention.when_deleted
    deleted_with_it = "Delete" in {policy.get("whenDeleted"), asked}
    return any(
        deleted_with_it or statefulset["metadata"]["uid"] in claim.owners
        for claim in situation.observed.claims
        if names.component_of(claim.member_id) == names.OBSERVER and not claim.terminating
    )


def plan_children(situation: Situation) -> Step:
    """Applies for what is missing or differs, and deletes for what is not wanted any more.

    The verdict is False while a new pod template has no revision yet.
    """
    actions = _plan_actions(situation)
    if _changes_template(situation, actions):
        on_its_way = "a change has not reached the pods yet"
        return Step(Verdict(False, reasons.WAITING_FOR_MEMBER, on_its_way), actions)
    return Step(Verdict(True, reasons.UP_TO_DATE, "every change has reached the pods"), actions)


def plan_founding_end(situation: Situation) -> Step:
    """Strike the founders out of the published list while a pause keeps everything else as it is.

    There was a quorum: a founder that is still named as one and loses its volume votes with an empty
    database, and a pause may last.
    """
    done = Step(Verdict(True, reasons.SETTLED, "no founder is named any more"))
    published = published_membership(situation.observed)
    if published is None or not published.founders or not situation.founded:
        return done
    if not situation.ensemble.spec.paused:
        return done
    body = stamped(build_membership(situation.target))
    return replace(done, actions=(build_apply(body, "the ensemble is founded"),))


def plan_publication(situation: Situation) -> Step:
    """Publish who the members are while an invalid spec keeps every other child as it is.

    It does not depend on the spec. Above all it strikes the founders out as soon as there was a quorum: while
    they are named, a founder that loses its volume votes with an empty database.
    """
    body = stamped(build_membership(situation.target))
    live = situation.observed.child("ConfigMap", body["metadata"]["name"])
    verdict = Verdict(True, reasons.SETTLED, "the members are published")
    if (
        not situation.problems
        or live is None
        or first_difference(body["data"], live["data"]) is None
    ):
        return Step(verdict)
    return Step(verdict, (build_apply(body, "its members have changed"),))


def _plan_actions(situation: Situation) -> tuple[Action, ...]:
    wanted = [stamped(body) for body in wanted_children(situation)]
    actions: list[Action] = []
    for body in wanted:
        live = situation.observed.child(body["kind"], body["metadata"]["name"])
        action = find_apply(situation, body, live)
        if action is not None:
            actions.append(action)
    kept = {(body["kind"], body["metadata"]["name"]) for body in wanted}
    kept |= {("ConfigMap", name) for name in kept_configs(situation, wanted)}
    actions.extend(
        Delete(
            api_version=live["apiVersion"],
            kind=live["kind"],
            name=live["metadata"]["name"],
            uid=live["metadata"]["uid"],
            why="nothing needs it any more",
        )
        for live in situation.observed.children
        if _is_removable(situation, live)
        and (live["kind"], live["metadata"]["name"]) not in kept
        and not live["metadata"].get("deletionTimestamp")
        and not _still_has_pods(situation, live)
    )
    return tuple(actions)


def _changes_template(situation: Situation, actions: Iterable[Action]) -> bool:
    """Whether one of these actions gives pods that run another template than theirs."""
    return any(
        isinstance(action, Apply)
        and action.body["kind"] == "StatefulSet"
        and (live := situation.observed.child("StatefulSet", action.body["metadata"]["name"]))
        is not None
        and not is_applied(live, action.body)
        and first_difference(action.body["spec"]["template"], live["spec"]["template"]) is not None
        for action in actions
    )


def _is_removable(situation: Situation, live: Object) -> bool:
    """Whether it may go when nothing needs it; of ConfigMaps only a configuration may."""
    return live["kind"] in REMOVABLE and (live["kind"] != "ConfigMap" or is_config(situation, live))


def _still_has_pods(situation: Situation, live: Object) -> bool:
    if live["kind"] != "StatefulSet":
        return False
    component = live["metadata"]["labels"].get(names.LABEL_COMPONENT)
    return component != names.OBSERVER or any(
        pod.component == component for pod in situation.observed.pods
    )


def super_password(observed: Observed) -> str:
    """The super user's password as the members know it; empty while there is no Secret."""
    secret = observed.child("Secret", names.auth_name(observed.ensemble.name))
    return read_password(secret) if secret is not None else ""
