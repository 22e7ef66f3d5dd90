"""What is told as Kubernetes Events: each change once, when the status that shows it is written.

A notice is the difference between the status that stood and the one that follows it, so a restart of the
operator repeats nothing; what the operator does itself is told with the action.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.actions import Action, Reconfigure, ReplaceMember, RestartMember


@dataclass(frozen=True)
class Notice:
    """One Event about the ensemble."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


# Conditions whose failure is told when it begins or changes its reason.
_TOLD: Final = (
    conditions.SPEC_VALID,
    conditions.STORAGE_HEALTHY,
    conditions.ROLLED_OUT,
    conditions.QUORUM_HEALTHY,
    conditions.READY,
)
ALARMING: Final = frozenset(
    {
        reasons.SPLIT_BRAIN,
        reasons.VOTING_VIEWS_DIFFER,
        reasons.ROLLOUT_STOPPED,
        reasons.DISK_PRESSURE,
        reasons.RESIZE_REFUSED,
        reasons.VOLUME_LOST,
        reasons.FOREIGN_VOLUME,
        reasons.EPHEMERAL_STORAGE,
        reasons.STORAGE_CLASS_MISSING,
        reasons.INVALID_CONFIG_KEY,
        reasons.UNSUPPORTED_VERSION,
        reasons.INVALID_POD_TEMPLATE,
        reasons.INVALID_SPEC,
        reasons.NAME_TAKEN,
        reasons.MEMORY_TOO_SMALL,
        reasons.IMAGE_PULL_FAILED,
        reasons.UNSCHEDULABLE,
        reasons.CRASH_LOOPING,
        reasons.OUT_OF_MEMORY,
    }
)
_TOLD_OTHERWISE: Final = ALARMING | {reasons.STOPPED}
"""Reasons of a lost quorum that have a notice of their own."""


def build_notices(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Notice, ...]:
    """What has changed between two statuses that a person on call wants to have been told."""
    return (
        *_founding(old, new),
        *_leader(old, new),
        *_members(old, new),
        *_stop(old, new),
        *_quorum(old, new),
        *_exposure(old, new),
        *_alarms(old, new),
    )


def action_notice(action: Action) -> Notice | None:
    """What is told when an action has been carried out; None for the harmless ones."""
    if isinstance(action, RestartMember):
        return Notice("Normal", "RestartingMember", f"restarting {action.pod}: {action.why}")
    if isinstance(action, Reconfigure):
        changed = ", ".join(
            [*(s.line() for s in action.joining), *(f"-{i}" for i in action.leaving)]
        )
        return Notice("Normal", action.reason, f"{action.why}: {changed}")
    if isinstance(action, ReplaceMember):
        return Notice(
            "Warning", action.reason, f"replacing member {action.member_id}: {action.why}"
        )
    return None


def _founding(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    # One that is made again over its volumes was founded before anybody runs.
    if new.get("foundedAt") and not old.get("foundedAt") and new.get("leader"):
        voters = (new.get("quorum") or {}).get("voters")
        yield Notice("Normal", "Founded", f"the first quorum has formed among {voters} voters")


def _leader(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before, now = old.get("leader") or {}, new.get("leader") or {}
    if not now or (now["id"], now["epoch"]) == (before.get("id"), before.get("epoch")):
        return
    text = f"{now['pod']} leads epoch {now['epoch']}"
    if before:
        text += f"; before it {before['pod']} led epoch {before['epoch']}"
    yield Notice("Normal", "LeaderChanged", text)


def _members(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    if not old.get("foundedAt") or _is_stopped(new):
        return
    before = {m["id"]: m for m in old.get("members") or []}
    for member in new.get("members") or []:
        known = before.get(member["id"])
        if known is None or bool(known.get("serving")) == bool(member.get("serving")):
            continue
        if member.get("serving"):
            yield Notice("Normal", "MemberBack", f"{member['pod']} serves as {member['role']}")
        else:
            yield Notice(
                "Warning", "MemberLost", f"{member['pod']} does not serve ({member['state']})"
            )


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    found = (c for c in status.get("conditions") or [] if c["type"] == type_)
    return next(found, {})


def _is_stopped(status: Mapping[str, Any]) -> bool:
    return _condition(status, conditions.READY).get("reason") == reasons.STOPPED


def _stop(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    if _is_stopped(new) and not _is_stopped(old):
        yield Notice("Normal", reasons.STOPPED, _condition(new, conditions.READY)["message"])


def _exposure(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    if new.get("adminServerExposed") and not old.get("adminServerExposed"):
        yield Notice(
            "Warning",
            "AdminServerExposed",
            "spec.external.adminServer opens port 8080 of every member to all who reach its Service or "
            "its pod; it asks nobody for a password",
        )


def _quorum(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before = _condition(old, conditions.QUORUM_HEALTHY)
    now = _condition(new, conditions.QUORUM_HEALTHY)
    if not before or before.get("status") == now.get("status"):
        return
    if now.get("status") == conditions.TRUE and old.get("foundedAt"):
        yield Notice("Normal", "QuorumRestored", now["message"])
    elif before.get("status") == conditions.TRUE and now.get("reason") not in _TOLD_OTHERWISE:
        yield Notice("Warning", now["reason"], now["message"])


def _alarms(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    told: set[str] = set()
    for type_ in _TOLD:
        before, now = _condition(old, type_), _condition(new, type_)
        reason = now.get("reason", "")
        changed = (before.get("status"), before.get("reason")) != (now.get("status"), reason)
        if now.get("status") == conditions.FALSE and changed and reason in ALARMING - told:
            told.add(reason)
            yield Notice("Warning", reason, now["message"])
