"""What a status says in a few words: pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.reasons import REASONS
from zookeeper_operator.cli.times import age_of

ASKED_FOR: Final = frozenset({reasons.STOPPED, reasons.PAUSED})
"""What is not as usual because the spec says so."""


def quorum_line(status: Mapping[str, Any]) -> str:
    """Say how safe the ensemble is: `3 of 3 voters live, 2 needed, 1 more may be lost`."""
    quorum = status.get("quorum") or {}
    voters, live, needed = (int(quorum.get(k) or 0) for k in ("voters", "live", "needed"))
    if not voters:
        return "no voters are known"
    if not live and status.get("summary") == reasons.STOPPED:
        return f"{voters} voters, stopped by the spec; their data is kept"
    counted = f"{live} of {voters} voters live, {needed} needed"
    if live < needed:
        return f"{counted}: no write is acknowledged"
    tolerates = int(quorum.get("tolerates") or 0)
    return f"{counted}, {tolerates or 'no'} more may be lost"


def leader_line(status: Mapping[str, Any], now: datetime) -> str:
    """Say who leads and since when: `zk-3 for 12m, epoch 2`."""
    leader = status.get("leader")
    if not leader:
        return "none"
    since = age_of(leader.get("since"), now)
    return f"{leader['pod']}{f' for {since}' if since else ''}, epoch {leader['epoch']}"


def unhealthy_conditions(stored: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str]]:
    """Conditions that are not true, or true with a warning; those that say the same taken together.

    What the spec asks for is not among them.
    """
    grouped: dict[tuple[str, str], list[str]] = {}
    for condition in stored:
        reason = str(condition.get("reason", ""))
        known = REASONS.get(reason)
        warned = known is not None and known.severity != "normal"
        if reason not in ASKED_FOR and (condition.get("status") != conditions.TRUE or warned):
            said = (reason, str(condition.get("message", "")))
            unknown = condition.get("status") == conditions.UNKNOWN
            grouped.setdefault(said, []).append(f"{condition['type']}{'?' if unknown else ''}")
    for (reason, message), types in grouped.items():
        yield ", ".join(types), reason, message
