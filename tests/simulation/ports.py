"""The operator's two ports, `Kube` and `ZooKeeper`, on the simulated cluster, with all that can go wrong.

Between a request and its effect, and between the effect and the answer, other things happen. A request
fails before its effect or after it (the caller cannot tell which), hangs, or reads a list of a moment
ago. A process that has crashed has no effect any more, whatever its tasks still try.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from tests.simulation.surroundings import Surroundings
from tests.simulation.zookeeper import Member, trusts

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.security.phase import REQUIRES_AUTHENTICATION
from zookeeper_operator.kube.api import KubeError, Object, Resource
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Address,
    Endpoint,
    EnsembleUnreachableError,
    LoginRefusedError,
    Presented,
    ReconfigureRefusedError,
    SourceAnswer,
)
from zookeeper_operator.zookeeper.served import Handshake, Handshakes
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server

_REFUSALS = frozenset({"NoAuth", "NewConfigNoQuorum", "BadArguments"})
_OLDEST_LIST = 2.0
_MEMBER_TIMEOUT = 1.5
_LATEST_ANSWER = 1.4
_LATEST_CONFIG = 3.0


class Supervisor(Protocol):
    """Whoever runs the operator process and watches its hands."""

    alive: bool

    def before_pass(self) -> None:
        """A new look begins."""

    def answered(self, member_id: int, *, serving: bool) -> None:
        """A member has said, now, whether it serves; the operator may hear of it later."""

    def looked(self) -> None:
        """The members have been asked."""

    def before_write(self, verb: str, body: Object) -> None:
        """A write is about to take effect."""

    def after_write(self, verb: str, body: Object) -> None:
        """A write has taken effect; the process may die here."""

    def before_reconfigure(
        self, joining: Sequence[Server], leaving: Sequence[int], based_on: CommittedConfig
    ) -> None:
        """A reconfiguration is about to be sent."""


class SimulatedKube:
    """`kube.api.Kube` for one operator process."""

    def __init__(self, around: Surroundings, supervisor: Supervisor) -> None:
        self._stage = around.stage
        self._api = around.api
        self._kubelet = around.kubelet
        self._weather = around.weather
        self._supervisor = supervisor
        self._listed_at: dict[str, float] = {}

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """Read one object live."""
        if resource.kind == names.KIND:
            self._supervisor.before_pass()
        await self._travel(f"get {resource.kind}")
        if resource.kind == "Node":
            return self._kubelet.node(name)
        return self._api.get(resource.kind, name)

    async def get_metadata(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Its metadata, live."""
        found = await self.get(resource, namespace, name)
        return None if found is None else {"metadata": found["metadata"]}

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """Read objects by label, perhaps as they were a moment ago, but never older than the last list."""
        await self._travel(f"list {resource.kind}")
        stale = self._stage.chance(self._weather.stale_lists)
        age = self._stage.dice.uniform(0, _OLDEST_LIST) if stale else 0.0
        now = self._stage.now
        shown = max(now - age, self._listed_at.get(resource.kind, 0.0))
        self._listed_at[resource.kind], age = shown, now - shown
        key, _, value = labels.partition("=")
        return [
            body
            for body in self._api.all(resource.kind, age=age)
            if not key or (body["metadata"].get("labels") or {}).get(key) == value
        ]

    async def apply(self, resource: Resource, body: Object) -> Object:
        """Server-side apply."""
        await self._before("apply", body)
        result = self._api.apply(body)
        await self._after("apply", body)
        return result

    async def patch(self, resource: Resource, body: Object) -> Object:
        """Merge fields into an object that exists."""
        return await self.apply(resource, body)

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        """Server-side apply of the status."""
        await self._before("status", body)
        live = self._api.get(resource.kind, body["metadata"]["name"])
        if live is None:
            raise KubeError(404, "NotFound", "it is gone")
        asked = body["metadata"].get("uid")
        if asked is not None and asked != live["metadata"]["uid"]:
            raise KubeError(409, "Conflict", "the uid is another one")
        version = body["metadata"].get("resourceVersion")
        if version is not None and version != live["metadata"]["resourceVersion"]:
            raise KubeError(409, "Conflict", "the object has been modified")
        result = self._api.change(live, status=body["status"])
        await self._after("status", body)
        return result

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        """Delete with a precondition."""
        body = {"kind": resource.kind, "metadata": {"name": name, "uid": uid}}
        await self._before("orphan" if orphan else "delete", body)
        self._api.delete(resource.kind, name, uid=uid or None, orphan=orphan)
        await self._after("delete", body)

    async def create(self, resource: Resource, body: Object) -> Object:
        """Create an object; Events are only noted down, nobody reads them here."""
        await self._before("create", body)
        if body["kind"] == "Event":
            self._stage.tell("event", f"{body['type']} {body['reason']}: {body['message']}")
            result = body
        else:
            result = self._api.create(body)
        await self._after("create", body)
        return result

    async def _travel(self, what: str) -> None:
        await asyncio.sleep(self._stage.dice.uniform(0.001, 0.008))
        await self._gone()
        if self._stage.chance(self._weather.api_hangs):
            self._stage.tell("api server", f"{what} hangs")
            await asyncio.sleep(self._stage.dice.uniform(5, 30))
            raise KubeError(0, "", "no answer in time")
        if self._stage.chance(self._weather.api_errors):
            raise self._trouble(what)

    async def _before(self, verb: str, body: Object) -> None:
        await self._travel(f"{verb} {_named(body)}")
        self._supervisor.before_write(verb, body)

    async def _after(self, verb: str, body: Object) -> None:
        self._supervisor.after_write(verb, body)
        await self._gone()
        if self._stage.chance(self._weather.api_errors):
            raise self._trouble(f"{verb} {_named(body)} (done all the same)")
        await asyncio.sleep(self._stage.dice.uniform(0.001, 0.005))
        await self._gone()

    async def _gone(self) -> None:
        if not self._supervisor.alive:
            await asyncio.Event().wait()

    def _trouble(self, what: str) -> KubeError:
        status, reason = self._stage.dice.choice(
            [
                (409, "Conflict"),
                (429, "TooManyRequests"),
                (500, "InternalError"),
                (503, "ServiceUnavailable"),
                (0, ""),
            ]
        )
        self._stage.tell("api server", f"{what}: error {status}")
        return KubeError(status, reason, f"simulated trouble with {what}")


