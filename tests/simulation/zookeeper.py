"""ZooKeeper servers: elections, logs, commits and reconfiguration, as 3.9 does them.

The rules come from the source of 3.9 (FastLeaderElection, Leader, Learner, QuorumPeer) and from what was
measured on real servers:

* a vote counts if the voter is in the configuration the counting server goes by, and the candidate is
  the greatest (epoch, zxid, id); a configuration that was proposed but not yet committed has to give
  its majority as well, but whom only that one lists does not stand as a candidate (`getInitId`): whoever has
  not heard of the proposal would not count a vote for it;
* with `db.autocreate=false` a server without a database neither counts votes nor is counted, it only
  joins a leader there is, until it has synced; the `initialize` file makes an empty database once;
* a server in election takes over any newer configuration it hears of; a server never lists itself;
* a leader needs a majority of synced voters to begin, for every commit, and at every check after that;
* the first leader of a configuration without a version gives it the version epoch << 32, unless it cannot
  reconfigure;
* a reconfiguration needs a majority of the old and of the new voters. Observers acknowledge nothing, so
  they do not count as synced voters of the new configuration (`Leader.isQuorumSynced`);
* whom a configuration does not list follows without a vote, also when it had started as an observer;
* a leader that is not a voter of the configuration it commits hands over, and the caller often sees
  ConnectionLoss; a member whose role changes connects again; a removed member runs on without a vote.

A log is a chain of transactions that share their past, so that copying one costs nothing and "is this
write still there" is a walk along the chain.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from tests.simulation.stage import Stage

from zookeeper_operator.certificates.certificate import Chain, Trust
from zookeeper_operator.certificates.key_store import Stores
from zookeeper_operator.certificates.path import path_to
from zookeeper_operator.ensemble.security.phase import DIALS_TLS
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server, majority

State = Literal["loading", "looking", "connecting", "following", "discovery", "leading", "dead"]

# tickTime 2000 and syncLimit make a vanished peer noticed within a few seconds; closed sockets at once.
_SILENCE_SECONDS: Final = 2.5
_LEARNER_SILENCE_SECONDS: Final = 4.0
_DISCOVERY_SECONDS: Final = 5.0
_CHECK_SECONDS: Final = 0.5


class View:
    """A configuration with what is asked of it all the time."""

    __slots__ = ("config", "roles", "version", "voters")

    def __init__(self, config: CommittedConfig) -> None:
        self.config = config
        self.version = config.version
        self.voters = config.voters
        self.roles = {server.id: server.role for server in config.servers}

    def quorum(self, ids: Iterable[int]) -> bool:
        """Whether these ids hold a majority of the voters."""
        return len(self.voters.intersection(ids)) >= majority(len(self.voters))

    def __str__(self) -> str:
        told = " ".join(f"{i}{'o' if r == 'observer' else ''}" for i, r in self.roles.items())
        return f"v{self.version:x}[{told}]"


class Txn:
    """One transaction in a log, and by its parent the whole log up to it."""

    __slots__ = ("depth", "parent", "view", "what", "zxid")

    def __init__(
        self, zxid: int, parent: "Txn | None", what: str, view: View | None = None
    ) -> None:
        self.zxid = zxid
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.what = what
        self.view = view

    def holds(self, other: "Txn") -> bool:
        """Whether the log that ends here contains that transaction."""
        found: Txn | None = self
        while found is not None and found.depth > other.depth:
            found = found.parent
        return found is other


EMPTY: Final = Txn(0, None, "the empty database")


@dataclass
class Disk:
    """A member's volume: data, and the configuration files that lie beside it."""

    stamp: str = ""
    place: str = ""
    initialize: bool = False
    head: Txn | None = None
    current_epoch: int = 0
    accepted_epoch: int = 0
    stored: View | None = None
    pending: View | None = None

    def wipe(self) -> None:
        """Lose everything."""
        self.__init__()  # type: ignore[misc]


