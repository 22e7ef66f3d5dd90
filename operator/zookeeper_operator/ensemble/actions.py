"""What a plan can ask for. Values; `ensemble.apply` gives each its effect.

An action is *disruptive* when it deletes a pod, changes the voting membership or removes data. A plan
holds at most one of those, as its last action, and the next reconcile decides what comes after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.adoption.fence import Fence
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import CommittedConfig, Role, Server

_BECOMES: Final[Mapping[Role, str]] = {
    "participant": "gets a vote",
    "observer": "becomes an observer",
}


@dataclass(frozen=True)
class Basis:
    """The facts on which the end of a pod was decided; they are read again right before it.

    An observation takes up to some seconds, in which a leader or a volume claim can be lost. What is read
    again is as old as one round of questions, which is some milliseconds, and a second at most.

    Attributes:
        voters: The committed voters.
        asked: The members that served, without the pod that ends unless it served too. Empty if nothing
            depends on the other members.
        silent: The member whose pod ends, if it did not serve and must still not serve; 0 for none.
        answered: Whether that member answered that it does not serve. Where there is no quorum, one that has
            come up since may be about to form it.
        never_ready: Whether the pod of that member was never ready. Silence of one that was may be that of a
            member that serves.
        claims: (name, uid) of the claims that must not be being deleted: those whose volumes must
            outlive the pod.
        still: The zxid after which the leader, and every member without a vote that is asked, must not have
            committed anything; 0 if that does not matter.
    """

    voters: frozenset[int] = frozenset()
    asked: frozenset[int] = frozenset()
    silent: int = 0
    answered: bool = False
    never_ready: bool = False
    claims: tuple[tuple[str, str], ...] = ()
    still: int = 0


@dataclass(frozen=True)
class Apply:
    """Server-side apply of a whole child, because it is missing or differs.

    With `only_new` it is created, and one that was created meanwhile is left alone: for random
    content. If the API server refuses an `optional` child, the rest of the plan is still carried out.
    `basis` is given where the apply ends pods.
    """

    body: Object
    why: str
    only_new: bool = False
    optional: bool = False
    basis: Basis | None = None
    disruptive: ClassVar[bool] = False


@dataclass(frozen=True)
class Delete:
    """Delete a child that is not wanted any more, if it is still the one that was observed.

    With `orphan`, what it owns stays: a StatefulSet that is created again leaves its pods running.
    """

    api_version: str
    kind: str
    name: str
    uid: str
    why: str
    orphan: bool = False
    disruptive: ClassVar[bool] = False


@dataclass(frozen=True)
class RestartMember:
    """Delete one pod, if it is still the one that was observed; its StatefulSet creates it again.

    `why` is a sentence for people, `revisions` the two that it goes from and to. `statefulset` and
    `generation` are what the restart was decided on. With another generation there may be nothing to restart
    for, for example if the template has just been corrected. `basis` is what must still be true of the other
    members.
    """

    member_id: int
    pod: str
    uid: str
    statefulset: str
    generation: int
    why: str
    revisions: str = ""
    basis: Basis | None = None
    disruptive: ClassVar[bool] = True


@dataclass(frozen=True)
class Reconfigure:
    """One committed step of the membership, valid only on top of `based_on`.

    `joining` lines add a member or change its role; `leaving` ids are removed.
    """

    based_on: CommittedConfig
    why: str
    reason: str
    joining: tuple[Server, ...] = ()
    leaving: tuple[int, ...] = ()
    disruptive: ClassVar[bool] = True


@dataclass(frozen=True)
class ReplaceMember:
    """Remove a member's volumes and its pod, so that it comes back empty and syncs from the others.

    `claims` and `pod` are (name, uid) pairs. Nothing is removed unless this very pod is still there: a new
    one may have a new volume, whose removal was not asked for.
    """

    member_id: int
    claims: tuple[tuple[str, str], ...]
    pod: tuple[str, str]
    why: str
    reason: str = reasons.REPLACING_MEMBER
    basis: Basis | None = None
    disruptive: ClassVar[bool] = True


@dataclass(frozen=True)
class ScaleSource:
    """Change the number of pods of the StatefulSet of a source, if it is still the one that was observed.

    `why` is a sentence for people. `ending` are the voters whose pods end; `basis` is what must still be true
    of the others.
    """

    name: str
    namespace: str
    uid: str
    version: str
    replicas: int
    why: str
    ending: frozenset[int] = frozenset()
    basis: Basis | None = None
    disruptive: ClassVar[bool] = True


@dataclass(frozen=True)
class WriteFence:
    """Write a znode through a member of ours, to see that all of them get what was acknowledged before it.

    Right before it the members of the source that are `asked` show their configuration once more: it must be
    `based_on`, without a version.
    """

    through: frozenset[int]
    asked: frozenset[int]
    based_on: CommittedConfig
    why: str
    disruptive: ClassVar[bool] = False


@dataclass(frozen=True)
class RecordAdoption:
    """Record in the status where a source stood, or that our members are cut off from it."""

    fence: Fence | None
    cut_over: bool
    why: str
    disruptive: ClassVar[bool] = False


Action = (
    Apply
    | Delete
    | RestartMember
    | Reconfigure
    | ReplaceMember
    | ScaleSource
    | WriteFence
    | RecordAdoption
)


def describe_reconfiguration(action: Reconfigure) -> str:
    """What a reconfiguration does to which member, in words; the server lines are for the log."""
    parts = [
        f"member {server.id} {_BECOMES[server.role]}"
        if (before := action.based_on.server(server.id)) is None or before.role != server.role
        else f"the addresses of member {server.id} change"
        for server in action.joining
    ]
    parts += [f"member {member_id} leaves the configuration" for member_id in action.leaving]
    return " and ".join(parts)
