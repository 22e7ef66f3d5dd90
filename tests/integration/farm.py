"""One process that stands in for the members of all ensembles whose pods KWOK only pretends to run.

Every pod address is this network namespace, so it can listen on each: on 8080 (AdminServer) and on 2181
(ZooKeeper's client protocol, as much of it as reconfiguration needs). A member is up from its pod's start
to its deletion, whatever its readiness; what it starts from is read as a pod reads it: `NAME-membership`,
`NAME-auth`, its volume.

The model keeps the rules the operator relies on: only founders start without data; a leader needs a
majority of the committed voters; newcomers sync as non-voters; a reconfiguration needs the super user, the
right version and a quorum of the new configuration; who leads and loses its vote by it drops the connection
although the step is committed. Elections go to the highest id. It is no proof of anything about ZooKeeper:
that is what the tests with real servers are for.

Members can be made to lie (`PUT /lies/NAMESPACE/ENSEMBLE`, see `LIES`) and looked at (`GET
/truth/NAMESPACE/ENSEMBLE`) on `CONTROL`. The farm also binds volume claims of its class `FARM_CLASS`.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import logging
import resource
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server, majority, parse_server

CONTROL: Final = 9080
"""Port of the farm's own page, on 127.0.0.1."""
FARM_CLASS: Final = "farm"
"""Storage class whose claims the farm binds."""
LIES: Final = (
    *("html", "huge", "slow", "types", "deep", "leads", "views", "silent", "future", "indiscreet"),
)

_SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
_LOG: Final = logging.getLogger("farm")
_START_SECONDS: Final = 0.05
_ELECTION_SECONDS: Final = 0.1
_SYNC_SECONDS: Final = 0.05
_FOUNDING_SECONDS: Final = 10.0
"""So long the first election waits for all founders, so that the same one always leads."""
_NOT_SERVING: Final = "This ZooKeeper instance is not currently serving requests"
_VERSION: Final = "3.9.5-0000000, built on 2026-01-01 00:00 UTC"

_GET_DATA, _SYNC, _PING, _RECONFIG, _AUTH, _CLOSE = 4, 9, 11, 16, 100, -11
_BAD_ARGUMENTS, _NO_QUORUM, _NO_AUTH, _BAD_VERSION, _NO_NODE = -8, -13, -102, -103, -101


@dataclass
class Member:
    """One pod, from its start to its end."""

    ensemble: "EnsembleModel"
    id: int
    pod_uid: str
    ip: str
    disk: str = ""
    digest: str = ""
    founder: bool = False
    servers: tuple[Server, ...] = ()
    up: bool = False
    synced_at: float = 0.0
    asked: int = 0
    listeners: list[asyncio.Server] = field(default_factory=list)


