"""What was observed of an ensemble that is taken over, and what follows from it without a decision.

Pure values. What the members of a source say on their client ports becomes the same `Answers` that ours
give, so that quorum, membership and status treat them alike. A follower does not say whom it follows there:
it counts as following the one leader that there is.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import Endpoint, SourceAnswer
from zookeeper_operator.zookeeper.servers import Server

_DOING: Mapping[str, str] = {
    "leader": "leading - broadcast",
    "follower": "following - broadcast",
    "observer": "observing - broadcast",
}


@dataclass(frozen=True)
class SourcePods:
    """The StatefulSet of a source.

    `version` is its resource version, `generation` counts the changes of its spec, `first` is its first
    ordinal, `existing` are the names of the pods that are there; `writable` says whether the operator may
    change the number of its pods. `domains` are those in which its pods have their names. `keeps_claims` says
    whether the volume of a pod that is scaled away stays. `ensemble` is the ensemble that it belongs to, if
    it is one of ours, `paused` whether that one is. `left` is how many pods it has.
    """

    name: str
    namespace: str
    uid: str
    version: str
    replicas: int
    writable: bool
    existing: frozenset[str]
    first: int = 0
    selector: Mapping[str, str] = field(default_factory=dict)
    domains: frozenset[str] = frozenset()
    keeps_claims: bool = True
    ensemble: str = ""
    paused: bool = True
    generation: int = 0
    left: int = 0


@dataclass(frozen=True)
class Source:
    """What was observed of a source.

    `text` is its configuration as its own client ports show it, None if it was not read, with `why`.
    `servers` are those that were asked, `endpoints` is where. `pods_why` says why the StatefulSet that the
    spec names was not found. `rivals` are the ensembles that take over the same source, and come first.
    """

    text: str | None = None
    why: str = ""
    servers: tuple[Server, ...] = ()
    endpoints: Mapping[int, Endpoint] = field(default_factory=dict)
    answers: Mapping[int, SourceAnswer] = field(default_factory=dict)
    pods: SourcePods | None = None
    pods_why: str = ""
    rivals: tuple[str, ...] = ()

    @property
    def voters(self) -> tuple[Server, ...]:
        """Those of its servers that vote, or did at the beginning, in the order of their pods."""
        voters = [server for server in self.servers if server.role == "participant"]
        return tuple(sorted(voters, key=lambda server: (self.place(server), server.id)))

    def place(self, server: Server) -> int:
        """Which pod of the StatefulSet a server is, from 0; -1 if its line does not name one of them.

        The name alone proves nothing: there may be a StatefulSet of that name in every namespace.
        """
        pod, _, domain = server.host.rstrip(".").partition(".")
        if self.pods is None or domain not in self.pods.domains:
            return -1
        found = re.fullmatch(rf"{re.escape(self.pods.name)}-([0-9]{{1,4}})", pod)
        return int(found[1]) - self.pods.first if found else -1

    @property
    def ordered(self) -> bool:
        """Whether the voters are the first pods of the StatefulSet, each one of them."""
        places = [self.place(server) for server in self.voters]
        return bool(places) and places == list(range(len(places)))


def pod_of(server: Server) -> str:
    """The pod that a server line names, if it names one: the first label of its host."""
    return server.host.partition(".")[0]


def read_source_answers(
    answers: Mapping[int, SourceAnswer], ours: Mapping[int, Answers]
) -> Mapping[int, Answers]:
    """What members of a source say, in the form of what ours say."""
    leader = _find_leader(answers, ours)
    return {i: _read(i, answer, leader) for i, answer in answers.items()}


def _find_leader(answers: Mapping[int, SourceAnswer], ours: Mapping[int, Answers]) -> int | None:
    """The leader that there is; None if there is none, or more than one."""
    claiming = {i for i, answer in answers.items() if answer.mode == "leader"}
    # The one cheap question tells who leads, and nothing of the state that `serving` needs.
    serving = [answer for answer in ours.values() if answer.reachable and answer.problem is None]
    claiming |= {answer.id for answer in serving if answer.is_leader}
    if len(claiming) == 1:
        return next(iter(claiming))
    named = Counter(answer.leader_id for answer in serving if answer.leader_id is not None)
    followed = [i for i, _ in named.most_common(1)]
    return followed[0] if followed and len(named) == 1 and not claiming else None


def _read(member_id: int, answer: SourceAnswer, leader: int | None) -> Answers:
    serves = answer.mode in _DOING
    leads = answer.mode == "leader"
    return Answers(
        member_id,
        reachable=answer.reachable,
        problem=None if serves else answer.problem or f"runs as {answer.mode or 'nothing known'}",
        leader_id=(member_id if leads else leader) if serves else None,
        is_leader=leads,
        server_state=answer.mode if serves else "",
        peer_state=_DOING.get(answer.mode, ""),
        zxid=answer.zxid,
        connections=answer.connections,
        version=answer.version,
        denies=answer.denies,
        refuses=answer.refuses,
    )
