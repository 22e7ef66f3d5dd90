"""What the page shows of one ensemble, as plain values: pure.

The frame is the status that the operator wrote; over it are laid the members' own answers of this moment, so
that an election is seen while it happens. Where no member can be asked from here, or too few have been asked
yet to say whether there is a quorum, the operator's words stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from zookeeper_operator.api import conditions
from zookeeper_operator.cli.page.texts import visible
from zookeeper_operator.cli.summary import quorum_line, unhealthy_conditions
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.judge.quorum import Quorum, judge_quorum
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.report.members import member_lag, member_role, member_state
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.answers import Answers

_MEMBERS: Final = "members"
_OPERATOR: Final = "operator"
_NOT_SERVING: Final = "not currently serving requests"
"""What an AdminServer answers while its member looks for a leader."""


@dataclass(frozen=True)
class Scene:
    """Everything that is known of one ensemble at one moment."""

    body: Object
    pods: tuple[Pod, ...] = ()
    answers: Mapping[int, Answers] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    """The zone of each node, where nodes may be read."""
    heard: frozenset[int] = frozenset()
    """Members that have answered before; what the operator wrote of them is older than that."""

    @property
    def status(self) -> Mapping[str, Any]:
        """The status that the operator wrote."""
        return self.body.get("status") or {}


@dataclass(frozen=True)
class Leader:
    """Who leads, and which epoch."""

    id: int
    epoch: int | None


def judge_scene(scene: Scene) -> Quorum:
    """Judge the quorum from the answers alone, as far as the voters are known without a session."""
    published = frozenset(m for m in _listed_ids(scene) if names.component_of(m) == names.VOTER)
    return judge_quorum(scene.answers, committed=None, published=published)


def why_not_live(scene: Scene) -> str:
    """Why the members' own answers are not shown; empty if they are."""
    answers = scene.answers.values()
    if any(answer.reachable for answer in answers):
        return "" if _is_decided(scene) else "not every member has been asked yet"
    if not any(pod.ready for pod in scene.pods):
        return "" if answers or scene.pods else "no member has been asked yet"
    said = next((answer.problem for answer in answers if answer.problem), None)
    return f"no member can be asked from here ({said})" if said else "no member has answered yet"


def _is_decided(scene: Scene) -> bool:
    """Whether the members that are still to be asked cannot change who leads, or that nobody does.

    The first answers of an ensemble name a leader that has not spoken itself: that is no loss of the leader.
    """
    if not any(_is_to_be_asked(scene, pod) for pod in scene.pods):
        return True
    quorum = judge_scene(scene)
    denying = {member for member, answer in scene.answers.items() if answer.denies}
    return quorum.healthy or len(quorum.voters - denying) < quorum.needed


def _is_to_be_asked(scene: Scene, pod: Pod) -> bool:
    """Whether a member that is ready, and so is asked within a moment, has not been asked before."""
    asked = pod.id in scene.answers or pod.id in scene.heard
    return pod.ready and not pod.terminating and not asked


def leader_of(scene: Scene) -> Leader | None:
    """Who leads by the members' answers, or by the operator's status where there are none."""
    if why_not_live(scene):
        written = scene.status.get("leader")
        return Leader(int(written["id"]), written.get("epoch")) if written else None
    quorum = judge_scene(scene)
    return None if quorum.leader is None else Leader(quorum.leader, quorum.epoch)


def build_picture(scene: Scene, since: datetime | None = None) -> dict[str, Any]:
    """Return the picture; `since` is when this page saw the leader begin to lead."""
    metadata, spec, status = scene.body["metadata"], scene.body.get("spec") or {}, scene.status
    unlive = why_not_live(scene)
    quorum = None if unlive else judge_scene(scene)
    leader = leader_of(scene)
    counted = status.get("quorum") or {} if quorum is None else _counted(quorum)
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "source": _OPERATOR if unlive else _MEMBERS,
        "note": visible(unlive),
        "summary": visible(_summary(status, quorum)),
        "nextAction": visible(str(status.get("nextAction") or "")),
        "generation": metadata.get("generation", 0),
        "observedGeneration": status.get("observedGeneration", 0),
        "replicas": spec.get("replicas"),
        "version": spec.get("version", ""),
        "quorum": {
            **{key: counted.get(key) for key in ("voters", "live", "needed", "tolerates")},
            "text": quorum_line({**status, "quorum": counted}),
        },
        "leader": _leader(scene, leader, since),
        "conflict": visible(quorum.contradiction.message)
        if quorum is not None and quorum.contradiction is not None
        else "",
        "conditions": [
            {"types": types, "reason": reason, "message": visible(message)}
            for types, reason, message in unhealthy_conditions(status.get("conditions") or [])
        ],
        "members": [_member(scene, quorum, member) for member in _listed_ids(scene)],
    }


