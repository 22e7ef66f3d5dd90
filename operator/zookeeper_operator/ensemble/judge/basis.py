"""Whether the facts on which the end of a pod was decided still hold, by answers given right before it.

Pure. The answers are those to the one cheap question that every member answers within milliseconds: whether
it serves, and which leader it follows.

Safety: a follower says for some seconds that it follows a leader that is gone, so its word counts only if
that leader itself says that it leads.
"""

from collections.abc import Mapping

from zookeeper_operator.ensemble.actions import Basis
from zookeeper_operator.ensemble.adoption.fence import is_still
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.servers import majority


def find_change(
    basis: Basis, answers: Mapping[int, Answers], *, ending: frozenset[int]
) -> str | None:
    """Why the pods of the members that are `ending` must not be ended now; None if they may be."""
    silent = answers.get(basis.silent)
    if silent is not None and _serves(silent):
        return f"member {basis.silent} serves again"
    if not basis.asked:
        return None if silent is None else _may_have_come_up(basis, silent)
    serving = {i: a for i, a in answers.items() if i in basis.asked and _serves(a)}
    missing = sorted(basis.asked - serving.keys())
    if missing:
        return f"member {', '.join(map(str, missing))} no longer serves"
    leading = [i for i, answer in serving.items() if answer.is_leader]
    if len(leading) != 1 or any(a.leader_id != leading[0] for a in serving.values()):
        return "the members do not agree on a leader any more"
    moved = [i for i in sorted(serving) if basis.still and _has_moved(basis, serving[i])]
    if moved:
        return f"member {', '.join(map(str, moved))} has committed something since"
    if len((serving.keys() & basis.voters) - ending) < majority(len(basis.voters)):
        return "the other members are no majority"
    return None


def _has_moved(basis: Basis, answer: Answers) -> bool:
    """Whether a member is not where it must stand; a follower of the source may be a moment behind."""
    if answer.id in basis.voters and not answer.is_leader:
        return False
    return answer.zxid is None or not is_still(basis.still, answer.zxid)


def _serves(answer: Answers) -> bool:
    return answer.reachable and answer.problem is None


def _may_have_come_up(basis: Basis, answer: Answers) -> str | None:
    """Why a member must not be ended without a quorum, which it may be about to form; None if it may be."""
    if answer.refuses or (answer.denies and basis.answered):
        return None
    if answer.reachable:
        return f"member {answer.id} has come up"
    return None if basis.never_ready else f"member {answer.id} may serve by now: {answer.problem}"
