"""Data that is lost together with the quorum: what is reported of it, and what a person can do.

Pure, and it never acts.
"""

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.judge.emptiness import find_lost_voters
from zookeeper_operator.ensemble.plan.step import Situation, Verdict


def find_loss(situation: Situation) -> Verdict | None:
    """Which members hold no data, if the others are no majority; None if they are one."""
    voters = situation.quorum.voters
    empty = find_lost_voters(situation.observed, situation.quorum) if situation.founded else None
    if not empty:
        return None
    others = ", ".join(map(str, sorted(voters - empty)))
    found = f"member {', '.join(map(str, sorted(empty)))} holds no data" + (
        f", and member {others} alone is no majority" if others else ""
    )
    if situation.ensemble.spec.storage.ephemeral:
        pods = ", ".join(
            sorted(names.member_name(situation.ensemble.name, i) for i in voters - empty)
        )
        advice = (
            "the ensemble is founded again when every member is known to be empty; if their data may go, "
            f"delete the pods that may hold some ({pods or 'of observers'})"
        )
    else:
        recover = "recover on a member that holds data (kubectl zk recover), " if others else ""
        advice = (
            f"bring the volumes back, {recover}or delete the ensemble and its claims and create it again "
            "from a backup"
        )
    return Verdict(False, reasons.VOLUME_LOST, f"{found}: {advice}")