def _summary(status: Mapping[str, Any], quorum: Quorum | None) -> str:
    """The operator's word, unless the members already say that it no longer holds."""
    lost = quorum is not None and len(quorum.live) < quorum.needed
    if lost and _is_ready(status):
        return "No quorum"
    return str(status.get("summary") or "no status yet")


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(
        c.get("type") == conditions.READY and c.get("status") == conditions.TRUE
        for c in status.get("conditions") or []
    )


def _counted(quorum: Quorum) -> dict[str, int]:
    live = len(quorum.live)
    return {
        "voters": len(quorum.voters),
        "live": live,
        "needed": quorum.needed,
        "tolerates": max(live - quorum.needed, 0),
    }


def _leader(scene: Scene, leader: Leader | None, since: datetime | None) -> dict[str, Any] | None:
    if leader is None:
        return None
    written = scene.status.get("leader") or {}
    same = (written.get("id"), written.get("epoch")) == (leader.id, leader.epoch)
    known = written.get("since") if same else None
    return {
        "id": leader.id,
        "pod": names.member_name(scene.body["metadata"]["name"], leader.id),
        "epoch": leader.epoch,
        "since": known or (since.isoformat() if since else None),
    }


def _listed_ids(scene: Scene) -> Sequence[int]:
    written = {int(m["id"]) for m in scene.status.get("members") or []}
    return sorted(written | {pod.id for pod in scene.pods} | set(scene.answers))


def _member(scene: Scene, quorum: Quorum | None, member: int) -> dict[str, Any]:
    written = _by_id(scene.status.get("members") or []).get(member, {})
    pod = next((p for p in scene.pods if p.id == member), None)
    node = pod.node if pod else ""
    common = {
        "id": member,
        "pod": names.member_name(scene.body["metadata"]["name"], member),
        "voter": names.component_of(member) == names.VOTER
        if quorum is None
        else member in quorum.voters,
        "node": visible(node),
        "zone": visible(scene.zones.get(node, "")),
        "ready": pod is not None and pod.ready,
        "podUid": pod.uid if pod else "",
        "restartReason": visible(str(written.get("restartReason") or "")),
        "restartedAt": written.get("restartedAt"),
    }
    # One that is still to be asked is not silent.
    if quorum is None or (pod is not None and _is_to_be_asked(scene, pod)):
        return {**common, **_as_written(scene, written)}
    return {**common, **_as_answered(scene, quorum, member, pod)}


def _as_written(scene: Scene, written: Mapping[str, Any]) -> dict[str, Any]:
    leader = (scene.status.get("leader") or {}).get("id")
    serving = bool(written.get("serving"))
    return {
        "role": str(written.get("role") or ""),
        "state": visible(str(written.get("state") or "")),
        "serving": serving,
        "follows": leader if serving and leader != written.get("id") else None,
        "why": "",
        **{key: written.get(key) for key in ("zxid", "epoch", "lag", "connections", "version")},
    }


def _as_answered(scene: Scene, quorum: Quorum, member: int, pod: Pod | None) -> dict[str, Any]:
    asked = member in scene.answers
    answer = scene.answers[member] if asked else Answers(member, reachable=False)
    in_sync = quorum.in_sync(member, scene.answers)
    follows = answer.leader_id if answer.serving and not answer.is_leader else None
    # Silence is no loss: what is ready and does not answer may serve.
    silent = asked and not answer.reachable and not answer.refuses and pod is not None and pod.ready
    trouble = pod.trouble.message if pod is not None and pod.trouble is not None else ""
    # Its role says the same in fewer words.
    said = "" if _NOT_SERVING in (answer.problem or "") else answer.problem
    return {
        "role": member_role(answer),
        "state": visible(member_state(answer, pod, None)),
        "serving": None if silent else answer.serving,
        "follows": follows,
        "why": "" if answer.serving else visible(trouble or said or ""),
        "zxid": "" if answer.zxid is None else f"{answer.zxid:#x}",
        "epoch": quorum.epoch if in_sync and quorum.epoch is not None else answer.epoch,
        "lag": member_lag(answer, scene.answers.get(quorum.leader or 0)),
        "connections": answer.connections,
        "version": visible(answer.version),
    }


def _by_id(members: Iterable[Mapping[str, Any]]) -> Mapping[int, Mapping[str, Any]]:
    return {int(member["id"]): member for member in members}


def build_row(body: Object) -> dict[str, Any]:
    """Return the line of the overview about one ensemble, from what the operator wrote."""
    metadata, status = body["metadata"], body.get("status") or {}
    leader, quorum = status.get("leader") or {}, status.get("quorum") or {}
    return {
        "uid": metadata["uid"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "summary": visible(str(status.get("summary") or "no status yet")),
        "ready": _is_ready(status),
        "voters": visible(str(quorum.get("summary") or "")),
        "tolerates": quorum.get("tolerates"),
        "leader": visible(str(leader.get("pod") or "")),
        "epoch": leader.get("epoch"),
        "nextAction": visible(str(status.get("nextAction") or "")),
    }