@dataclass(eq=False)
class Member:
    """One running server process."""

    id: int
    disk: Disk
    view: View
    password: str
    version: str
    ip: str
    database: str = ""
    state: State = "loading"
    observer: bool = False
    leader: "Member | None" = None
    serving: bool = False
    frozen: bool = False
    silent_since: float | None = None
    # As a leader only:
    epoch: int = 0
    session: int = 0
    connected: dict[int, "Member"] = field(default_factory=dict)
    synced: set[int] = field(default_factory=set)
    unheard: dict[int, float] = field(default_factory=dict)
    counter: int = 0
    proposal: Txn | None = None
    acks: set[int] = field(default_factory=set)
    waiting: list[tuple[str, View | None, Callable[[str], None]]] = field(default_factory=list)
    tell: Callable[[str], None] = lambda _answer: None
    may_commit: bool = True
    reconfigures: bool = True
    """Whether it has `reconfigEnabled=true`; a leader without it gives its configuration no version."""
    phase: int = 0
    """The quorum phase of TLS that it was started in."""
    listens_for_tls: bool = False
    stores: Stores | None = None
    """The certificates that it has taken over last."""
    auth: int = 0
    """The authentication phase that it was started in."""
    users: Mapping[str, str] = field(default_factory=dict)
    """Who may log in, with their passwords, as it read them when it started."""

    @property
    def empty(self) -> bool:
        """Whether it has no database it may trust."""
        return self.disk.head is None

    @property
    def pending(self) -> View | None:
        """A configuration that was proposed to it and is newer than the one it goes by."""
        found = self.disk.pending
        return found if found is not None and found.version > self.view.version else None

    @property
    def voters(self) -> frozenset[int]:
        """Whose votes it listens to."""
        pending = self.pending
        return self.view.voters if pending is None else self.view.voters | pending.voters

    @property
    def rank(self) -> tuple[int, int, int]:
        """What candidates are compared by."""
        head = self.disk.head
        return (self.disk.current_epoch, -1 if head is None else head.zxid, self.id)

    @property
    def zxid(self) -> int:
        """The last transaction as the AdminServer shows it."""
        head = 0 if self.disk.head is None else self.disk.head.zxid
        return max(head, self.epoch << 32) if self.state == "leading" else head

    def quorum(self, ids: Iterable[int]) -> bool:
        """Whether these ids are enough by every configuration it has to mind."""
        chosen = frozenset(ids)
        pending = self.pending
        return self.view.quorum(chosen) and (pending is None or pending.quorum(chosen))


def understand(one: Member, other: Member) -> bool:
    """Whether two servers can connect to each other, by what they accept, dial and trust (3.8 and 3.9)."""
    if abs(one.phase - other.phase) > 1:
        return False
    if max(one.phase, other.phase) < DIALS_TLS:
        return True
    stores, others = one.stores, other.stores
    return (
        stores is not None
        and others is not None
        and trusts(stores.trust, others.key_pair.chain)
        and trusts(others.trust, stores.key_pair.chain)
    )


@lru_cache(maxsize=4096)
def trusts(trust: Trust, chain: Chain) -> bool:
    """Whether a chain leads to a CA that is trusted."""
    return path_to(chain, trust.authorities) is not None


