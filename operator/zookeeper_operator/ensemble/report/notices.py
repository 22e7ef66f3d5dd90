"""What is reported as Kubernetes Events: each change once, when the status that shows it is written.

Pure. A notice is the difference between the status that stood and the one that follows it, so a restart of
the operator repeats nothing; what the operator does itself is reported with the action.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.reasons import REASONS
from zookeeper_operator.ensemble.actions import (
    Action,
    Reconfigure,
    ReplaceMember,
    RestartMember,
    ScaleSource,
    describe_reconfiguration,
)

# Conditions whose failure is reported when it begins or changes its reason, the most precise first.
_WATCHED: Final = (
    conditions.SPEC_VALID,
    conditions.STORAGE_HEALTHY,
    conditions.SECURED,
    conditions.ADOPTED,
    conditions.ROLLED_OUT,
    conditions.QUORUM_HEALTHY,
    conditions.READY,
)

_ABSENCES: Final[Mapping[str, str]] = {
    "absent": "has no pod",
    "stopping": "is being deleted",
    "starting": "is starting again",
    "silent": "runs, but does not answer",
    "election": "answers, but has no leader",
}
"""What a member in a state does; another state is the reason why its pod does not come up."""


@dataclass(frozen=True)
class Notice:
    """One Event about the ensemble."""

    reason: str
    message: str

    @property
    def type(self) -> Literal["Normal", "Warning"]:
        """The type of the Event, by the severity of its reason."""
        return "Normal" if REASONS[self.reason].severity == "normal" else "Warning"


def build_notices(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Notice, ...]:
    """What has changed between two statuses and concerns a person, causes before their effects."""
    return (
        *_stop(old, new),
        *_exposure(old, new),
        *_alarms(old, new),
        *_lost_members(old, new),
        *_lost_quorum(old, new),
        *_founding(old, new),
        *_cut(old, new),
        *_leader(old, new),
        *_restored_quorum(old, new),
        *_returned_members(old, new),
    )


def action_notice(action: Action) -> Notice | None:
    """What is reported when an action has been carried out; None for the harmless ones."""
    if isinstance(action, RestartMember):
        return Notice(reasons.RESTARTING_MEMBER, f"restarting {action.pod}: {action.why}")
    if isinstance(action, Reconfigure):
        return Notice(action.reason, f"{describe_reconfiguration(action)}: {action.why}")
    if isinstance(action, ReplaceMember):
        return Notice(action.reason, f"replacing member {action.member_id}: {action.why}")
    if isinstance(action, ScaleSource):
        where = f"{action.namespace}/{action.name}"
        return Notice(
            reasons.SCALING_SOURCE, f"StatefulSet {where} to {action.replicas}: {action.why}"
        )
    return None


def _founding(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    if old.get("foundedAt") and not new.get("foundedAt"):
        yield Notice(
            reasons.FOUNDED_AGAIN,
            "no member holds data any more, it was in emptyDir volumes: the ensemble is founded again, empty",
        )
    if new.get("adoption"):
        return  # the quorum is that of the source
    # One that is created again over its volumes was founded before any member runs.
    if new.get("foundedAt") and not old.get("foundedAt") and new.get("leader"):
        voters = (new.get("quorum") or {}).get("voters")
        yield Notice(reasons.FOUNDED, f"the first quorum has formed among {voters} voters")


def _cut(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before, now = old.get("adoption") or {}, new.get("adoption") or {}
    if now.get("cutOverAt") and not before.get("cutOverAt"):
        yield Notice(
            reasons.CUTTING_OVER,
            "the source is stopped and our members have all its data: they become an ensemble of their own",
        )


def _leader(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before, now = old.get("leader") or {}, new.get("leader") or {}
    if not now or (now["id"], now["epoch"]) == (before.get("id"), before.get("epoch")):
        return
    text = f"{now['pod']} leads epoch {now['epoch']}"
    if before:
        text += f"; before it {before['pod']} led epoch {before['epoch']}"
    yield Notice(reasons.LEADER_CHANGED, text)


def _lost_members(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before = {m["id"]: m for m in old.get("members") or []}
    for member in new.get("members") or []:
        if member.get("lost") and not (before.get(member["id"]) or {}).get("lost"):
            said = _ABSENCES.get(member["state"], f"does not serve: {member['state']}")
            yield Notice(reasons.MEMBER_LOST, f"{member['pod']} {said}")


def _returned_members(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before = {m["id"]: m for m in old.get("members") or []}
    for member in new.get("members") or []:
        if member.get("serving") and (before.get(member["id"]) or {}).get("lost"):
            yield Notice(reasons.MEMBER_BACK, f"{member['pod']} serves again as {member['role']}")


def _stop(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    if conditions.is_stop_reported(new) and not conditions.is_stop_reported(old):
        yield Notice(reasons.STOPPED, conditions.find_written(new, conditions.READY)["message"])


def _lost_quorum(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before = conditions.find_written(old, conditions.QUORUM_HEALTHY)
    now = conditions.find_written(new, conditions.QUORUM_HEALTHY)
    # What is not known is no news: nothing is lost or restored as far as is known.
    lost = now.get("status") == conditions.FALSE and not _is_expected(now)
    was_lost = before.get("status", conditions.FALSE) == conditions.FALSE
    if not lost or (was_lost and not _is_expected(before)) or not _has_served(old):
        return
    if not _has_own_notice(now["reason"]):
        yield Notice(now["reason"], now["message"])


def _has_served(status: Mapping[str, Any]) -> bool:
    """Whether a member has served since the ensemble was started: what has not served yet is not lost."""
    members = status.get("members") or []
    return any(member.get("serving") or member.get("notServingSince") for member in members)


def _restored_quorum(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    before = conditions.find_written(old, conditions.QUORUM_HEALTHY)
    now = conditions.find_written(new, conditions.QUORUM_HEALTHY)
    was_lost = before.get("status") == conditions.FALSE and not _is_expected(before)
    if was_lost and now.get("status") == conditions.TRUE and old.get("foundedAt"):
        yield Notice(reasons.QUORUM_RESTORED, now["message"])


def _is_expected(condition: Mapping[str, Any]) -> bool:
    """Whether the quorum is away because of what the operator does itself."""
    return condition.get("reason") == reasons.ELECTION_EXPECTED


def _has_own_notice(reason: str) -> bool:
    """Whether another notice reports a quorum that is lost for this reason."""
    return reason == reasons.STOPPED or REASONS[reason].alarming


def _exposure(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    if new.get("adminServerExposed") and not old.get("adminServerExposed"):
        yield Notice(
            reasons.ADMIN_SERVER_EXPOSED,
            "spec.external.adminServer opens port 8080 of every member to all who reach its Service or "
            "its pod; it has no password",
        )


def _alarms(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Notice]:
    reported: set[str] = set()
    for type_ in _WATCHED:
        before, now = conditions.find_written(old, type_), conditions.find_written(new, type_)
        reason = now.get("reason", "")
        changed = (before.get("status"), before.get("reason")) != (now.get("status"), reason)
        # What an ensemble that is Ready does without is a reason of `True`.
        known = now.get("status") in {conditions.FALSE, conditions.TRUE}
        if known and changed and REASONS[reason].alarming and reason not in reported:
            reported.add(reason)
            yield Notice(reason, now["message"])
