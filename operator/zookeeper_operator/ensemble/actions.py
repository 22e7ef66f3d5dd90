"""What a plan can ask for. Values; `ensemble.apply` gives each its effect.

An action is *disruptive* when it deletes a pod, changes the voting membership or removes data. A plan
holds at most one of those, as its last action, and the next look decides what comes after it.
"""

from dataclasses import dataclass
from typing import ClassVar

from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server


@dataclass(frozen=True)
class Apply:
    """Server-side apply of a whole child, because it is missing or differs.

    With `only_new`, it is created, and nothing is done to one that somebody has created meanwhile: for
    content that was drawn by lot.
    Where a child is `optional`, its refusal by the API server keeps nothing else from being done.
    """

    body: Object
    why: str
    only_new: bool = False
    optional: bool = False
    disruptive: ClassVar[bool] = False


@dataclass(frozen=True)
class Delete:
    """Delete a child that is not wanted any more, if it is still the one that was seen.

    With `orphan`, what it owns stays (a StatefulSet that is remade leaves its pods running).
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
    """Delete one pod, if it is still the one that was seen; its StatefulSet makes it anew.

    `statefulset` and `generation` are what the restart was decided on: with another generation, a template
    that was just put right for one, there may be nothing to restart for.
    """

    member_id: int
    pod: str
    uid: str
    statefulset: str
    generation: int
    reason: str
    why: str
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
    one may have a new volume, which nobody has asked to remove.
    """

    member_id: int
    claims: tuple[tuple[str, str], ...]
    pod: tuple[str, str]
    why: str
    reason: str = "ReplacingMember"
    disruptive: ClassVar[bool] = True


Action = Apply | Delete | RestartMember | Reconfigure | ReplaceMember
