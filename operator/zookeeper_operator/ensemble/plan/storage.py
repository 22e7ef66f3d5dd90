"""Volumes: growing them, marking whose they are, replacing what was lost.

Safety: a claim is only ever deleted when it has never been bound, or when a person asked for it or the
volume is gone; and then only while the other live voters are a majority of the committed ones (pain 7).
"""

from dataclasses import dataclass

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Action, Apply, Delete, ReplaceMember
from zookeeper_operator.ensemble.build.statefulset import volumes_asked_for
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observed import Claim, Pod
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.quantity import parse_quantity

# Autopurge keeps three snapshots and the logs between them, so a healthy volume never gets near this.
PRESSURE = 0.8


def asked_size(ensemble: Ensemble, volume: str) -> int:
    """The size in bytes that the spec asks for; 0 for a volume the spec does not have."""
    spec = volumes_asked_for(ensemble).get(volume)
    return 0 if spec is None else parse_quantity(spec.size)


def asked_class(ensemble: Ensemble, volume: str) -> str | None:
    """The storage class the spec asks for; None for the cluster's default."""
    spec = volumes_asked_for(ensemble).get(volume)
    return None if spec is None else spec.storage_class_name


def plan_marks(situation: Situation) -> tuple[Action, ...]:
    """Mark each claim whose volume belongs to a committed member, and no other.

    The mark is what a later ensemble of the same name goes by when it finds retained volumes.
    """
    committed = situation.observed.committed
    if committed is None or not situation.quorum.healthy:
        return ()
    return tuple(
        Apply(
            _claim_body(situation, claim, member=claim.member_id in committed.ids),
            why="it belongs to a member"
            if claim.member_id in committed.ids
            else "its member has left",
        )
        for claim in situation.observed.claims
        if claim.member != (claim.member_id in committed.ids) and not claim.terminating
    )


def plan_growth(situation: Situation) -> tuple[Action, ...]:
    """Ask for more where the spec does and the class allows it."""
    return tuple(
        Apply(
            _claim_body(situation, claim, member=claim.member),
            why=f"the spec asks for {_asked(situation.ensemble, claim.volume)}",
        )
        for claim in situation.observed.claims
        if _grows(situation, claim) and _expandable(situation, claim)
    )


def plan_template(situation: Situation) -> Delete | None:
    """Remake a StatefulSet whose claim templates are of another size; its pods stay.

    Claim templates cannot be edited; without this a member that joins later would get the old size.
    """
    for component in (names.VOTER, names.OBSERVER):
        name = names.statefulset_name(situation.ensemble.name, component)
        found = situation.observed.child("StatefulSet", name)
        if found is None or not _template_differs(situation.ensemble, found):
            continue
        return Delete(
            api_version="apps/v1",
            kind="StatefulSet",
            name=name,
            uid=found["metadata"]["uid"],
            orphan=True,
            why="volumes of new members get the new size; running pods stay as they are",
        )
    return None


def _template_differs(ensemble: Ensemble, statefulset: Object) -> bool:
    return any(
        parse_quantity(template["spec"]["resources"]["requests"]["storage"])
        < asked_size(ensemble, template["metadata"]["name"])
        for template in statefulset["spec"].get("volumeClaimTemplates") or []
    )


@dataclass(frozen=True)
class _Due:
    """A member to be replaced; `unbound` if nothing was ever on the volume that goes."""

    pod: Pod
    claims: tuple[tuple[str, str], ...]
    why: str
    unbound: bool


def plan_replacement(situation: Situation) -> Step | None:
    """Replace a member whose volume is lost, or whose replacement a person asked for; one at a time.

    Not while the ensemble is stopped: there is nobody to copy the data from. One that has to wait for
    the others does not hold up theirs, which may be what it waits for.
    """
    if situation.ensemble.spec.stopped:
        return None
    pods = sorted(situation.observed.pods, key=lambda p: p.id)
    due = [found for pod in pods if (found := _due(situation, pod)) is not None]
    for one in due:
        if one.pod.terminating and not one.claims:
            return Step(
                Verdict(False, reasons.VOLUME_LOST, f"{one.pod.name} is being replaced ({one.why})")
            )
    for one in due:
        if one.unbound or _others_suffice(situation, one.pod):
            return _replace(one)
    if not due:
        return None
    return Step(
        Verdict(
            False,
            reasons.VOLUME_LOST,
            f"{due[0].pod.name} is to be replaced ({due[0].why}), but the other members are no majority "
            "in sync; bring them back first",
        )
    )


def _due(situation: Situation, pod: Pod) -> _Due | None:
    claims = [c for c in situation.observed.claims if c.member_id == pod.id]
    lost = [c for c in claims if c.phase == "Lost"]
    misplaced = [c for c in claims if _never_bound_elsewhere(situation, c)]
    if misplaced:
        why = f"{misplaced[0].name} was never bound and asks for another storage class"
    elif lost:
        why = f"the volume of {lost[0].name} is gone"
    elif pod.replace_requested:
        why = "its replacement was asked for"
    else:
        return None
    doomed = tuple((c.name, c.uid) for c in claims if not c.terminating)
    return _Due(pod=pod, claims=doomed, why=why, unbound=bool(misplaced))


def _replace(due: _Due) -> Step:
    return Step(
        Verdict(False, reasons.VOLUME_LOST, f"replacing {due.pod.name}: {due.why}"),
        (
            ReplaceMember(
                member_id=due.pod.id,
                claims=due.claims,
                pod=(due.pod.name, due.pod.uid),
                why=due.why,
            ),
        ),
    )


