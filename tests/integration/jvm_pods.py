"""Pods of a simulated API server whose members are real ZooKeeper servers, and the client that reaches them.

The API server and the controller of StatefulSets are the simulation's, on the clock of the machine. A pod of
`zk-N` starts server N, a pod of the source `old-N` starts server N + 1. In a cluster members are called by
names and all listen on port 2181 of their pods; here each has an address of loopback, so server lines are
translated on their way to and from the servers.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tests.integration.zookeeper_servers import PASSWORD, ZooKeeperServer, ZooKeeperServers
from tests.simulation.api_server import NAMESPACE, ApiServer
from tests.simulation.source import SOURCE, Source
from tests.simulation.stage import Stage

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import (
    Access,
    Endpoint,
    EnsembleUnreachableError,
    SourceAnswer,
)
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server, parse_config

FIRST: Final = 5
"""The first id that is ours; the servers below are those of the source."""
EXTRA: Final[Mapping[str, object]] = {"extendedTypesEnabled": "true"}


def real(server: Server, servers: ZooKeeperServers) -> Server:
    """A server line as the servers know it."""
    return servers[server.id].line(server.role)


def in_cluster(server: Server) -> Server:
    """A server line as it would be in a cluster."""
    host = (
        Source.host(server.id)
        if server.id < FIRST
        else names.member_host("zk", NAMESPACE, server.id, "cluster.local")
    )
    return replace(server, host=host, client="0.0.0.0:2181")


class TranslatingZooKeeper(ZooKeeperClient):
    """The real client, for servers that are called otherwise than in a cluster."""

    def __init__(self, servers: ZooKeeperServers) -> None:
        super().__init__(DirectAdmin(), DirectClients())
        self._servers = servers

    def _endpoint(self, endpoint: Endpoint) -> Endpoint:
        member = int(endpoint.host.partition(".")[0].rpartition("-")[2]) + 1
        return Endpoint(self._servers[member].ip, endpoint.port)

    async def ask_source(self, endpoints: Sequence[Endpoint]) -> Mapping[Endpoint, SourceAnswer]:
        """Ask the servers behind these names."""
        known = {endpoint: self._endpoint(endpoint) for endpoint in endpoints}
        answers = await super().ask_source(tuple(known.values()))
        return {endpoint: answers[found] for endpoint, found in known.items()}

    async def read_source(self, endpoints: Sequence[Endpoint]) -> str:
        """Read the configuration, in the words of a cluster."""
        text = await super().read_source([self._endpoint(endpoint) for endpoint in endpoints])
        return _text(_translated(parse_config(text)))

    async def read_config(self, access: Access) -> CommittedConfig:
        """Read the configuration, in the words of a cluster."""
        return _translated(await super().read_config(replace(access, password=PASSWORD)))

    async def write_fence(self, access: Access) -> int:
        """Write it with the super user of our servers."""
        return await super().write_fence(replace(access, password=PASSWORD))

    async def reconfigure(
        self,
        access: Access,
        *,
        joining: Sequence[Server],
        leaving: Sequence[int],
        based_on: CommittedConfig,
    ) -> CommittedConfig:
        """Reconfigure through our own members, with their super user."""
        lines = [real(server, self._servers) for server in joining]
        access = replace(access, password=PASSWORD)
        config = await super().reconfigure(
            access, joining=lines, leaving=leaving, based_on=based_on
        )
        return _translated(config)


def _translated(config: CommittedConfig) -> CommittedConfig:
    return replace(config, servers=tuple(map(in_cluster, config.servers)))


def _text(config: CommittedConfig) -> str:
    return "\n".join([*(s.line() for s in config.servers), f"version={config.version:x}"])


class JvmPods:
    """Starts and stops servers with their pods, and reports how they are, as a kubelet does."""

    def __init__(
        self,
        stage: Stage,
        api: ApiServer,
        servers: ZooKeeperServers,
        source: Mapping[str, object] | None = None,
    ) -> None:
        """`source` is what the members of the source have in their zoo.cfg otherwise or beside."""
        self._stage = stage
        self._api = api
        self._servers = servers
        self._source = source or {}
        self._static: dict[int, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        api.listeners.append(self._on_change)

    def node(self, name: str) -> Object:
        """Every node is ready."""
        return {"kind": "Node", "status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    def restart_from_static_list(self, member_id: int) -> None:
        """A pod of the source is restarted, and its zoo.cfg written again from what its owner set."""
        server = self._servers[member_id]
        server.kill()
        server.zoo_cfg = self._static[member_id]
        server.start()

    def turn_reconfiguration_on(self) -> None:
        """The owner of the source sets reconfigEnabled=true and restarts its members."""
        for member_id, text in self._static.items():
            self._static[member_id] = text.replace("reconfigEnabled=false", "reconfigEnabled=true")
            self.restart_from_static_list(member_id)

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_change(self, before: Object | None, after: Object | None) -> None:
        body = after or before
        assert body is not None
        if body["kind"] == "PersistentVolumeClaim" and before is None and after is not None:
            size = after["spec"]["resources"]["requests"]["storage"]
            bound = {"phase": "Bound", "capacity": {"storage": size}}
            self._stage.loop.call_soon(self._change, body, bound)
        if body["kind"] != "Pod":
            return
        if before is None:
            self._spawn(self._run(body))
        elif after is not None and after["metadata"].get("deletionTimestamp"):
            self._servers[_id_of(body)].kill()
            self._stage.loop.call_later(0.3, self._api.remove, "Pod", body["metadata"]["name"])

    def _change(self, body: Object, status: Object) -> None:
        live = self._api.get(body["kind"], body["metadata"]["name"])
        if live is not None and live["metadata"]["uid"] == body["metadata"]["uid"]:
            self._api.change(live, status=status)

    def _spawn(self, work: Any) -> None:
        task = self._stage.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, pod: Object) -> None:
        """Start the server of a pod, and report its readiness until the pod is gone."""
        member_id, name = _id_of(pod), pod["metadata"]["name"]
        server = self._servers[member_id]
        if name.startswith(SOURCE):
            self._prepare_source(member_id, server)
        else:
            self._prepare_ours(member_id, server)
        server.start()
        created = self._stage.timestamp()
        ready, since = False, created
        while (live := self._api.get("Pod", name)) is not None:
            if live["metadata"].get("deletionTimestamp"):
                return
            told = await asyncio.to_thread(server.ask, "leader")
            if ready != (told.get("error") is None):
                ready, since = not ready, self._stage.timestamp()
            self._change(pod, _status(server.ip, ready=ready, since=since, created=created))
            await asyncio.sleep(0.3)

    def _prepare_source(self, member_id: int, server: ZooKeeperServer) -> None:
        if member_id in self._static:
            server.zoo_cfg = self._static[member_id]
            return
        statefulset = self._api.get("StatefulSet", SOURCE)
        assert statefulset is not None
        size = statefulset["spec"]["replicas"]
        lines = [self._servers[n].line() for n in range(1, size + 1)]
        # No super user: the source knows none of ours.
        unknown = {"DigestAuthenticationProvider.superDigest": "super:unknown"}
        server.prepare(lines, founder=True, extra={**unknown, **self._source})
        self._static[member_id] = server.zoo_cfg

    def _prepare_ours(self, member_id: int, server: ZooKeeperServer) -> None:
        published = self._api.get("ConfigMap", names.membership_name("zk"))
        assert published is not None, "it is published before the StatefulSet"
        if server.prepared and "dynamicConfigFile" in server.zoo_cfg:
            return  # its volume is there, and on it a list that was committed
        membership = read_membership(published)
        lines = [real(s, self._servers) for s in membership.servers]
        if server.prepared and not membership.version and member_id in membership.voters:
            # as raise_epoch.sh does it
            (server.database / "acceptedEpoch").write_text(str(membership.epoch), encoding="ascii")
        if all(line.id != member_id for line in lines):
            lines.append(server.line("observer"))
        if server.prepared:  # as start.sh does it
            kept = [k for k in server.zoo_cfg.splitlines() if not k.startswith("server.")]
            server.zoo_cfg = "\n".join([*kept, *(line.line() for line in lines)]) + "\n"
        else:
            server.prepare(lines, founder=False, extra=EXTRA)


def _id_of(pod: Object) -> int:
    name: str = pod["metadata"]["name"]
    number = int(name.rpartition("-")[2])
    return number + 1 if name.startswith(SOURCE) else number


def _status(ip: str, *, ready: bool, since: str, created: str) -> Object:
    conditions = {"Initialized": (True, created), "Ready": (ready, since)}
    return {
        "phase": "Running",
        "podIP": ip,
        "conditions": [
            {"type": kind, "status": str(state), "lastTransitionTime": at}
            for kind, (state, at) in conditions.items()
        ],
        "containerStatuses": [
            {
                "name": names.CONTAINER,
                "started": True,
                "ready": ready,
                "restartCount": 0,
                "state": {"running": {"startedAt": created}},
            }
        ],
    }


async def wait_for_source(zookeeper: TranslatingZooKeeper, size: int) -> None:
    """Wait until every member of the source serves."""
    endpoints = [Endpoint(Source.host(n), names.CLIENT_PORT) for n in range(1, size + 1)]
    async with asyncio.timeout(60):
        while True:
            answers = await zookeeper.ask_source(endpoints)
            if all(answer.mode for answer in answers.values()):
                with contextlib.suppress(EnsembleUnreachableError):
                    await zookeeper.read_source(endpoints)
                    return
            await asyncio.sleep(0.2)