@dataclass
class EnsembleModel:
    """What the members of one ensemble have in common: the configuration and who leads."""

    namespace: str
    name: str
    members: dict[int, Member] = field(default_factory=dict)
    disks: set[str] = field(default_factory=set)
    config: CommittedConfig | None = None
    epoch: int = 0
    counter: int = 0
    leader: int | None = None
    elections: list[str] = field(default_factory=list)
    reconfigurations: int = 0
    lies: dict[str, str] = field(default_factory=dict)
    _election: asyncio.TimerHandle | None = None
    _patience: float = 0.0

    @property
    def zxid(self) -> int:
        return self.epoch << 32 | self.counter

    def voters(self) -> frozenset[int]:
        """Committed voters; before the founding those of the list that founders start from."""
        if self.config is not None:
            return self.config.voters
        founders = [m for m in self.members.values() if m.up and m.founder]
        return frozenset(s.id for m in founders[:1] for s in m.servers if s.role == "participant")

    def serves(self, member: Member) -> bool:
        now = asyncio.get_running_loop().time()
        return member.up and self.leader is not None and now >= member.synced_at

    def settle(self) -> None:
        """Work out who leads now, and start what takes time."""
        loop = asyncio.get_running_loop()
        if not self.members and not self.disks:
            self._patience = loop.time() + _FOUNDING_SECONDS
            self.config, self.epoch, self.counter, self.leader = None, 0, 0, None
        if self.leader is not None:
            for member in self.members.values():
                if self.serves(member):
                    self.disks.add(member.disk)
        able = self._able()
        needed = majority(len(self.voters())) if self.voters() else 1
        if self.leader is not None and self.leader in able and len(able) >= needed:
            return
        self.leader = None
        if len(able) >= needed and self._election is None:
            self._election = loop.call_later(_ELECTION_SECONDS, self._elect)

    def _able(self) -> list[int]:
        """Voters that are up and have data, or may start without."""
        voters = self.voters()
        return sorted(
            m.id
            for m in self.members.values()
            if m.up and m.id in voters and (m.disk in self.disks or (m.founder and not self.config))
        )

    def _elect(self) -> None:
        self._election = None
        able, voters = self._able(), self.voters()
        if self.leader is not None or not able or len(able) < majority(len(voters)):
            return
        loop = asyncio.get_running_loop()
        if self.config is None and len(able) < len(voters) and loop.time() < self._patience:
            self._election = loop.call_later(_ELECTION_SECONDS, self._elect)
            return
        self.leader = max(able)
        self.epoch, self.counter = self.epoch + 1, 0
        self.elections.append(f"{self.leader} of {able}, voters {sorted(voters)}")
        if self.config is None:
            servers = self.members[self.leader].servers
            self.config = CommittedConfig(self.zxid, servers)
        for member in self.members.values():
            self.start_sync(member)
        self.disks |= {self.members[i].disk for i in able}

    def start_sync(self, member: Member) -> None:
        """Have a member follow the leader a moment from now."""
        loop = asyncio.get_running_loop()
        member.synced_at = loop.time() + (0 if member.id == self.leader else _SYNC_SECONDS)
        loop.call_later(_SYNC_SECONDS + 0.01, self.settle)

    def reconfigure(self, joining: str, leaving: str, based_on: int) -> int:
        """Commit one step; 0 or ZooKeeper's error code."""
        assert self.config is not None
        if based_on not in {-1, self.config.version}:
            return _BAD_VERSION
        try:
            joiners = [parse_server(line) for line in filter(None, joining.split(","))]
            leavers = {int(word) for word in filter(None, leaving.split(","))}
        except ValueError:
            return _BAD_ARGUMENTS
        lines = {s.id: s for s in self.config.servers if s.id not in leavers}
        lines |= {s.id: s for s in joiners}
        servers = tuple(sorted(lines.values(), key=lambda s: s.id))
        voters = {s.id for s in servers if s.role == "participant"}
        synced = {m.id for m in self.members.values() if self.serves(m)}
        if not voters or len(voters & synced) < majority(len(voters)):
            return _NO_QUORUM
        self.counter += 1
        self.reconfigurations += 1
        self.config = CommittedConfig(self.zxid, servers)
        self.settle()
        return 0

    def config_text(self) -> bytes:
        """What `/zookeeper/config` holds."""
        assert self.config is not None
        lines = [server.line() for server in self.config.servers]
        return "\n".join([*lines, f"version={self.config.version:x}"]).encode()

    def truth(self) -> Object:
        """All of it, for tests."""
        return {
            "leader": self.leader,
            "epoch": self.epoch,
            "elections": len(self.elections),
            "history": self.elections,
            "reconfigurations": self.reconfigurations,
            "voters": sorted(self.voters()),
            "config": self.config_text().decode() if self.config else "",
            "members": {m.id: self.serves(m) for m in self.members.values()},
        }


# ---------------------------------------------------------------------- AdminServer