def _cheap(said: Answers) -> Answers:
    """What the one cheap question tells: who leads, and whether the member serves."""
    return Answers(
        said.id,
        reachable=said.reachable,
        problem=said.problem,
        leader_id=said.leader_id,
        is_leader=said.is_leader,
        denies=said.denies,
        refuses=said.refuses,
    )


def _with_counts(said: Answers, leader: Member) -> Answers:
    """What a leader says with whom it counts as synced: those it has not given up yet."""
    synced = [leader.connected[i] for i in leader.synced if i in leader.connected]
    followers = [m.id for m in synced if not m.observer]
    return replace(
        said,
        synced_followers=len(followers),
        synced_non_voting_followers=len(set(followers) - leader.view.voters),
        synced_observers=len(synced) - len(followers),
    )


def _named(body: Object) -> str:
    """Kind and name; an Event's name is drawn outside of the simulation and means nothing."""
    kind = str(body["kind"])
    return kind if kind == "Event" else f"{kind} {body['metadata']['name']}"


class SimulatedZooKeeper:
    """`zookeeper.protocol.ZooKeeper` for one operator process."""

    def __init__(self, around: Surroundings, supervisor: Supervisor) -> None:
        self._stage = around.stage
        self._network = around.network
        self._kubelet = around.kubelet
        self._weather = around.weather
        self._hidden = around.hidden
        self._source = around.source
        self._supervisor = supervisor

    async def ask_source(self, endpoints: Sequence[Endpoint]) -> Mapping[Endpoint, SourceAnswer]:
        """Ask the members of the source on their client ports."""
        answers = {}
        for endpoint in endpoints:
            answers[endpoint] = answer = self._answer_of_source(endpoint.host)
            member = self._source.member(endpoint.host)
            if member is not None:
                self._supervisor.answered(member.id, serving=bool(answer.mode))
            await asyncio.sleep(self._stage.dice.uniform(0.0, 0.02))
        if self._stage.chance(self._weather.late_answers):
            await asyncio.sleep(self._stage.dice.uniform(0.2, _LATEST_ANSWER))
        return answers

    def _answer_of_source(self, host: str) -> SourceAnswer:
        member = self._source.member(host)
        if not self._source.has_pod(host):
            return SourceAnswer(reachable=False, problem="its name does not resolve")
        if member is None or member.state == "loading":
            return SourceAnswer(reachable=False, problem="refuses the connection", refuses=True)
        if member.frozen or member.id in self._hidden:
            return SourceAnswer(reachable=False, problem="no answer within 1.5 s")
        if not member.serving:
            return SourceAnswer(reachable=True, problem="does not serve", denies=True)
        leads, observes = member.state == "leading", member.observer
        return SourceAnswer(
            reachable=True,
            mode="leader" if leads else "observer" if observes else "follower",
            zxid=member.zxid,
            connections=1 + self._stage.dice.randrange(3),
            version=member.version,
        )

    async def read_source(self, endpoints: Sequence[Endpoint]) -> str:
        """Read the configuration from a member of the source."""
        await asyncio.sleep(self._stage.dice.uniform(0.01, 0.1))
        for endpoint in endpoints:
            member = self._source.member(endpoint.host)
            if member is None or member.frozen or member.id in self._hidden:
                continue
            leader = self._network.leader_of(member)
            if leader is not None:
                self._session(member)
                config = leader.view.config
                lines = [*(s.line() for s in config.servers), f"version={config.version:x}"]
                return "\n".join(lines)
        raise EnsembleUnreachableError("no member accepts a client session")

    async def probe(self, members: Sequence[Address], *, thorough: bool) -> Mapping[int, Answers]:
        """Ask every member; whoever does not answer costs the whole time-out, but only once."""
        answers: dict[int, Answers] = {}
        slow = False
        for address in members:
            busy = self._stage.chance(self._weather.silent_members)
            answer = None if busy else self._answer(address)
            slow |= answer is None
            serving = answer is not None and answer.serving
            self._supervisor.answered(address.id, serving=serving)
            if answer is not None and not thorough:
                answer = _cheap(answer)
            answers[address.id] = answer or Answers(
                address.id, reachable=False, problem="no answer within 1.5 s"
            )
            # The answers of one look are not of one instant.
            await asyncio.sleep(self._stage.dice.uniform(0.0, 0.02))
        if thorough:
            self._supervisor.looked()
        if self._stage.chance(self._weather.late_answers):
            # What was said then is heard now.
            await asyncio.sleep(self._stage.dice.uniform(0.2, _LATEST_ANSWER))
        if slow:
            await asyncio.sleep(_MEMBER_TIMEOUT)
        if self._stage.chance(self._weather.slow_operator):
            await asyncio.sleep(self._stage.dice.uniform(0.5, 6.0))  # it has no CPU to read them
        return answers

    def _member(self, address: Address) -> Member | None:
        pod = self._kubelet.by_ip(address.ip)
        if pod is None or pod.lost or address.id in self._hidden:
            return None
        member = pod.member
        return None if member is None or member.frozen else member

    def _reached(self, address: Address, access: Access) -> Member | None:
        """The member, if it takes a session of this kind from outside its pod.

        Raises:
            LoginRefusedError: it refuses the user.
        """
        member = self._member(address)
        if member is None:
            return None
        login = access.login
        if login is None:
            if member.auth >= REQUIRES_AUTHENTICATION:
                return None
        elif not member.auth or member.users.get(login.user) != login.password:
            raise LoginRefusedError(f"member {member.id} refuses the user {login.user}")
        if access.secure is not None:
            return member if member.listens_for_tls else None
        own = member.view.config.server(member.id)
        return None if own is not None and own.is_closed else member

    def _answer(self, address: Address) -> Answers | None:
        pod = self._kubelet.by_ip(address.ip)
        if pod is None or pod.lost or address.id in self._hidden:
            return None
        member = pod.member
        if member is None or member.state == "loading":
            return Answers(address.id, reachable=False, problem="connection refused", refuses=True)
        if member.frozen:
            return None
        if not member.serving:
            return Answers(
                member.id,
                reachable=True,
                problem="This ZooKeeper instance is not currently serving requests",
                denies=True,
                version=member.version,
                database=member.database,
            )
        leads = member.state == "leading"
        leader = member if leads else member.leader
        assert leader is not None
        vague = self._stage.chance(self._weather.vague_answers)
        state = "leader" if leads else ("observer" if member.observer else "follower")
        doing = {"leader": "leading", "observer": "observing", "follower": "following"}[state]
        said = Answers(
            id=member.id,
            reachable=True,
            problem=None,
            leader_id=leader.id,
            is_leader=leads,
            server_state=state,
            peer_state=f"{doing} - broadcast",
            zxid=member.zxid,
            voting_view=None if vague else member.view.voters,
            connections=self._stage.dice.randrange(5),
            version=member.version,
        )
        return _with_counts(said, member) if leads else said

    async def read_config(self, access: Access) -> CommittedConfig:
        """Read the configuration after a sync, from whoever can."""
        await asyncio.sleep(self._stage.dice.uniform(0.01, 0.1))
        config = await self._read_back(access, attempts=3)
        if self._stage.chance(self._weather.late_answers):
            await asyncio.sleep(self._stage.dice.uniform(0.2, _LATEST_CONFIG))
        return config

    async def _read_back(self, access: Access, attempts: int) -> CommittedConfig:
        for _ in range(attempts):
            refusals: list[LoginRefusedError] = []
            for address in self._stage.dice.sample(access.members, len(access.members)):
                try:
                    member = self._reached(address, access)
                except LoginRefusedError as refusal:
                    refusals.append(refusal)
                    continue
                leader = None if member is None else self._network.leader_of(member)
                if member is not None and leader is not None:
                    self._session(member)
                    return leader.view.config
            if refusals and len(refusals) == len(access.members):
                raise refusals[0]
            await asyncio.sleep(1.0)
        raise EnsembleUnreachableError("no member could be asked")

    async def write_fence(self, access: Access) -> int:
        """Write through one member, and end the session."""
        await asyncio.sleep(self._stage.dice.uniform(0.01, 0.1))
        if not access.members:
            raise EnsembleUnreachableError("there is no member to ask")
        member = self._reached(self._stage.dice.choice(access.members), access)
        leader = None if member is None else self._network.leader_of(member)
        if member is None or leader is None or self._stage.chance(self._weather.lost_calls):
            raise EnsembleUnreachableError("no member accepts a client session")
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def answer(text: str) -> None:
            if text == "ok" and not told.done():
                assert leader.disk.head is not None
                told.set_result(leader.disk.head.zxid)

        self._network.write(member, "the fence", answer)
        try:
            async with asyncio.timeout(4):
                zxid = await told
        except TimeoutError:
            raise EnsembleUnreachableError("no answer within 4.0 s") from None
        self._network.write(member, "the session of the fence ends", lambda _text: None)
        return zxid

    def _session(self, member: Member) -> None:
        """A session of ours begins and ends: each is a transaction."""
        if self._source.size and not self._source.reconfigures:
            for what in ("a session begins", "a session ends"):
                self._network.write(member, what, lambda _text: None)

    async def shake_hands(
        self,
        members: Sequence[Address],
        ports: Mapping[int, Sequence[int]],
        presented: Presented | None = None,
    ) -> Handshakes:
        """What the members serve now; the answers may be a moment old."""
        await asyncio.sleep(self._stage.dice.uniform(0.01, 0.1))
        found = {
            address.id: dict.fromkeys(ports[address.id], self._shake(address, presented))
            for address in members
        }
        if self._stage.chance(self._weather.late_answers):
            await asyncio.sleep(self._stage.dice.uniform(0.2, _LATEST_ANSWER))
        return found

    def _shake(self, address: Address, presented: Presented | None) -> Handshake:
        member = self._member(address)
        if member is None or member.stores is None:
            return Handshake(why="refuses the connection")
        leaf = member.stores.key_pair.chain.leaf
        if presented is None:
            return Handshake(leaf)
        accepts = trusts(member.stores.trust, presented.key_pair.chain)
        return Handshake(leaf, accepts=accepts, presented=presented.authority)

    async def count_plain_clients(self, members: Sequence[Address]) -> Mapping[int, int]:
        """Clients come and go; of a member that does not answer it is not known."""
        await asyncio.sleep(self._stage.dice.uniform(0.01, 0.1))
        return {
            address.id: self._stage.dice.choice((0, 0, 0, 2))
            for address in members
            if self._member(address) is not None
        }

    async def reconfigure(
        self,
        access: Access,
        *,
        joining: Sequence[Server],
        leaving: Sequence[int],
        based_on: CommittedConfig,
    ) -> CommittedConfig:
        """Send the call, then let what is read back decide."""
        if not access.members:
            raise EnsembleUnreachableError("there is no member to ask")
        await asyncio.sleep(self._stage.dice.uniform(0.01, 0.1))
        if not self._supervisor.alive:
            await asyncio.Event().wait()
        lost = self._stage.chance(self._weather.lost_calls)
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            member = self._reached(self._stage.dice.choice(access.members), access)
        except LoginRefusedError as refusal:
            raise ReconfigureRefusedError(str(refusal)) from refusal
        if member is None or lost:
            told.set_result("ConnectionLoss")
        else:
            self._supervisor.before_reconfigure(joining, leaving, based_on)

            def answer(text: str) -> None:
                if not told.done():
                    told.set_result(text)

            self._network.reconfigure(
                member,
                password=access.password,
                joining=joining,
                leaving=leaving,
                from_version=based_on.version,
                answer=answer,
            )
        try:
            async with asyncio.timeout(6):
                said = await told
        except TimeoutError:
            said = "ConnectionLoss"
        if said in _REFUSALS:
            raise ReconfigureRefusedError(said, transient=said == "NewConfigNoQuorum")
        config = await self._read_back(access, attempts=5)
        if self._stage.chance(self._weather.lost_calls):
            raise EnsembleUnreachableError("the outcome is not known")
        if _done(config, joining, leaving):
            return config
        raise EnsembleUnreachableError(f"not reconfigured (answer: {said})")


def _done(config: CommittedConfig, joining: Sequence[Server], leaving: Sequence[int]) -> bool:
    joined = all(config.server(server.id) == server for server in joining)
    return joined and not config.ids.intersection(leaving)
