"""How the volumes stand: the condition `StorageHealthy`, and what is done about them.

Safety: while a member is replaced, or must be, nothing else about volumes is done. The rules of each
change are those of `claims` and `replacement`.
"""

from dataclasses import replace

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.record import is_adopting
from zookeeper_operator.ensemble.observed import Claim
from zookeeper_operator.ensemble.plan.claim_deletion import is_stop_refused
from zookeeper_operator.ensemble.plan.claims import (
    asked_class,
    can_grow,
    must_grow,
    plan_growth,
    plan_labels,
    plan_marks,
)
from zookeeper_operator.ensemble.plan.ephemeral import stop_deletes_data
from zookeeper_operator.ensemble.plan.loss import find_loss
from zookeeper_operator.ensemble.plan.replacement import plan_replacement
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict

# Autopurge keeps three snapshots and the logs between them, so a healthy volume never gets near this.
_PRESSURE = 0.8


def plan_storage(situation: Situation) -> Step:
    """How the volumes stand; their marks and growth, or one replacement.

    An invalid spec keeps volumes from growing, and nothing else: it is not what the rest depends on.
    Only growth is waited for: everything else lasts until a person acts, and
    ephemeral storage is what the spec asks for.
    """
    edits = plan_marks(situation)
    adopting = is_adopting(situation.observed)
    if not (situation.problems or adopting):
        # One edit of a claim at a time: each leaves out what another one of the same reconcile would set.
        edits = (*edits, *plan_growth(situation)) or plan_labels(situation)
    replacement = plan_replacement(situation)
    step = replacement or Step(_standing(situation), edits)
    return replace(
        step,
        awaited=step.verdict.reason == reasons.RESIZE_PENDING,
        announced=step.verdict.reason != reasons.EPHEMERAL_STORAGE,
    )


def _standing(situation: Situation) -> Verdict:
    lost = find_loss(situation)
    if lost is not None:
        return lost
    ensemble = situation.ensemble
    claims = situation.observed.claims
    identity = situation.membership.identity
    foreign = [
        c.name
        for c in claims
        if c.identity and c.identity != identity and not situation.observed.is_leaving(c)
    ]
    if foreign:
        return Verdict(
            False,
            reasons.FOREIGN_VOLUME,
            f"{', '.join(foreign)} belongs to another ensemble, so its member does not start; move it away",
        )
    refused = [c for c in claims if must_grow(situation, c) and not can_grow(situation, c)]
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
    growing = [c.name for c in claims if c.resizing or must_grow(situation, c)]
    if growing:
        return Verdict(False, reasons.RESIZE_PENDING, f"{', '.join(growing)} is growing")
    if is_stop_refused(situation) and stop_deletes_data(situation):
        return Verdict(
            False,
            reasons.DATA_WOULD_BE_LOST,
            "the members keep their data in emptyDir, which goes with their pods; set spec.stopped to "
            "false, or delete the ensemble if its data may go",
        )
    if ensemble.spec.storage.ephemeral:
        return Verdict(
            False,
            reasons.EPHEMERAL_STORAGE,
            "members keep their data in emptyDir: a member that is rescheduled starts empty, and all "
            "data is lost when a majority is",
        )
    pending = [c.name for c in claims if c.phase != "Bound"]
    if pending:
        return Verdict(None, reasons.BINDING, f"{', '.join(pending)} is not bound yet")
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
        filled = bytes_on(situation, claim)
        if filled is None or not claim.capacity:
            continue
        used = filled / claim.capacity
        if used >= _PRESSURE:
            field = "log" if claim.volume == names.LOG_VOLUME else "data"
            return Verdict(
                False,
                reasons.DISK_PRESSURE,
                f"{claim.name} is filled to {used:.0%} of its {_gibibytes(claim.capacity)}; raise "
                f"spec.storage.{field}.size: a full disk takes the member out of service",
            )
    return None


def bytes_on(situation: Situation, claim: Claim) -> int | None:
    """What a member has on a volume, if it reports that. Logs without a volume are with the data."""
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


def _gibibytes(size: int) -> str:
    return f"{size / 1024**3:.3g}Gi"
