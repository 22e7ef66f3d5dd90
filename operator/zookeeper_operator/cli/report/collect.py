"""Collects what a report holds. Every part that cannot be had is a gap with its reason, never the end.

Secrets are read for one purpose: to mask their values in all the rest. None of them becomes an entry.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from zookeeper_operator.cli.events import events_as_values, render_events
from zookeeper_operator.cli.failure import Failure, explain
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.options import as_text
from zookeeper_operator.cli.plan import render_plan
from zookeeper_operator.cli.reading import PROBE_SECONDS, Reader, operator_settings
from zookeeper_operator.cli.rehearsal import rehearse_now
from zookeeper_operator.cli.report.archive import Collected, Entry, Gap, path_of
from zookeeper_operator.cli.report.redact import SHORTEST, secret_names, secret_values
from zookeeper_operator.cli.report.scope import (
    COMMANDS,
    LISTED,
    about_ensemble,
    containers_of,
    in_order,
)
from zookeeper_operator.cli.status import render_status, status_as_value
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import LOGIN_USER_KEY, USERNAME_KEY
from zookeeper_operator.ensemble.observe import addresses_of
from zookeeper_operator.ensemble.pods import read_pod
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object, Resource
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.kube.logs import fetch_log
from zookeeper_operator.zookeeper.admin import BODY_BYTES, fetch_reply
from zookeeper_operator.zookeeper.protocol import Address, ZooKeeper
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport

_PART_SECONDS: Final = 20.0
_PARALLEL: Final = 8
_HARMLESS: Final = (USERNAME_KEY, LOGIN_USER_KEY)
"""Keys of `NAME-auth` whose values are no secrets, and stand everywhere."""
_LOG_BYTES: Final = 16 << 20
_ANSWER_BYTES: Final = 16 * BODY_BYTES
_OPERATOR_LABELS: Final = "app.kubernetes.io/name=zookeeper-operator"
_DEPLOYMENT: Final = Resource("apps/v1", "Deployment", "deployments")


class Collector:
    """Collects the report about one ensemble."""

    def __init__(
        self,
        target: KubeContext,
        kube: KubeClient,
        zookeeper: ZooKeeper,
        admin: AdminTransport,
        *,
        log_lines: int,
    ) -> None:
        self.collected = Collected()
        self._target = target
        self._kube = kube
        self._zookeeper = zookeeper
        self._admin = admin
        self._log_lines = log_lines
        self._places = asyncio.Semaphore(_PARALLEL)

    async def collect(self, body: Object) -> Collected:
        """Collect everything about this ensemble."""
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        self._add(Entry("objects/ensemble.yaml", body))
        objects = await self._objects(namespace, name)
        pods = [o for o in objects if o["kind"] == "Pod"]
        operator = await self._operator(body)
        await asyncio.gather(
            self._secrets([body, *objects, *operator], names.auth_name(name)),
            self._status(body),
            self._plan(name),
            self._events(namespace, body, objects),
            self._nodes(pods),
            self._members(namespace, name, pods),
            self._logs(namespace, pods, "logs"),
            *(self._logs(o["metadata"]["namespace"], [o], "operator/logs") for o in operator),
            self._part("the version of the API server", self._version),
        )
        return self.collected

    # ------------------------------------------------------------------ parts

    def _add(self, entry: Entry) -> None:
        self.collected.entries.append(entry)

    def _miss(self, what: str, why: str) -> None:
        self.collected.gaps.append(Gap(what, why))

    async def _part(self, what: str, fetch: Callable[[], Awaitable[None]]) -> None:
        """Run one part; what fails, or takes too long, is a gap."""
        async with self._places:
            try:
                async with asyncio.timeout(_PART_SECONDS):
                    await fetch()
            except TimeoutError:
                self._miss(what, f"no answer within {_PART_SECONDS:g} s")
            except KubeError as error:
                self._miss(what, explain(error))
            except Failure as error:
                self._miss(what, error.format_message())

    async def _list(
        self, resource: Resource, namespace: str | None, folder: str, *, labels: str = ""
    ) -> list[Object]:
        found: list[Object] = []

        async def fetch() -> None:
            found.extend(in_order(await self._kube.list(resource, namespace, labels=labels)))
            for o in found:
                path = path_of(*folder.split("/"), resource.plural, o["metadata"]["name"])
                self._add(Entry(f"{path}.yaml", o))

        await self._part(f"{folder}/{resource.plural}", fetch)
        return found

    async def _objects(self, namespace: str, name: str) -> list[Object]:
        labels = f"{names.LABEL_ENSEMBLE}={name}"
        lists = await asyncio.gather(
            *(self._list(r, namespace, "objects", labels=labels) for r in LISTED),
            self._list(RESOURCES["StorageClass"], None, "cluster"),
        )
        return [o for found in lists for o in found]

    async def _operator(self, body: Object) -> list[Object]:
        """The operator's own objects; its pods are returned."""
        metadata = body["metadata"]
        policy: list[Object | None] = [None]

        async def fetch() -> None:
            resource = RESOURCES["NetworkPolicy"]
            policy[0] = await self._kube.get(resource, metadata["namespace"], metadata["name"])

        await self._part("where the operator runs", fetch)
        settings = operator_settings(body, policy[0])
        pods, _, _ = await asyncio.gather(
            self._list(RESOURCES["Pod"], settings.namespace, "operator", labels=_OPERATOR_LABELS),
            self._list(_DEPLOYMENT, settings.namespace, "operator", labels=_OPERATOR_LABELS),
            self._one(RESOURCES["Lease"], settings.namespace, settings.lease_name, "operator"),
        )
        if not pods:
            self._miss("the operator", f"no pod of it is seen in namespace {settings.namespace}")
        return pods

    async def _one(self, resource: Resource, namespace: str | None, name: str, folder: str) -> None:
        async def fetch() -> None:
            found = await self._kube.get(resource, namespace, name)
            if found is None:
                self._miss(f"{folder}/{resource.plural}/{name}", "it does not exist")
            else:
                self._add(Entry(f"{path_of(folder, resource.plural, name)}.yaml", found))

        await self._part(f"{folder}/{resource.plural}/{name}", fetch)

    async def _nodes(self, pods: Iterable[Object]) -> None:
        nodes = {str(pod["spec"].get("nodeName") or "") for pod in pods} - {""}
        await asyncio.gather(
            *(self._one(RESOURCES["Node"], None, node, "cluster") for node in sorted(nodes))
        )

    async def _version(self) -> None:
        found = await self._kube.transport.json("GET", "/version", verb="get", kind="")
        self._add(Entry("cluster/version.yaml", found))

    async def _status(self, body: Object) -> None:
        async def fetch() -> None:
            reading = await Reader(self._kube, self._zookeeper).reading(body)
            now = datetime.now(UTC)
            self._add(Entry("status.txt", as_text(render_status(reading, now))))
            self._add(Entry("status.json", status_as_value(reading)))
            if reading.seen is not None and reading.seen.committed is not None:
                lines = [server.line() for server in reading.seen.committed.servers]
                version = f"version={reading.seen.committed.version:x}"
                self._add(Entry("members/configuration.txt", "\n".join([*lines, version, ""])))

        await self._part("the status as the members show it", fetch)

    async def _plan(self, name: str) -> None:
        async def fetch() -> None:
            answer = await rehearse_now(self._target, name)
            self._add(Entry("plan.txt", as_text(render_plan(answer))))

        await self._part("what the operator is about to do", fetch)

    async def _events(self, namespace: str, body: Object, objects: Sequence[Object]) -> None:
        async def fetch() -> None:
            listed = await self._kube.list(RESOURCES["Event"], namespace)
            found = about_ensemble(listed, body, objects)
            self._add(Entry("events.txt", as_text(render_events(found, datetime.now(UTC)))))
            self._add(Entry("events.json", events_as_values(found)))

        await self._part("Events", fetch)

    # ------------------------------------------------------------------ members and logs

    async def _members(self, namespace: str, ensemble: str, pods: Iterable[Object]) -> None:
        now = datetime.now(UTC)
        read = (read_pod(pod, ensemble=ensemble, now=now) for pod in pods)
        members = addresses_of(namespace, filter(None, read))
        await asyncio.gather(*(self._answers(member) for member in members))

    async def _answers(self, member: Address) -> None:
        async with self._places:
            for number, command in enumerate(COMMANDS):
                reply = await fetch_reply(
                    self._admin, member, command, seconds=PROBE_SECONDS, limit=_ANSWER_BYTES
                )
                if reply.fields is not None:
                    path = path_of("members", member.pod, command)
                    self._add(Entry(f"{path}.json", dict(reply.fields)))
                    continue
                why = reply.refused or reply.trouble or "no answer"
                self._miss(f"{member.pod}: answer to {command}", why)
                if number == 0:
                    # One that does not serve writes a stack trace for what else it is asked.
                    return

    async def _logs(self, namespace: str, pods: Iterable[Object], folder: str) -> None:
        await asyncio.gather(
            *(
                self._log(namespace, pod["metadata"]["name"], container, folder, previous=previous)
                for pod in pods
                for container, restarted in containers_of(pod)
                for previous in ([False, True] if restarted else [False])
            )
        )

    async def _log(
        self, namespace: str, pod: str, container: str, folder: str, *, previous: bool
    ) -> None:
        name = f"{container}.previous.log" if previous else f"{container}.log"
        path = path_of(*folder.split("/"), pod, name)

        async def fetch() -> None:
            content = await fetch_log(
                self._kube.transport,
                namespace,
                pod,
                container,
                previous=previous,
                lines=self._log_lines,
                most_bytes=_LOG_BYTES,
            )
            self._add(Entry(path, content.decode(errors="replace")))

        await self._part(path, fetch)

    # ------------------------------------------------------------------ Secrets

    async def _secrets(self, objects: Sequence[Object], auth: str) -> None:
        """Learn the values of the Secrets that pods use, to mask them; list which there are."""
        body = objects[0]["metadata"]
        used = {
            (namespace, name)
            for o in objects
            if (namespace := o["metadata"].get("namespace"))
            for name in secret_names([o])
        }
        used.add((body["namespace"], auth))
        listed: dict[str, Any] = {}
        await asyncio.gather(
            *(
                self._secret(namespace, name, _HARMLESS if name == auth else (), listed)
                for namespace, name in sorted(used)
            )
        )
        self._add(Entry("objects/secrets.json", dict(sorted(listed.items()))))

    async def _secret(
        self, namespace: str, name: str, harmless: Iterable[str], listed: dict[str, Any]
    ) -> None:
        where = f"{namespace}/{name}"

        async def fetch() -> None:
            found = await self._kube.get(RESOURCES["Secret"], namespace, name)
            listed[where] = _described(found)
            if found is None:
                return
            values = secret_values(found, harmless)
            self.collected.secrets.extend(values)
            if any(0 < len(value.strip()) < SHORTEST for value in values):
                why = f"a value has fewer than {SHORTEST} characters, so it was not searched for"
                self._miss(f"values of Secret {where} to be masked", why)

        await self._part(f"values of Secret {where} to be masked", fetch)


def _described(secret: Mapping[str, Any] | None) -> Any:
    """That a Secret is there, of which type, and since when: nothing of what it holds."""
    if secret is None:
        return "does not exist"
    metadata = secret["metadata"]
    return {
        "type": secret.get("type", ""),
        "created": metadata.get("creationTimestamp", ""),
        "resourceVersion": metadata.get("resourceVersion", ""),
        "keys": sorted(secret.get("data") or {}),
    }