def answer(member: Member, command: str) -> Object:
    """What an honest member says."""
    ensemble = member.ensemble
    if command == "ruok":
        return {"command": "ruok", "error": None}
    if not ensemble.serves(member) or ensemble.config is None:
        return {"command": command, "error": _NOT_SERVING}
    leads = member.id == ensemble.leader
    observer = (server := ensemble.config.server(member.id)) and server.role == "observer"
    state = "leader" if leads else ("observer" if observer else "follower")
    doing = {"leader": "leading", "observer": "observing", "follower": "following"}[state]
    voters = ensemble.config.voters
    told: Object = {"command": command, "error": None}
    match command:
        case "leader":
            told |= {"is_leader": leads, "leader_id": ensemble.leader, "leader_ip": "zk"}
        case "monitor":
            told |= {
                "server_state": state,
                "peer_state": f"{doing} - broadcast",
                "num_alive_connections": 1,
                "version": _VERSION,
                # Its clients are those who ask.
                "packets_received": member.asked,
                "packets_sent": member.asked,
                "outstanding_requests": 0,
                "cnt_readlatency": member.asked,
                "sum_readlatency": 2 * member.asked,
                "watch_count": 3,
                "znode_count": 5,
            }
        case "voting_view":
            told["current_config"] = {str(i): {"learner_type": "participant"} for i in voters}
        case "server_stats":
            told |= {"version": _VERSION, "server_stats": {"last_processed_zxid": ensemble.zxid}}
        case "connections":
            told["connections"] = [
                {
                    "remote_socket_address": "10.0.0.9:4711",
                    "session_id": member.id,
                    "packets_received": member.asked,
                    "outstanding_requests": 0,
                }
            ]
        case "dirs":
            told |= {"datadir_size": 718, "logdir_size": 718}
        case _:
            told["error"] = f"Unknown command: {command}"
    return told


def lie(member: Member, command: str, kind: str) -> bytes:
    """What a member that is told to lie says instead; empty: nothing at all."""
    honest = answer(member, command)
    match kind:
        case "html":
            return b"<html><body>Sorry</body></html>"
        case "huge":
            return b'{"error": null, "padding": "' + b"x" * (3 << 20) + b'"}'
        case "deep":
            return b"[" * 100_000
        case "types":
            return json.dumps({key: [value] for key, value in honest.items()}).encode()
        case "leads":
            if command == "leader":
                honest |= {"is_leader": True, "leader_id": member.id, "error": None}
        case "views":
            if command == "voting_view":
                honest |= {"current_config": {"7": {}, "8": {}}, "error": None}
        case "future":
            if command == "server_stats":
                honest |= {"server_stats": {"last_processed_zxid": (1 << 62)}, "error": None}
        case "indiscreet":
            honest |= {"note": f"started for {member.digest}", "super": [member.digest]}
        case _:
            return b""
    return json.dumps(honest).encode()