def _others_suffice(situation: Situation, pod: Pod) -> bool:
    return situation.quorum.certain and situation.quorum.survives_without(pod.id)


def _never_bound_elsewhere(situation: Situation, claim: Claim) -> bool:
    asked = asked_class(situation.ensemble, claim.volume)
    return (
        claim.phase == "Pending"
        and not claim.member
        and not claim.terminating
        and asked is not None
        and claim.storage_class != asked
    )


def plan_storage(situation: Situation) -> Step:
    """How the volumes stand; their marks and growth, or one replacement."""
    replacement = plan_replacement(situation)
    if replacement is not None:
        return replacement
    return Step(_standing(situation), (*plan_marks(situation), *plan_growth(situation)))


def _standing(situation: Situation) -> Verdict:
    ensemble = situation.ensemble
    claims = situation.observed.claims
    foreign = [c.name for c in claims if c.identity and c.identity != situation.membership.identity]
    if foreign:
        return Verdict(
            False,
            reasons.FOREIGN_VOLUME,
            f"{', '.join(foreign)} belongs to another ensemble; move it away, its member refuses it",
        )
    refused = [c for c in claims if _grows(situation, c) and not _expandable(situation, c)]
    if refused:
        return Verdict(
            False,
            reasons.RESIZE_REFUSED,
            f"storage class {refused[0].storage_class or '(none)'} does not let {refused[0].name} grow; "
            "allow it there (allowVolumeExpansion), or replace the members one by one: a new volume gets "
            "the new size",
        )
    missing = _missing_class(situation)
    if missing is not None:
        return missing
    full = _filling(situation)
    if full is not None:
        return full
    growing = [c.name for c in claims if c.resizing or _grows(situation, c)]
    if growing:
        return Verdict(False, reasons.RESIZE_PENDING, f"{', '.join(growing)} is growing")
    if ensemble.spec.storage.ephemeral:
        return Verdict(
            False,
            reasons.EPHEMERAL_STORAGE,
            "members keep their data in emptyDir: a member that is rescheduled starts empty, and all "
            "data is lost when a majority is",
        )
    pending = [c.name for c in claims if c.phase != "Bound"]
    if pending:
        return Verdict(None, reasons.BOUND, f"{', '.join(pending)} is not bound yet")
    return Verdict(True, reasons.BOUND, "every volume is bound and of the size asked for")


def _missing_class(situation: Situation) -> Verdict | None:
    if situation.ensemble.spec.storage.ephemeral:
        return None
    known = situation.observed.storage_classes
    for claim in situation.observed.claims:
        if claim.phase == "Bound":
            continue
        asked = claim.storage_class or asked_class(situation.ensemble, claim.volume)
        if asked and asked not in known:
            return Verdict(
                False,
                reasons.STORAGE_CLASS_MISSING,
                f"{claim.name} asks for storage class {asked}, which does not exist; create it, or "
                f"delete the ensemble and its claims and name one of: {', '.join(sorted(known)) or 'none'}",
            )
        if not asked and not any(c.default for c in known.values()):
            return Verdict(
                False,
                reasons.STORAGE_CLASS_MISSING,
                f"{claim.name} asks for the default storage class and the cluster has none; mark one as "
                "default, or name one in spec.storage",
            )
    return None


def _filling(situation: Situation) -> Verdict | None:
    for claim in situation.observed.claims:
        filled = _bytes_on(situation, claim)
        if filled is None or not claim.capacity:
            continue
        used = filled / claim.capacity
        if used >= PRESSURE:
            field = "log" if claim.volume == names.LOG_VOLUME else "data"
            return Verdict(
                False,
                reasons.DISK_PRESSURE,
                f"{claim.name} is filled to {used:.0%} of its {_gibibytes(claim.capacity)}; raise "
                f"spec.storage.{field}.size, a full disk takes the member out",
            )
    return None


def _bytes_on(situation: Situation, claim: Claim) -> int | None:
    """What a member has on one of its volumes, if it says so. Logs without a volume are with the data."""
    answer = situation.observed.answers.get(claim.member_id)
    if answer is None:
        return None
    if claim.volume == names.LOG_VOLUME:
        return answer.log_bytes
    if situation.ensemble.spec.storage.log is not None:
        return answer.data_bytes
    if answer.data_bytes is None or answer.log_bytes is None:
        return None
    return answer.data_bytes + answer.log_bytes


def _grows(situation: Situation, claim: Claim) -> bool:
    return claim.requested < asked_size(situation.ensemble, claim.volume)


def _expandable(situation: Situation, claim: Claim) -> bool:
    found = situation.observed.storage_classes.get(claim.storage_class)
    return found is not None and found.expandable and claim.phase == "Bound"


def _asked(ensemble: Ensemble, volume: str) -> str:
    spec = volumes_asked_for(ensemble).get(volume)
    return "" if spec is None else spec.size


def _claim_body(situation: Situation, claim: Claim, *, member: bool) -> Object:
    body: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim.name,
            "namespace": situation.ensemble.namespace,
            "uid": claim.uid,
            "annotations": {names.ANNOTATION_MEMBER: "true" if member else "false"},
        },
    }
    if claim.phase == "Bound":
        # Left out, a size that was ours before would be taken away again.
        grows = _grows(situation, claim) and _expandable(situation, claim)
        size = _asked(situation.ensemble, claim.volume) if grows else str(claim.requested)
        body["spec"] = {"resources": {"requests": {"storage": size}}}
    return body


def _gibibytes(size: int) -> str:
    return f"{size / 1024**3:.3g}Gi"