class Network:
    """All running servers and the connections between them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.members: dict[int, Member] = {}
        self.cut: set[frozenset[int]] = set()
        self.on_change: Callable[[Member], None] = lambda _member: None
        self.on_commit: Callable[[Member, Txn], None] = lambda _leader, _txn: None
        self.on_lead: Callable[[Member], None] = lambda _leader: None
        self.on_found: Callable[[Member], None] = lambda _founder: None
        self.on_start: Callable[[Member], None] = lambda _member: None
        self.loss_after_commit = 0.0
        self._electing = False
        self._checking_until = 0.0
        self._checking = False

    # ------------------------------------------------------------------ life and death

    def start(self, member: Member) -> None:
        """A process has loaded its database and takes part from now on."""
        if member.state == "dead":
            return
        self.members[member.id] = member
        self.on_start(member)
        if member.disk.initialize:
            member.disk.initialize = False
            if member.disk.head is None:
                member.disk.head = EMPTY
                self.on_found(member)
        member.observer = member.view.roles.get(member.id) == "observer"
        self._say(
            member, f"starts with {member.view}" + (" and no database" if member.empty else "")
        )
        self._look(member)

    def kill(self, member: Member) -> None:
        """The process is gone; whoever was connected notices soon."""
        if member.state == "dead":
            return
        followers, leader = list(member.connected.values()), member.leader
        self._drop_client_calls(member)
        member.state = "dead"
        member.serving = False
        member.session += 1
        if self.members.get(member.id) is member:
            del self.members[member.id]
        for follower in followers:
            self._stage.later(0.03, 0.3, self._lost_leader, follower, member)
        if leader is not None:
            self._forget(leader, member)
        self.disturbed()

    def freeze(self, member: Member, frozen: bool) -> None:  # noqa: FBT001
        """Stop a process, or let it go on as if nothing had been."""
        member.frozen = frozen
        self.disturbed()
        self.on_change(member)

    def disturbed(self) -> None:
        """Connections may have changed: have everybody look after their own for a while."""
        self._checking_until = self._stage.now + 2 * _LEARNER_SILENCE_SECONDS + _DISCOVERY_SECONDS
        if not self._checking:
            self._checking = True
            self._stage.loop.call_later(_CHECK_SECONDS, self._check)
        self._elect_soon()

    def linked(self, one: Member, other: Member) -> bool:
        """Whether two servers can speak with each other now."""
        return (
            self.members.get(one.id) is one
            and self.members.get(other.id) is other
            and not one.frozen
            and not other.frozen
            and (one is other or frozenset((one.id, other.id)) not in self.cut)
            and (one is other or understand(one, other))
        )

    def _arrives(
        self, one: Member, other: Member, action: Callable[..., None], *args: object
    ) -> bool:
        """Whether what one has sent the other gets there now.

        Between two that are only apart for now, TCP sends it again: it arrives when they are not any more.
        """
        if self.linked(one, other):
            return True
        if self.members.get(one.id) is one and self.members.get(other.id) is other:
            self._stage.later(0.2, 0.5, action, *args)
        return False

    def leads(self, member: Member) -> bool:
        """Whether a leader has what it needs in order to commit now."""
        return (
            member.state == "leading" and member.may_commit and member.quorum(self._heard(member))
        )

    def _heard(self, leader: Member) -> set[int]:
        near = {
            i
            for i in leader.synced
            if i in leader.connected and self.linked(leader, leader.connected[i])
        }
        return near | {leader.id}

    # ------------------------------------------------------------------ elections

    def _say(self, member: Member, what: str) -> None:
        self._stage.tell(f"zk-{member.id}", what)

    def _look(self, member: Member) -> None:
        if member.state == "dead":
            return
        was = member.leader
        if was is not None:
            self._forget(was, member)
        self._drop_client_calls(member)
        member.state = "looking"
        member.serving = False
        member.leader = None
        member.silent_since = None
        member.session += 1
        followers = list(member.connected.values())
        member.connected = {}
        member.synced = set()
        for follower in followers:
            self._stage.later(0.01, 0.1, self._lost_leader, follower, member)
        self.on_change(member)
        self._elect_soon()

    def _lost_leader(self, follower: Member, leader: Member) -> None:
        if follower.leader is leader and follower.state in {"following", "connecting"}:
            self._look(follower)

    def _forget(self, leader: Member, follower: Member) -> None:
        if leader.connected.get(follower.id) is follower:
            del leader.connected[follower.id]
            leader.synced.discard(follower.id)
            leader.unheard.pop(follower.id, None)

    def _elect_soon(self) -> None:
        if not self._electing:
            self._electing = True
            self._stage.later(0.1, 0.4, self._elect)

    def _elect(self) -> None:
        """One exchange of notifications among all who look for a leader."""
        self._electing = False
        looking = [
            m for _, m in sorted(self.members.items()) if m.state == "looking" and not m.frozen
        ]
        if not looking:
            return
        for member in looking:
            self._hear_of_configuration(member)
        for member in looking:
            self._join(member)
        free = [m for m in looking if m.state == "looking"]
        voting = [m for m in free if not m.empty and m.id in m.voters]
        heard = {
            m.id: [m, *(r for r in voting if r is not m and r.id in m.voters and self._talks(m, r))]
            for m in voting
        }
        standing = {i: [p for p in peers if p.id in p.view.voters] for i, peers in heard.items()}
        best = {i: max(ps, key=lambda p: p.rank) for i, ps in standing.items() if ps}
        chosen = [
            (m, best[m.id])
            for m in voting
            if m.id in best and m.quorum(p.id for p in heard[m.id] if best.get(p.id) is best[m.id])
        ]
        for member, leader in chosen:
            if member is leader:
                self._discover(member)
        for member, leader in chosen:
            if member is not leader:
                self._connect(member, leader)
        if any(m.state == "looking" for m in looking):
            self._electing = True
            self._stage.later(0.25, 0.5, self._elect)

    def _talks(self, one: Member, other: Member) -> bool:
        """A notification goes to the voters one knows; who is asked answers."""
        known = other.id in one.voters or (other.state == "looking" and one.id in other.voters)
        return known and self.linked(one, other)

    def _hear_of_configuration(self, member: Member) -> None:
        for _, other in sorted(self.members.items()):
            if other.view.version > member.view.version and self._talks(member, other):
                self._adopt(member, other.view)

    def _adopt(self, member: Member, view: View) -> bool:
        """Go by a newer configuration; whether that changes the member's role."""
        if view.version <= member.view.version:
            return False
        member.view = view
        member.disk.stored = view
        if member.disk.pending is not None and member.disk.pending.version <= view.version:
            member.disk.pending = None
        was = member.observer
        member.observer = view.roles.get(member.id) == "observer"
        return member.observer != was

    def _join(self, member: Member) -> None:
        for _, leader in sorted(self.members.items()):
            if leader.state not in {"discovery", "leading"} or not self._talks(member, leader):
                continue
            agree = {
                r.id
                for r in self.members.values()
                if (r is leader or (r.leader is leader and r.state == "following"))
                and self._talks(member, r)
            }
            if member.quorum(agree):
                self._connect(member, leader)
                return

    def _discover(self, leader: Member) -> None:
        leader.state = "discovery"
        leader.session += 1
        leader.connected = {}
        leader.synced = set()
        leader.epoch = 0
        leader.may_commit = True
        session = leader.session
        self._stage.later(
            _DISCOVERY_SECONDS, _DISCOVERY_SECONDS, self._discovery_over, leader, session
        )
        self._reach_out(leader)

    def _discovery_over(self, leader: Member, session: int) -> None:
        if leader.session == session and leader.state == "discovery":
            self._look(leader)

    def _connect(self, member: Member, leader: Member) -> None:
        member.state = "connecting"
        member.leader = leader
        member.session += 1
        self._stage.later(0.02, 0.2, self._arrive, member, leader, member.session)
        self._stage.later(5.0, 5.0, self._connecting_over, member, member.session)

    def _connecting_over(self, member: Member, session: int) -> None:
        if member.session == session and member.state == "connecting":
            self._look(member)

    def _arrive(self, member: Member, leader: Member, session: int) -> None:
        """FOLLOWERINFO or OBSERVERINFO reaches the leader."""
        if member.session != session or member.state != "connecting":
            return
        if leader.state not in {"discovery", "leading"}:
            self._stage.later(0.1, 0.3, self._lost_leader, member, leader)
            return
        if not self._arrives(member, leader, self._arrive, member, leader, session):
            return
        leader.connected[member.id] = member
        if leader.epoch:
            self._accept(member, leader)
        else:
            self._reach_out(leader)

    def _reach_out(self, leader: Member) -> None:
        """Begin the new epoch when a majority with a database is connected."""
        near = [leader, *leader.connected.values()]
        known = {m.id for m in near if not m.empty and (m is leader or not m.observer)}
        if not leader.quorum(known):
            return
        leader.epoch = max(m.disk.accepted_epoch for m in near) + 1
        leader.counter = 0
        leader.disk.accepted_epoch = leader.epoch
        leader.disk.current_epoch = leader.epoch
        leader.synced = {leader.id}
        for member in list(leader.connected.values()):
            self._accept(member, leader)
        self._maybe_lead(leader)

    def _accept(self, member: Member, leader: Member) -> None:
        """LEADERINFO: the member takes the epoch on, or finds it too old."""
        disk = member.disk
        head = -1 if disk.head is None else disk.head.zxid
        assert leader.disk.head is not None
        ahead = (disk.current_epoch, head) > (leader.disk.current_epoch, leader.disk.head.zxid)
        if disk.accepted_epoch > leader.epoch or (ahead and not member.observer and head >= 0):
            self._look(member)
            return
        disk.accepted_epoch = leader.epoch
        self._stage.later(0.01, 0.15, self._sync, member, leader, member.session)

    def _sync(self, member: Member, leader: Member, session: int) -> None:
        """DIFF, TRUNC or SNAP, then NEWLEADER: the member's log is the leader's."""
        if member.session != session or member.leader is not leader:
            return
        if leader.state not in {"discovery", "leading"}:
            return
        if not self._arrives(leader, member, self._sync, member, leader, session):
            return
        disk = member.disk
        disk.head = leader.disk.head
        if member.observer and leader.proposal is not None:
            disk.head = leader.proposal.parent
        disk.current_epoch = leader.epoch
        newest = leader.pending or leader.view
        disk.pending = newest if newest.version > member.view.version else None
        leader.synced.add(member.id)
        if leader.state == "discovery":
            self._maybe_lead(leader)
            return
        self._up_to_date(member, leader, session)
        if leader.proposal is not None and not member.observer:
            self._acknowledge(leader, member.id, leader.proposal)

    def _maybe_lead(self, leader: Member) -> None:
        acknowledged = {leader.id} | {
            i for i in leader.synced if i == leader.id or not leader.connected[i].observer
        }
        if not leader.quorum(acknowledged):
            return
        view = leader.pending or leader.view
        if view.version == 0 and leader.reconfigures:
            view = View(CommittedConfig(leader.epoch << 32, view.config.servers))
        self._adopt(leader, view)
        leader.state = "leading"
        leader.serving = True
        leader.leader = None
        leader.proposal = None
        self._say(leader, f"leads epoch {leader.epoch} of {leader.view}")
        self.on_lead(leader)
        self.on_change(leader)
        for member in list(leader.connected.values()):
            if member.id in leader.synced:
                self._stage.later(0.005, 0.08, self._up_to_date, member, leader, member.session)
        if leader.id not in leader.view.voters:
            leader.may_commit = False
            self._stage.later(0.02, 0.1, self._step_down, leader, leader.session)

    def _up_to_date(self, member: Member, leader: Member, session: int) -> None:
        if member.session != session or member.leader is not leader or leader.state != "leading":
            return
        if not self._arrives(leader, member, self._up_to_date, member, leader, session):
            return
        if self._adopt(member, leader.view):
            self._look(member)
            return
        member.state = "following"
        member.serving = True
        self.on_change(member)

    def _step_down(self, leader: Member, session: int) -> None:
        if leader.session == session and leader.state == "leading":
            self._say(leader, "steps down")
            self._look(leader)

    def _check(self) -> None:
        """What every server checks each tick: do I still hear my leader, my majority?"""
        now = self._stage.now
        for _, member in sorted(self.members.items()):
            if member.frozen:
                continue
            if member.state == "leading":
                well = member.quorum(self._heard(member))
            elif member.state == "following":
                leader = member.leader
                well = (
                    leader is not None
                    and leader.state == "leading"
                    and leader.connected.get(member.id) is member
                    and self.linked(member, leader)
                )
            else:
                continue
            if well:
                member.silent_since = None
            elif member.silent_since is None:
                member.silent_since = now
            elif now - member.silent_since >= _SILENCE_SECONDS:
                self._say(member, f"gives up as it hears too little ({member.state})")
                self._look(member)
        for _, member in sorted(self.members.items()):
            if not member.frozen:
                self._drop_silent_learners(member)
        unsettled = any(m.state not in {"leading", "following"} for m in self.members.values())
        if unsettled:
            self._elect_soon()
        if unsettled or now < self._checking_until:
            self._stage.loop.call_later(_CHECK_SECONDS, self._check)
        else:
            self._checking = False

    def _drop_silent_learners(self, leader: Member) -> None:
        """A leader that hears nothing of a learner for syncLimit closes the connection."""
        for learner in list(leader.connected.values()):
            if self.linked(leader, learner):
                leader.unheard.pop(learner.id, None)
                continue
            since = leader.unheard.setdefault(learner.id, self._stage.now)
            if learner.state == "dead" or self._stage.now - since >= _LEARNER_SILENCE_SECONDS:
                self._forget(leader, learner)

    # ------------------------------------------------------------------ broadcast

    def leader_of(self, member: Member) -> Member | None:
        """Whom a serving member passes writes and syncs on to."""
        if not member.serving or member.frozen:
            return None
        leader = member if member.state == "leading" else member.leader
        if leader is None or leader.state != "leading" or not self.linked(member, leader):
            return None
        return leader

    def write(self, member: Member, what: str, answer: Callable[[str], None]) -> None:
        """A client's write through one member; the answer is "ok" or the error it gets."""
        leader = self.leader_of(member)
        if leader is None:
            answer("ConnectionLoss")
            return
        self._propose(leader, what, None, answer)

    def reconfigure(
        self,
        member: Member,
        *,
        password: str,
        joining: Iterable[Server],
        leaving: Iterable[int],
        from_version: int,
        answer: Callable[[str], None],
    ) -> None:
        """The `reconfig` call; the answer is "ok" or the error it gets."""
        leader = self.leader_of(member)
        if leader is None:
            answer("ConnectionLoss")
            return
        if password != member.password:  # who is asked says who asks; the leader believes it
            answer("NoAuth")
            return
        if not leader.reconfigures:
            answer("ReconfigDisabled")
            return
        if leader.pending is not None or any(v is not None for _, v, _ in leader.waiting):
            answer("ReconfigInProgress")
            return
        if from_version not in {-1, leader.view.version}:
            answer("BadVersion")
            return
        servers = {server.id: server for server in leader.view.config.servers}
        servers.update((server.id, server) for server in joining)
        for member_id in leaving:
            servers.pop(member_id, None)
        config = CommittedConfig(0, tuple(servers[i] for i in sorted(servers)))
        view = View(config)
        synced = {leader.id} | {
            i
            for i in self._heard(leader)
            if i in leader.connected and not leader.connected[i].observer
        }
        if not view.voters:
            answer("BadArguments")
        elif not view.quorum(synced):
            answer("NewConfigNoQuorum")
        else:
            self._propose(leader, f"reconfig {view}", view, answer)

    def _propose(
        self, leader: Member, what: str, view: View | None, answer: Callable[[str], None]
    ) -> None:
        if leader.proposal is not None:
            leader.waiting.append((what, view, answer))
            return
        leader.counter += 1
        zxid = (leader.epoch << 32) | leader.counter
        if view is not None:
            view = View(CommittedConfig(zxid, view.config.servers))
            leader.disk.pending = view
        txn = Txn(zxid, leader.disk.head, what, view)
        leader.disk.head = txn
        leader.proposal = txn
        leader.acks = set()
        leader.tell = answer
        for follower in list(leader.connected.values()):
            if follower.id in leader.synced and not follower.observer:
                self._stage.later(
                    0.001, 0.02, self._deliver, leader, follower, txn, follower.session
                )
        self._acknowledge(leader, leader.id, txn)

    def _deliver(self, leader: Member, follower: Member, txn: Txn, session: int) -> None:
        if follower.session != session or follower.leader is not leader:
            return
        if leader.state != "leading":
            return
        if not self._arrives(leader, follower, self._deliver, leader, follower, txn, session):
            return
        head = follower.disk.head
        if head is None or head.holds(txn):
            return
        # The channel keeps its order: with a transaction arrives whatever was sent before it.
        follower.disk.head = txn
        if txn.view is not None:
            follower.disk.pending = txn.view
        self._acknowledge(leader, follower.id, txn)

    def _acknowledge(self, leader: Member, member_id: int, txn: Txn) -> None:
        if leader.proposal is not txn or not leader.may_commit or leader.state != "leading":
            return
        leader.acks.add(member_id)
        if leader.quorum(leader.acks):
            self._commit(leader, txn)

    def _commit(self, leader: Member, txn: Txn) -> None:
        leader.proposal = None
        self.on_commit(leader, txn)
        for follower in list(leader.connected.values()):
            if follower.id not in leader.synced:
                continue
            if follower.observer:
                self._inform(follower, leader, txn, follower.session)
            if txn.view is not None:
                self._stage.later(
                    0.002,
                    0.03,
                    self._told_configuration,
                    follower,
                    leader,
                    txn.view,
                    follower.session,
                )
        answer, leader.tell = leader.tell, lambda _answer: None
        if txn.view is not None:
            self._adopt(leader, txn.view)
            self._say(leader, f"commits {txn.view}")
            if leader.id not in txn.view.voters:
                leader.may_commit = False
                self._stage.later(0.02, 0.15, self._step_down, leader, leader.session)
                answer("ConnectionLoss")
                return
            self.on_change(leader)
            if self._stage.chance(self.loss_after_commit):
                answer("ConnectionLoss")
                self._next(leader)
                return
        answer("ok")
        self._next(leader)

    def _inform(self, observer: Member, leader: Member, txn: Txn, session: int) -> None:
        """INFORM: an observer gets what is committed."""
        if observer.session != session or observer.leader is not leader:
            return
        if not self._arrives(leader, observer, self._inform, observer, leader, txn, session):
            return
        head = observer.disk.head
        if head is not None and not head.holds(txn):
            observer.disk.head = txn

    def _told_configuration(
        self, follower: Member, leader: Member, view: View, session: int
    ) -> None:
        if follower.session != session or follower.leader is not leader:
            return
        if not self._arrives(
            leader, follower, self._told_configuration, follower, leader, view, session
        ):
            return
        if self._adopt(follower, view):
            self._look(follower)
        elif leader.id not in view.voters:
            self._lost_leader(follower, leader)
        else:
            self.on_change(follower)

    def _next(self, leader: Member) -> None:
        if leader.waiting and leader.proposal is None and leader.state == "leading":
            what, view, answer = leader.waiting.pop(0)
            self._propose(leader, what, view, answer)

    def _drop_client_calls(self, member: Member) -> None:
        """Whoever waits for an answer from this leader gets none: the outcome is unknown."""
        calls = [member.tell, *(answer for _, _, answer in member.waiting)]
        member.tell = lambda _answer: None
        member.waiting = []
        member.proposal = None
        for answer in calls:
            self._stage.loop.call_soon(answer, "ConnectionLoss")