class AdminServer(asyncio.Protocol):
    """HTTP for one connection: one request, one answer, closed."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        transport = self._transport
        if b"\r\n\r\n" not in self._received or transport is None:
            return
        member = self._member
        if not member.up:
            transport.abort()
            return
        command = self._received.split(b" ", 2)[1].decode().rpartition("/")[2].partition("?")[0]
        self._received = b""
        lies = member.ensemble.lies
        kind = lies.get(str(member.id), lies.get("*", ""))
        member.asked += 1
        if kind == "silent":
            return
        body = lie(member, command, kind) if kind else json.dumps(answer(member, command)).encode()
        if kind == "slow":
            asyncio.get_running_loop().call_later(5, transport.abort)
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{")
            return
        transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        transport.close()


# ---------------------------------------------------------------------- client protocol


def _string(buffer: bytes, offset: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("!i", buffer, offset)
    offset += 4
    end = offset + max(length, 0)
    return buffer[offset:end].decode(), end


class ClientSession:
    """One client's connection: connect, authenticate, sync, read the configuration, reconfigure."""

    def __init__(
        self, member: Member, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._member = member
        self._reader = reader
        self._writer = writer
        self._password = ""

    async def serve(self) -> None:
        """Answer until the client or the member is gone."""
        try:
            self._require_serving()
            await self._frame()
            self._send(struct.pack("!iiqi", 0, 4000, 1 + id(self), 16) + b"p" * 16)
            while await self._serve_one():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, struct.error):
            pass
        finally:
            self._writer.close()

    def _require_serving(self) -> None:
        if not self._member.ensemble.serves(self._member):
            raise ConnectionResetError

    async def _frame(self) -> bytes:
        (length,) = struct.unpack("!i", await self._reader.readexactly(4))
        return await self._reader.readexactly(length)

    def _send(self, body: bytes) -> None:
        self._writer.write(struct.pack("!i", len(body)) + body)

    async def _serve_one(self) -> bool:
        request = await self._frame()
        self._require_serving()
        xid, kind = struct.unpack_from("!ii", request)
        ensemble = self._member.ensemble
        error, body = 0, b""
        match kind:
            case _ if kind == _AUTH:
                _, offset = _string(request, 12)
                self._password = _string(request, offset)[0]
            case _ if kind == _SYNC:
                body = request[8:]
            case _ if kind == _GET_DATA:
                error, body = self._read(ensemble, _string(request, 8)[0])
            case _ if kind == _RECONFIG:
                error = self._reconfigure(request)
                if not error and ensemble.leader is None:
                    return False  # who led has no vote any more: the answer never comes
                _, body = self._read(ensemble, "/zookeeper/config")
        self._send(struct.pack("!iqi", xid, ensemble.zxid, error) + (b"" if error else body))
        return bool(kind != _CLOSE)

    @staticmethod
    def _read(ensemble: EnsembleModel, path: str) -> tuple[int, bytes]:
        if path != "/zookeeper/config":
            return _NO_NODE, b""
        text = ensemble.config_text()
        stat = struct.pack("!qqqqiiiqiiq", 0, 0, 0, 0, -1, 0, 0, 0, len(text), 0, 0)
        return 0, struct.pack("!i", len(text)) + text + stat

    def _reconfigure(self, request: bytes) -> int:
        member = self._member
        digest = base64.b64encode(hashlib.sha1(self._password.encode()).digest()).decode()  # noqa: S324 -- ZooKeeper's own scheme
        if member.digest != f"super:{digest}":
            return _NO_AUTH
        joining, offset = _string(request, 8)
        leaving, offset = _string(request, offset)
        _, offset = _string(request, offset)
        (based_on,) = struct.unpack_from("!q", request, offset)
        return member.ensemble.reconfigure(joining, leaving, based_on)


# ---------------------------------------------------------------------- the farm


