"""What must hold at every step, judged by the truth of the simulated cluster, which nobody else sees.

1. No acknowledged write is ever lost: whoever leads, and whatever is committed, has all of them.
2. Never two leaders that can commit.
3. The operator never takes away, by its own hand, the majority of live voters of the committed
   configuration (one voter alone cannot be spared that). What was lost to a fault that nobody could tell
   when the operator looked is not held against it; what any operator process did since then is. Before it
   deletes a pod it has to ask again: what was lost more than a second before that is held against it.
4. At most one disruptive effect between two looks.
5. Nothing is deleted without its uid, nothing is deleted or applied over that is not ours, and no data
   is removed that nobody asked to remove.
6. The pod of a voter goes only after the voter has left the configuration.
7. Members start from configurations that were committed, and nobody who has acknowledged a write votes
   with an empty database.
8. The operator writes the status of the ensemble, never its spec.
9. No configuration is removed that a pod, or the template of one, names.
10. The status never says that a quorum is lost, or that another member leads, while one leader has led its
    majority all the time. A loss that was reported before may stand while its members are silent.
11. The operator ends no pod whose claim is being deleted unless a majority of the voters is live without it
    on claims that stay, or a person asked for the replacement of that very member.
12. An ensemble is founded when nothing of a deleted one of its name is left, and founded again only when
    nobody holds what was acknowledged.
13. No data in a pod is deleted by the operator that the others are no majority to have.
14. Members start from lists of their own ensemble.
15. No two members that run are more than one phase of TLS, or of authentication, apart, and no member is
    cut off from the others by a certificate that they do not trust.
16. While another ensemble is taken over, nothing of it is written but the number of its pods; the operator
    brings about no state in which a majority of the source's own list can run that a majority of the voters
    can do without; and while a voter of the source is left there are never fewer voters than it had.
17. A source that cannot reconfigure is stopped only when the user has asked for it, no client has written for
    five seconds, and every member of ours has all that was acknowledged; and our members get votes only when
    it is stopped.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

from tests.simulation.api_server import ApiServer
from tests.simulation.kubelet import NAMESPACE, Kubelet
from tests.simulation.source import Source, is_of_source
from tests.simulation.stage import Stage
from tests.simulation.zookeeper import EMPTY, Member, Network, Txn, View, understand

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.ensemble.pods import config_of
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import Server, majority

TWO_ENSEMBLES = "no part of a source can become an ensemble of its own"
TOO_FEW = "never fewer voters than the source had"
CUT_OVER = "a source is cut over when it stands still and ours have everything"
PHASES = "no two members are more than one phase apart"
_JUST_NOW = 3.0
# A loss stands until members prove its end; the bound of what is reported beside silence.
_STANDING = 75.0
_LOSSES = {
    reasons.NO_QUORUM,
    reasons.ELECTION_IN_PROGRESS,
    reasons.ELECTION_EXPECTED,
    reasons.MEMBERS_NOT_CONNECTED,
    reasons.VOLUME_LOST,
    reasons.SPLIT_BRAIN,
}
# One round of questions of a second at most, and the request that follows it.
_ASKED_AGAIN = 1.1
# The time between the question about a claim and the request that rests on the answer.
_REQUEST = 0.1
_STILL = 5.0


@dataclass
class Look:
    """What was true when an operator process last asked the members, and what it did since."""

    live: frozenset[int] = frozenset()
    reigns: frozenset[tuple[int, int]] = frozenset()
    at: float = 0.0
    served: dict[int, float] = field(default_factory=dict)
    stopped: bool = False
    ensemble: str = ""
    gate: str = ""
    source_ran: bool = False
    effects: set[str] = field(default_factory=set)


class Watchdog:
    """Watches the ensemble and the operator's hands."""

    def __init__(
        self, stage: Stage, api: ApiServer, network: Network, kubelet: Kubelet, ensemble: str
    ) -> None:
        self._stage = stage
        self._api = api
        self._network = network
        self._kubelet = kubelet
        self._ensemble = ensemble
        self._looks: dict[object, Look] = {}
        self._ours: dict[int, float] = {}
        self._asked: dict[int, float] = {}
        self._last_epoch = 0
        self._reigns: dict[tuple[int, int], float] = {}
        self._voting_since: dict[int, float] = {}
        self.acknowledged: Txn = EMPTY
        self.view: View | None = None
        self._versions: set[int] = {0}
        self._have_acknowledged: set[int] = set()
        self._of_deleted: set[str] = set()
        self._claims_deleted: dict[str, float] = {}
        self._sets_deleted: dict[str, float] = {}
        self.source: Source | None = None
        api.listeners.append(self._on_change)
        self._data_may_go = False
        self._written_at = -_STILL
        network.on_start = self.on_start
        network.on_commit = self.on_commit
        network.on_lead = self.on_lead
        network.on_found = self.on_found

    # ------------------------------------------------------------------ the ensemble

    def on_commit(self, leader: Member, txn: Txn) -> None:
        """A majority has acknowledged a transaction."""
        if not txn.holds(self.acknowledged):
            self._lost(leader, txn)
        epoch = txn.zxid >> 32
        if epoch < self._last_epoch:
            self._stage.violate(
                "never two leaders that commit",
                f"member {leader.id} commits in epoch {epoch} after epoch {self._last_epoch}",
            )
        self._last_epoch = max(self._last_epoch, epoch)
        if txn.what.startswith("write "):
            self._written_at = self._stage.now
        self.acknowledged = txn
        self._have_acknowledged |= leader.acks
        if txn.view is not None:
            self._go_by(txn.view)

    def on_lead(self, leader: Member) -> None:
        """A leader has begun its epoch."""
        assert leader.disk.head is not None
        self._reigns[leader.id, leader.zxid >> 32] = self._stage.now
        if not leader.disk.head.holds(self.acknowledged):
            self._lost(leader, leader.disk.head)
        for other in self._network.members.values():
            if other is not leader and self._network.leads(other) and self._network.leads(leader):
                self._stage.violate(
                    "never two leaders that commit",
                    f"members {leader.id} ({leader.view}) and {other.id} ({other.view}) both lead a "
                    "majority",
                )
        if self._is_newer(leader):
            self._go_by(leader.view)

    def _is_newer(self, leader: Member) -> bool:
        """Whether a leader goes by a newer list; a recovery replaces one at its own version."""
        if self.view is None or leader.view.version > self.view.version:
            return True
        return leader.view.version == self.view.version and leader.view.voters == {leader.id}

    def survives(self, head: Txn) -> None:
        """All members but one lose their data for good: what only they knew is lost by no operator."""
        if not head.holds(self.acknowledged):
            self.acknowledged = head

    def on_found(self, founder: Member) -> None:
        """A member has made itself an empty database, with which it may vote."""
        pod = self._api.get("Pod", f"{self._ensemble}-{founder.id}")
        if pod is not None and self._goes_with_a_deleted_ensemble(pod):
            return  # it founds what was deleted, until the garbage collector comes to its pod
        if self._data_may_go:
            self._begin_again()
        elif self._is_ephemeral() and self.acknowledged is not EMPTY and not self._holders():
            self._forget_data()
        if founder.id in self._have_acknowledged:
            self._stage.violate(
                "nobody is founded twice",
                f"member {founder.id} votes with an empty database, and has acknowledged writes before",
            )

    def on_start(self, member: Member) -> None:
        """A member begins to speak with those that its list names."""
        self.check_phases()
        foreign = [s.host for s in member.view.config.servers if f".{NAMESPACE}." not in s.host]
        if foreign:
            self._stage.violate(
                "members start from lists of their own ensemble",
                f"member {member.id} starts from a list that names {', '.join(foreign)}",
            )

    def check_phases(self) -> None:
        """Whoever runs can speak with everyone else who runs, but for cut cables."""
        members = [m for _, m in sorted(self._network.members.items())]
        for one, other in combinations(members, 2):
            if abs(one.phase - other.phase) > 1:
                self._stage.violate(
                    PHASES,
                    f"member {one.id} runs phase {one.phase}, and member {other.id} phase {other.phase}",
                )
            elif abs(one.auth - other.auth) > 1:
                self._stage.violate(
                    PHASES,
                    f"member {one.id} runs authentication phase {one.auth}, and member {other.id} phase "
                    f"{other.auth}",
                )
            elif not (understand(one, other) or self._outlived(one) or self._outlived(other)):
                self._stage.violate(
                    "no member is cut off by a certificate",
                    f"members {one.id} and {other.id} do not trust each other's certificates",
                )

    def authority_goes(self) -> None:
        """The user deletes the ensemble, and with it the CA. Its pods know that one for a little longer."""
        self._of_deleted |= {pod["metadata"]["uid"] for pod in self._api.all("Pod")}

    def _outlived(self, member: Member) -> bool:
        """Whether a member runs in a pod of an ensemble that was deleted."""
        pod = self._api.get("Pod", f"{self._ensemble}-{member.id}")
        return pod is not None and pod["metadata"]["uid"] in self._of_deleted

    def data_may_go(self) -> None:
        """The user deletes the ensemble and its data, or what holds it."""
        self._data_may_go = True

    def _begin_again(self) -> None:
        left = [
            body["metadata"]["name"]
            for body in (*self._api.all("Pod"), *self._api.all("PersistentVolumeClaim"))
            if self._goes_with_a_deleted_ensemble(body)
        ]
        if left:
            self._stage.violate(
                "nothing of a deleted ensemble is left when the next is founded", ", ".join(left)
            )
        self._data_may_go = False
        self._forget_data()
        self._last_epoch = 0
        self.view = None
        self._versions = {0}
        self._voting_since = {}

    def _goes_with_a_deleted_ensemble(self, body: Object) -> bool:
        metadata = body["metadata"]
        if body["kind"] == "PersistentVolumeClaim" and metadata.get("deletionTimestamp"):
            return True
        living = {e["metadata"]["uid"] for e in self._api.all(names.KIND)}
        # The garbage collector comes to a StatefulSet some time after its ensemble, and to its pods after it.
        for statefulset in self._api.all("StatefulSet"):
            if not _is_orphaned(statefulset, living):
                living.add(statefulset["metadata"]["uid"])
        return _is_orphaned(body, living)

    def _forget_data(self) -> None:
        self.acknowledged = EMPTY
        self._have_acknowledged = set()

    def _holders(self) -> frozenset[int]:
        """Members in whose pods all is that was acknowledged."""
        return frozenset(
            pod.member_id
            for pod in self._kubelet.pods.values()
            if pod.disk is not None
            and pod.disk.head is not None
            and pod.disk.head.holds(self.acknowledged)
        )

    def _is_ephemeral(self) -> bool:
        body = self._api.get(names.KIND, self._ensemble)
        return body is not None and bool(body["spec"]["storage"].get("ephemeral"))

    def _go_by(self, view: View) -> None:
        self.view = view
        self._versions.add(view.version)
        now = self._stage.now
        self._voting_since = {i: self._voting_since.get(i, now) for i in view.voters}

    def _lost(self, leader: Member, head: Txn) -> None:
        self._stage.violate(
            "no acknowledged write is lost",
            f"member {leader.id} ({leader.view}) goes on from {head.zxid:#x}, which does not have "
            f"{self.acknowledged.zxid:#x}",
        )

    def check_read(self, member: Member, floor: Txn) -> None:
        """A client reads after a sync: everything acknowledged before must be there."""
        head = member.disk.head
        if head is None or not head.holds(floor):
            self._stage.violate(
                "no acknowledged write is lost", f"a read from member {member.id} misses a write"
            )

    def live(self) -> frozenset[int]:
        """Members that serve under the leader there is; without one, those that could elect one."""
        network = self._network
        for member in network.members.values():
            if network.leads(member) and not member.frozen:
                near = (m for i, m in member.connected.items() if i in member.synced)
                return frozenset(
                    m.id for m in (member, *near) if m.serving and network.linked(m, member)
                )
        if self.view is None:
            return frozenset()
        able = [
            m
            for m in network.members.values()
            if m.id in self.view.voters and not m.empty and not m.frozen
        ]
        needed = majority(len(self.view.voters))
        return frozenset(
            m.id for m in able if sum(network.linked(m, other) for other in able) >= needed
        )

    # ------------------------------------------------------------------ the operator

    def look_begins(self, process: object) -> None:
        """A pass begins: the effects of the last one have been looked at."""
        self._looks[process] = Look(
            at=self._stage.now,
            stopped=self._stopped(),
            reigns=self._steady_reigns(),
            ensemble=self._uid(),
            gate=self._gate(),
            source_ran=self.source is not None and bool(self.source.may_run()),
        )

    def answered(self, process: object, member_id: int, *, serving: bool) -> None:
        """A member has said whether it serves."""
        served = self._looks.setdefault(process, Look()).served
        served.pop(member_id, None)
        if serving:
            served[member_id] = self._stage.now

    def looked(self, process: object) -> None:
        """The members have been asked."""
        look = self._looks.setdefault(process, Look())
        # A member that has lost its leader still says for some seconds that it follows, and is believed.
        told = {m.id for m in self._network.members.values() if m.serving and not m.frozen}
        look.live = self.live() | told
        look.reigns &= self._steady_reigns()
        look.at = self._stage.now

    def _steady_reigns(self) -> frozenset[tuple[int, int]]:
        """Who leads its majority now and has for a while, with its epoch."""
        now, leads = self._stage.now, self._network.leads
        ruling = {(m.id, m.zxid >> 32) for m in self._network.members.values() if leads(m)}
        return frozenset(r for r in ruling if now - self._reigns.get(r, now) > _JUST_NOW)

    def before_write(self, process: object, verb: str, body: Object) -> None:
        """Judge a write before it takes effect."""
        kind, name = body["kind"], body["metadata"].get("name", "")
        live = self._api.get(kind, name)
        if kind == names.KIND and verb != "status":
            self._stage.violate("the spec is the user's", f"{verb} of {kind} {name}")
        elif verb == "status":
            self._check_status(process, body["status"])
        elif verb == "apply":
            self._before_apply(process, body, live)
        elif verb in {"delete", "orphan"}:
            if kind == "ConfigMap":
                self._check_configuration(name)
            self._before_delete(process, body, live, orphan=verb == "orphan")

    def _check_status(self, process: object, status: Object) -> None:
        leader = status.get("leader") or {}
        reign = (leader.get("id"), leader.get("epoch"))
        if leader and reign not in self._reigns:
            self._stage.violate("silence is not loss", f"member {reign[0]} never led {reign[1]}")
        if any(pod["metadata"].get("deletionTimestamp") for pod in self._api.all("Pod")):
            return  # it counts as gone from the moment at which that is certain
        steady = self._looks.get(process, Look()).reigns & self._steady_reigns()
        for condition in status.get("conditions") or []:
            lost = condition["status"] == "False" and condition["reason"] in _LOSSES
            if not lost or condition["type"] != "QuorumHealthy":
                continue
            if denied := {reign for reign in steady if not self._may_stand(condition, reign)}:
                self._stage.violate(
                    "silence is not loss",
                    f"{condition['reason']} ({condition['message']}) while {sorted(denied)} lead",
                )

    def _may_stand(self, condition: Object, reign: tuple[int, int]) -> bool:
        """Whether a loss was reported before this reign, whose members have said nothing since."""
        reported = datetime.fromisoformat(condition["lastTransitionTime"])
        led = self._stage.now - self._reigns[reign]
        began = self._stage.wall_clock() - timedelta(seconds=led)
        return reported <= began and led < _STANDING

    def _check_configuration(self, name: str) -> None:
        templates = (s["spec"]["template"]["spec"] for s in self._api.all("StatefulSet"))
        pods = (pod["spec"] for pod in self._api.all("Pod"))
        if name in {config_of(spec) for spec in (*templates, *pods)}:
            self._stage.violate("a configuration outlives its pods", f"delete of {name}")

    def _before_apply(self, process: object, body: Object, live: Object | None) -> None:
        kind, name = body["kind"], body["metadata"]["name"]
        if live is not None and is_of_source(live):
            self._before_scaling_source(process, body, live)
            return
        if live is not None and not self._is_of_the_ensemble(process, live):
            self._stage.violate("only what is ours is touched", f"apply of {kind} {name}")
        if kind == "ConfigMap" and name == names.membership_name(self._ensemble):
            published = read_membership(body)
            version = published.version
            before = frozenset() if live is None else read_membership(live).voters
            if published.voters != before:
                self._check_votes(process, published.voters, version)
            if version not in self._versions:
                self._stage.violate(
                    "members start from what was committed", f"version {version:x} never was"
                )
        if kind == "StatefulSet" and live is not None:
            self._before_scaling(process, body, live)

    def _check_votes(self, process: object, voters: frozenset[int], version: int) -> None:
        source, view = self.source, self.view
        if source is None or not source.size or source.reconfigures or version or view is None:
            return
        theirs = set(range(1, source.size + 1))
        # One that is started between the look and this is seen in the next one, before one of ours votes.
        ran = self._looks.get(process, Look()).source_ran and source.may_run()
        if view.voters <= theirs and not voters & theirs and ran:
            self._stage.violate(CUT_OVER, f"{sorted(voters)} get votes beside a source that runs")

    def _before_scaling(self, process: object, body: Object, live: Object) -> None:
        name = body["metadata"]["name"]
        start = live["spec"]["ordinals"]["start"]
        kept = range(start, start + body["spec"]["replicas"])
        gone = range(start + body["spec"]["replicas"], start + live["spec"]["replicas"])
        going = {i for i in gone if i not in kept}
        look = self._looks.get(process, Look())
        losing = going & self._losing() - self._ending()
        if losing and not body["spec"]["replicas"] and self._stopped():
            self._stage.violate(
                "data on a claim that is being deleted is kept", f"the stop ends {sorted(losing)}"
            )
        if self.view is None or not going or look.stopped or self._stopped():
            return
        settled = {
            i
            for i in going & self.view.voters
            if self._stage.now - self._voting_since.get(i, 0.0) > _JUST_NOW
        }
        if settled:
            self._stage.violate(
                "a voter leaves before its pod goes",
                f"replicas {body['spec']['replicas']} take the pods of {sorted(settled)}, and "
                f"committed is {self.view}",
            )
        self._check_majority(process, f"shrinking {name}", without=going)
        for member_id in going:
            self._ours[member_id] = self._stage.now

    def _before_scaling_source(self, process: object, body: Object, live: Object) -> None:
        if body["kind"] != "StatefulSet" or set(body["spec"]) != {"replicas"}:
            self._stage.violate("only what is ours is touched", f"apply of {body}")
        if live["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            return  # refused
        replicas = body["spec"]["replicas"]
        self._effect(process, "the source")
        assert self.source is not None
        going = set(range(replicas + 1, self.source.size + 1)) & self.source.may_run()
        cuts = not self.source.reconfigures and not replicas
        if cuts and going and self.view is not None and going & self.view.voters:
            self._check_cut_over(process)
        elif going and self.view is not None and going & self.view.voters:
            self._check_majority(
                process,
                f"stopping {sorted(going)} of the source",
                without=going,
                within=_ASKED_AGAIN,
            )
        coming = set(range(1, replicas + 1)) - self.source.may_run()
        if coming and self.view is not None:
            self._check_split(self.view.voters, self.source.may_run() | coming, "starting pods")
        for member_id in going:
            self._ours[member_id] = self._stage.now

    def _check_cut_over(self, process: object) -> None:
        assert self.view is not None
        if self._looks.get(process, Look()).gate == "Observe":
            self._stage.violate(CUT_OVER, "the user has not said that writing has stopped")
        if self._stage.now - self._written_at < _STILL:
            self._stage.violate(CUT_OVER, "a client has written just now")
        # On their volumes: a process that has just crashed comes back with what it had.
        disks = {pod.member_id: pod.disk for pod in self._kubelet.pods.values()}
        whole = [
            i
            for i, disk in sorted(disks.items())
            if disk is not None and disk.head is not None and disk.head.holds(self.acknowledged)
        ]
        if len(whole) < len(self.view.voters):
            self._stage.violate(CUT_OVER, f"only {whole} have what was acknowledged")

    def _check_split(self, voters: frozenset[int], running: Iterable[int], what: str) -> None:
        source = self.source
        if source is None or source.size < 2 or self.view is None:
            return
        if self._splits(self.view.voters, source.may_run()):
            return  # somebody else has brought that about
        if self._splits(voters, running):
            self._stage.violate(
                TWO_ENSEMBLES,
                f"{what}: {sorted(running)} of the source can run, and the voters are {sorted(voters)}",
            )

    def _splits(self, voters: frozenset[int], running: Iterable[int]) -> bool:
        assert self.source is not None
        listed = range(1, self.source.size + 1)
        able = sorted(set(listed) & set(running))
        return any(
            len(voters - set(part)) >= majority(len(voters))
            for part in combinations(able, majority(len(listed)))
        )

    def _before_delete(
        self, process: object, body: Object, live: Object | None, *, orphan: bool
    ) -> None:
        kind, name, uid = body["kind"], body["metadata"]["name"], body["metadata"]["uid"]
        if not uid:
            self._stage.violate("every delete names a uid", f"delete of {kind} {name}")
            uid = live["metadata"]["uid"] if live else uid
        if live is None or live["metadata"]["uid"] != uid:
            return
        if not self._is_of_the_ensemble(process, live):
            self._stage.violate("only what is ours is touched", f"delete of {kind} {name}")
        if live["metadata"].get("deletionTimestamp"):
            return  # a delete that is repeated, by a look at an old list, takes nothing more away
        member_id = int(name.rpartition("-")[2]) if name.rpartition("-")[2].isdigit() else 0
        if kind == "Pod":
            self._effect(process, f"member {member_id}")
            self._check_majority(
                process, f"deleting {name}", without={member_id}, within=_ASKED_AGAIN
            )
            if member_id in self._losing() and not self._is_asked_for(member_id):
                self._check_data_is_kept(process, f"deleting {name}", member_id)
            self._check_copies(process, name, member_id)
            self._ours[member_id] = self._stage.now
        elif kind == "PersistentVolumeClaim":
            self._effect(process, f"member {member_id}")
            if (live.get("status") or {}).get("phase") == "Bound":
                if not self._is_asked_for(member_id):
                    self._stage.violate("data is removed only when asked for", f"delete of {name}")
                self._check_data_is_kept(process, f"deleting {name}", member_id)
        elif kind == "StatefulSet" and not orphan:
            pods = [
                p["metadata"]["name"]
                for p in self._api.owned_by(uid)
                if p["kind"] == "Pod" and not p["metadata"].get("deletionTimestamp")
            ]
            if pods:
                self._stage.violate(
                    "a voter leaves before its pod goes", f"delete of {name} with {pods}"
                )
            claims = [
                c["metadata"]["name"]
                for c in self._api.owned_by(uid)
                if c["kind"] == "PersistentVolumeClaim"
                and not c["metadata"].get("deletionTimestamp")
            ]
            if claims:
                self._stage.violate(
                    "data is removed only when asked for", f"{claims} go with {name}"
                )

    def _check_copies(self, process: object, name: str, member_id: int) -> None:
        if not self._is_ephemeral() or self.view is None or member_id not in self._holders():
            return
        if self.acknowledged is EMPTY:
            return
        look = self._looks.get(process, Look())
        live = self.live() | self._heard_of(look, _ASKED_AGAIN)
        others = (live & self.view.voters) - {member_id}
        if len(others) < majority(len(self.view.voters)):
            self._stage.violate(
                "no data is deleted that nobody else has",
                f"{name} goes, and only {sorted(others)} have the data besides",
            )

    def asked_for(self, member_id: int) -> None:
        """A person asks for the replacement of a member."""
        self._asked[member_id] = self._stage.now

    def _is_asked_for(self, member_id: int) -> bool:
        """Whether a person has asked for the replacement of a member.

        A pod that was ending anyway may have gone with the request after the operator has seen it there.
        """
        if self._stage.now - self._asked.get(member_id, -_ASKED_AGAIN) < _ASKED_AGAIN:
            return True
        pod = self._api.get("Pod", names.member_name(self._ensemble, member_id))
        annotations = (pod or {"metadata": {}})["metadata"].get("annotations") or {}
        return bool(annotations.get(names.ANNOTATION_REPLACE) == "true")

    def _losing(self) -> set[int]:
        """Members whose claims are being deleted while their pods run, and the operator can know it."""
        found = set()
        for pod in self._kubelet.pods.values():
            claim = self._api.get("PersistentVolumeClaim", f"{names.DATA_VOLUME}-{pod.name}")
            since = self._claims_deleted.get(claim["metadata"]["uid"]) if claim else None
            if since is not None and self._stage.now - since > _REQUEST:
                found.add(pod.member_id)
        return found

    def _ending(self) -> set[int]:
        """Members whose pods are being deleted already: that was judged when it was done."""
        return {
            pod.member_id
            for pod in self._kubelet.pods.values()
            if (seen := self._api.get("Pod", pod.name)) is None
            or seen["metadata"].get("deletionTimestamp")
        }

    def _on_change(self, before: Object | None, after: Object | None) -> None:
        if after is None and before is not None and before["kind"] == "StatefulSet":
            self._sets_deleted[before["metadata"]["uid"]] = self._stage.now
        if after is None or after["kind"] != "PersistentVolumeClaim":
            return
        metadata = after["metadata"]
        bound = (after.get("status") or {}).get("phase") == "Bound"
        if bound and metadata.get("deletionTimestamp"):
            self._claims_deleted.setdefault(metadata["uid"], self._stage.now)

    def _check_data_is_kept(self, process: object, what: str, member_id: int) -> None:
        assert self.view is not None
        look = self._looks.get(process, Look())
        live = self.live() | self._heard_of(look, _ASKED_AGAIN)
        kept = (live & self.view.voters) - self._losing() - {member_id}
        if len(kept) < majority(len(self.view.voters)):
            self._stage.violate(
                "data on a claim that is being deleted is kept",
                f"{what} leaves the data of {sorted(kept)} of voters {sorted(self.view.voters)}",
            )

    def before_reconfigure(
        self, process: object, joining: Sequence[Server], leaving: Iterable[int]
    ) -> None:
        """Judge a reconfiguration before it is sent."""
        self._effect(process, "the configuration")
        if self.view is None:
            return
        roles: dict[int, str] = dict(self.view.roles)
        roles.update({s.id: s.role for s in joining})
        for member_id in leaving:
            roles.pop(member_id, None)
        voters = frozenset(i for i, role in roles.items() if role == "participant")
        if len(voters ^ self.view.voters) > 1:
            self._stage.violate(
                "one member at a time", f"from {sorted(self.view.voters)} to {sorted(voters)}"
            )
        self._check_majority(process, "a reconfiguration", voters=voters)
        source = self.source
        if source is not None and source.size:
            self._check_split(voters, source.may_run(), "a reconfiguration")
            theirs = voters & set(range(1, source.size + 1))
            if theirs and len(voters) < source.size:
                self._stage.violate(TOO_FEW, f"{sorted(voters)} of a source of {source.size}")

    def _effect(self, process: object, on: str) -> None:
        effects = self._looks.setdefault(process, Look()).effects
        effects.add(on)
        if len(effects) > 1:
            self._stage.violate("one disruptive effect per look", " and ".join(sorted(effects)))

    def _check_majority(
        self,
        process: object,
        what: str,
        *,
        without: Iterable[int] = (),
        voters: frozenset[int] | None = None,
        within: float | None = None,
    ) -> None:
        if self.view is None or (len(self.view.voters) == 1 and voters is None):
            return
        look = self._looks.get(process, Look())
        live = self.live() | self._heard_of(look, within)
        before = live & self.view.voters
        then = self.view.voters if voters is None else voters
        after = live.difference(without) & then
        had = len(before) >= majority(len(self.view.voters))
        if had and len(after) < majority(len(then)):
            self._stage.violate(
                "never fewer live voters than a majority by our own hand",
                f"{what} leaves {sorted(after)} live of voters {sorted(then)}",
            )

    def _heard_of(self, look: Look, within: float | None) -> frozenset[int]:
        """Members that were live when the operator asked, and that it has not taken away itself since."""
        if within is None:
            size = 0 if self.source is None else self.source.size
            theirs = {i for i in look.served if i <= size}  # they are asked beside ours
            return (look.live | theirs) - {i for i, at in self._ours.items() if at >= look.at}
        soon = self._stage.now - within
        return frozenset(
            i for i, at in look.served.items() if at >= soon and self._ours.get(i, -1.0) < at
        )

    # ------------------------------------------------------------------ whose is it

    def _stopped(self) -> bool:
        ensemble = self._api.get(names.KIND, self._ensemble)
        return ensemble is not None and bool(ensemble["spec"].get("stopped"))

    def _gate(self) -> str:
        ensemble = self._api.get(names.KIND, self._ensemble)
        adopt = (ensemble or {"spec": {}})["spec"].get("adopt") or {}
        return str(adopt.get("proceed", ""))

    def _uid(self) -> str:
        ensemble = self._api.get(names.KIND, self._ensemble)
        return ensemble["metadata"]["uid"] if ensemble else ""

    def _is_of_the_ensemble(self, process: object, body: Object) -> bool:
        """Whether an object is the ensemble's, or that of one that was deleted since the process looked."""
        seen = self._looks.get(process, Look()).ensemble
        labels = body["metadata"].get("labels") or {}
        deleted_since = seen != self._uid() and labels.get(names.LABEL_ENSEMBLE) == self._ensemble
        return deleted_since or self._is_ours(body)

    def _is_ours(self, body: Object) -> bool:
        metadata = body["metadata"]
        ours = self._uid()
        owner = next(
            (o for o in metadata.get("ownerReferences") or [] if o.get("controller")), None
        )
        if owner is None:
            labels = metadata.get("labels") or {}
            return bool(labels.get(names.LABEL_ENSEMBLE) == self._ensemble)
        if owner["uid"] == ours:
            return True
        parent = self._api.get(owner["kind"], owner["name"])
        if parent is None or parent["metadata"]["uid"] != owner["uid"]:
            # Someone deletes a StatefulSet while the end of one of its pods is on its way.
            since = self._stage.now - self._sets_deleted.get(owner["uid"], -_ASKED_AGAIN)
            return body["kind"] == "PersistentVolumeClaim" or since < _ASKED_AGAIN
        return self._is_ours(parent)


def _is_orphaned(body: Object, living: Container[str]) -> bool:
    """Whether none of the owners of an object lives; it may have none."""
    owners = body["metadata"].get("ownerReferences") or []
    return bool(owners) and not any(owner["uid"] in living for owner in owners)