class Farm:
    """All ensembles, kept in step with the pods and claims of the API server."""

    def __init__(self, server: str, token: str, certificate: Path) -> None:
        self._by_pod: dict[str, Member] = {}
        self._ensembles: dict[tuple[str, str], EnsembleModel] = {}
        self._volumes: dict[str, str] = {}
        self._server = server
        self._headers = {"Authorization": f"Bearer {token}"}
        self._certificate = certificate
        self._running: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def run(self) -> None:
        """Serve until killed."""
        trust = ssl.create_default_context(cafile=str(self._certificate))
        self._session = aiohttp.ClientSession(
            self._server,
            headers=self._headers,
            connector=aiohttp.TCPConnector(ssl=trust, limit=50),
            timeout=aiohttp.ClientTimeout(),
        )
        app = web.Application()
        app.router.add_get("/truth/{namespace}/{name}", self._tell)
        app.router.add_put("/lies/{namespace}/{name}", self._set_lies)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", CONTROL).start()
        selector = f"labelSelector={names.LABEL_ENSEMBLE}"
        await asyncio.gather(
            self._follow(f"/api/v1/pods?{selector}", self._on_pod),
            self._follow(f"/api/v1/persistentvolumeclaims?{selector}", self._on_claim),
        )

    def ensemble(self, namespace: str, name: str) -> EnsembleModel:
        key = (namespace, name)
        return self._ensembles.setdefault(key, EnsembleModel(*key))

    async def _tell(self, request: web.Request) -> web.Response:
        found = self.ensemble(request.match_info["namespace"], request.match_info["name"])
        return web.json_response(found.truth())

    async def _set_lies(self, request: web.Request) -> web.Response:
        found = self.ensemble(request.match_info["namespace"], request.match_info["name"])
        found.lies = await request.json()
        return web.json_response({})

    # ------------------------------------------------------------------ Kubernetes

    async def _follow(self, path: str, on_event: Callable[[str, Object], None]) -> None:
        """List and watch for ever; what vanished in a gap is told as DELETED."""
        known: dict[str, Object] = {}
        while True:
            try:
                async for kind, body in self._events(path, known):
                    uid = body["metadata"]["uid"]
                    known[uid] = body
                    if kind == "DELETED":
                        del known[uid]
                    on_event(kind, body)
            except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
                _LOG.info("Watch of %s ended: %s", path, error)
            await asyncio.sleep(0.1)

    async def _events(
        self, path: str, known: dict[str, Object]
    ) -> AsyncIterator[tuple[str, Object]]:
        listed = await self._request("GET", path)
        live = {body["metadata"]["uid"]: body for body in listed["items"]}
        for uid in known.keys() - live.keys():
            yield "DELETED", known[uid]
        for body in live.values():
            yield "MODIFIED", body
        version = listed["metadata"]["resourceVersion"]
        assert self._session is not None
        async with self._session.get(f"{path}&watch=1&resourceVersion={version}") as stream:
            pending = b""
            async for chunk in stream.content.iter_any():
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    yield event["type"], event["object"]

    async def _request(self, method: str, path: str, body: Object | None = None) -> Object:
        assert self._session is not None
        async with self._session.request(method, path, json=body) as response:
            found: Object = await response.json()
            if response.status >= 400:
                raise LookupError(f"{method} {path}: {response.status} {found.get('message')}")
            return found

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _on_pod(self, kind: str, pod: Object) -> None:
        metadata = pod["metadata"]
        uid, ip = metadata["uid"], (pod.get("status") or {}).get("podIP", "")
        if kind == "DELETED" or metadata.get("deletionTimestamp"):
            self._end(uid, ephemeral=not _claim_names(pod))
            return
        if uid in self._by_pod and ip and ip != self._by_pod[uid].ip:
            # KWOK gives a pod a second address when it has deleted one of the same name twice. No process
            # ends by it, so a leader that moves still leads.
            self._spawn(self._move(self._by_pod[uid], ip))
        if ip and uid not in self._by_pod:
            ensemble = self.ensemble(
                metadata["namespace"], metadata["labels"][names.LABEL_ENSEMBLE]
            )
            member = Member(ensemble, int(metadata["name"].rpartition("-")[2]), uid, ip)
            self._by_pod[uid] = member
            self._spawn(self._start(member, pod))

    def _end(self, pod_uid: str, *, ephemeral: bool) -> None:
        member = self._by_pod.pop(pod_uid, None)
        if member is None:
            return
        member.up = False
        self.close(member)
        ensemble = member.ensemble
        if ensemble.members.get(member.id) is member:
            del ensemble.members[member.id]
        if ephemeral:
            ensemble.disks.discard(member.disk)
        ensemble.settle()

    async def _move(self, member: Member, ip: str) -> None:
        """Have a member listen at another address."""
        _LOG.info("%s/%d moves to %s", member.ensemble.namespace, member.id, ip)
        self.close(member)
        member.listeners, member.ip = [], ip
        if not member.up:
            return  # it is about to listen, or has ended
        await self.listen(member)
        if self._by_pod.get(member.pod_uid) is not member:
            self.close(member)

    async def _start(self, member: Member, pod: Object) -> None:
        """Start a member as its pod would: no sooner than everything it mounts is there."""
        namespace, name = member.ensemble.namespace, member.ensemble.name
        base = f"/api/v1/namespaces/{namespace}"
        await asyncio.sleep(_START_SECONDS)
        while self._by_pod.get(member.pod_uid) is member:
            try:
                published = await self._request("GET", f"{base}/configmaps/{name}-membership")
                secret = await self._request("GET", f"{base}/secrets/{name}-auth")
                claims = [
                    await self._request("GET", f"{base}/persistentvolumeclaims/{claim}")
                    for claim in _claim_names(pod)[:1]
                ]
            except (LookupError, aiohttp.ClientError, OSError):
                await asyncio.sleep(0.2)
                continue
            data = published["data"]
            member.servers = tuple(map(parse_server, data["ZOO_SERVERS"].splitlines()))
            member.founder = str(member.id) in data["founders"].split()
            member.digest = base64.b64decode(secret["data"]["digest"]).decode()
            member.disk = claims[0]["metadata"]["uid"] if claims else member.pod_uid
            await self.listen(member)
            if self._by_pod.get(member.pod_uid) is not member:
                self.close(member)
                return
            member.up = True
            if not member.ensemble.members:
                member.ensemble.settle()
            member.ensemble.members[member.id] = member
            member.ensemble.start_sync(member)
            member.ensemble.settle()
            return

    @staticmethod
    async def listen(member: Member) -> None:
        """Accept connections at a member's address, also if it changes meanwhile."""
        loop = asyncio.get_running_loop()
        while not member.listeners:
            ip = member.ip
            try:
                admin = await loop.create_server(lambda: AdminServer(member), ip, names.ADMIN_PORT)
            except OSError:  # the last pod of this address has not gone yet
                await asyncio.sleep(0.05)
                continue
            clients = await asyncio.start_server(
                lambda r, w: ClientSession(member, r, w).serve(), ip, names.CLIENT_PORT
            )
            if ip == member.ip:
                member.listeners = [admin, clients]
            else:
                admin.close()
                clients.close()

    @staticmethod
    def close(member: Member) -> None:
        """Accept no connection for a member any more."""
        for listener in member.listeners:
            listener.close()

    def _on_claim(self, kind: str, claim: Object) -> None:
        metadata = claim["metadata"]
        uid = metadata["uid"]
        if kind == "DELETED":
            ensemble = self.ensemble(
                metadata["namespace"], metadata["labels"][names.LABEL_ENSEMBLE]
            )
            ensemble.disks.discard(uid)
            ensemble.settle()
            if volume := self._volumes.pop(uid, None):
                self._spawn(self._drop(f"/api/v1/persistentvolumes/{volume}"))
        elif (
            claim["status"].get("phase") == "Pending"
            and claim["spec"].get("storageClassName") == FARM_CLASS
            and uid not in self._volumes
            and _SELECTED_NODE in (metadata.get("annotations") or {})
        ):
            self._volumes[uid] = f"pvc-{uid}"
            self._spawn(self._bind(claim))

    async def _bind(self, claim: Object) -> None:
        metadata = claim["metadata"]
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pvc-{metadata['uid']}"},
            "spec": {
                "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": FARM_CLASS,
                "hostPath": {"path": "/nowhere"},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    **{key: metadata[key] for key in ("namespace", "name", "uid")},
                },
            },
        }
        try:
            await self._request("POST", "/api/v1/persistentvolumes", volume)
        except LookupError as error:
            _LOG.warning("%s", error)

    async def _drop(self, path: str) -> None:
        try:
            await self._request("DELETE", path)
        except LookupError as error:
            _LOG.info("%s", error)


def _claim_names(pod: Object) -> list[str]:
    volumes = pod["spec"].get("volumes") or []
    return [
        v["persistentVolumeClaim"]["claimName"]
        for v in volumes
        if v["name"] == names.DATA_VOLUME and "persistentVolumeClaim" in v
    ]


def main() -> None:
    """Run the farm beside a control plane."""
    parser = argparse.ArgumentParser()
    for name in ("server", "token", "certificate"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(Farm(given.server, given.token, Path(given.certificate)).run())


if __name__ == "__main__":
    main()
