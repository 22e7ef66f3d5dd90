"""What an operator process works on: nodes, a storage class, our kind, the farm; and ensembles to look at."""

import asyncio
import contextlib
import itertools
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from tests.integration.control_plane import ADMIN, SERVER, ControlPlane
from tests.integration.farm import CONTROL, FARM_CLASS
from tests.integration.operator_process import OperatorProcess
from tests.integration.processes import Process
from tests.integration.proxy import FaultProxy
from tests.integration.rights import grant
from tests.integration.waiting import until

from zookeeper_operator.backup.names import BACKUPS, SCHEDULES
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, Object, Resource
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.settings import Settings

ROOT: Final = Path(__file__).parents[2]
CRD_FILES: Final = tuple(sorted((ROOT / "crds").iterdir()))
ENSEMBLE: Final = names.ENSEMBLES
NAMESPACE: Final = Resource("v1", "Namespace", "namespaces", namespaced=False)
NODE: Final = Resource("v1", "Node", "nodes", namespaced=False)
CRD: Final = Resource(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
CHART_RULES: Final = ROOT / "charts" / "zookeeper-operator" / "templates" / "_names.tpl"
NODES: Final = 3
POLL_SECONDS: Final = 0.5
"""Between two looks at all ensembles, which are not small."""
_PORTS: Final = itertools.count(7001)

Check = Callable[[Object], bool]


class Farm:
    """The farm process, from a test's side."""

    def __init__(self, plane: ControlPlane) -> None:
        self._process = Process(
            "farm",
            [
                *("env", f"PYTHONPATH={ROOT / 'operator'}:{ROOT}"),
                *(sys.executable, "-m", "tests.integration.farm"),
                *(f"--server={SERVER}", f"--token={ADMIN}"),
                f"--certificate={plane.certificate}",
            ],
            directory=plane.directory,
        )

    def start(self) -> None:
        self._process.start()
        deadline = time.monotonic() + 20
        while True:
            try:
                self.truth("none", "none")
            except OSError:
                if time.monotonic() > deadline or not self._process.running:
                    raise TimeoutError(f"no farm\n{self._process.tail()}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        self._process.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def truth(self, namespace: str, name: str = "zk") -> Object:
        """What is really so with an ensemble."""
        return self._ask("GET", f"/truth/{namespace}/{name}")

    def lie(self, namespace: str, name: str = "zk", **kinds: str) -> None:
        """Have members lie from now on: `everyone="html"`, `member_2="slow"`; none: all honest."""
        told = {
            "*" if who == "everyone" else who.removeprefix("member_"): kind
            for who, kind in kinds.items()
        }
        self._ask("PUT", f"/lies/{namespace}/{name}", told)

    @staticmethod
    def _ask(method: str, path: str, body: Object | None = None) -> Object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{CONTROL}{path}", method=method, data=data
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 -- http, as above
            found: Object = json.load(answer)
            return found


async def prepare(kube: KubeClient) -> None:
    """Nodes for KWOK, the farm's storage class as the default, and our kind."""
    plenty = {"cpu": "10000", "memory": "100Ti", "pods": "100000"}
    for number in range(1, NODES + 1):
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"node-{number}"},
            "status": {
                "allocatable": plenty,
                "capacity": plenty,
                # What a node port is reached at; of the range for documentation, and never dialled.
                "addresses": [{"type": "InternalIP", "address": f"192.0.2.{number}"}],
            },
        }
        await kube.create(NODE, node)
    await kube.create(
        RESOURCES["StorageClass"],
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": FARM_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "farm.test/farm",
            "allowVolumeExpansion": True,
            # Pods that wait for volumes otherwise can be overlooked by the scheduler for minutes.
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    )
    await install_crd(kube)


async def install_crd(kube: KubeClient) -> None:
    """Install our kinds and wait until they are served."""
    for file in CRD_FILES:
        await kube.apply(CRD, yaml.safe_load(file.read_text(encoding="utf-8")))

    async def served() -> bool:
        return not await kube.preflight([ENSEMBLE, BACKUPS, SCHEDULES])

    await until(served)


class Stage:
    """One test's namespaces, operators and proxies; `close` removes them all."""

    def __init__(self, plane: ControlPlane, farm: Farm, kube: KubeClient) -> None:
        self.farm = farm
        self.kube = kube
        self._plane = plane
        self._operators: list[OperatorProcess] = []
        self._proxies: list[FaultProxy] = []
        self._namespaces: list[str] = []

    # ------------------------------------------------------------------ processes

    async def proxy(self) -> FaultProxy:
        """A proxy in front of the API server, running."""
        proxy = FaultProxy(next(_PORTS), server=SERVER, certificate=self._plane.certificate)
        await proxy.start()
        self._proxies.append(proxy)
        return proxy

    def operator(
        self, name: str, *, proxy: FaultProxy | None = None, token: str = ADMIN, **options: str
    ) -> OperatorProcess:
        """An operator process, not started."""
        kubeconfig = self._plane.directory / f"kubeconfig-{name}"
        self._plane.write_kubeconfig(kubeconfig, token, server=proxy.url if proxy else SERVER)
        process = OperatorProcess(name, kubeconfig=kubeconfig, port=next(_PORTS), **options)
        self._operators.append(process)
        return process

    async def close(self) -> None:
        """Kill the operators and remove the namespaces without waiting for their end."""
        for operator in self._operators:
            operator.kill()
        for proxy in self._proxies:
            await proxy.stop()
        for name in self._namespaces:
            live = await self.kube.get(NAMESPACE, None, name)
            if live is not None:
                await self.kube.delete(NAMESPACE, "", name, uid=live["metadata"]["uid"])

    # ------------------------------------------------------------------ ensembles

    async def namespaces(self, *wanted: str) -> list[str]:
        """Make namespaces of these names."""
        for name in wanted:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await self.kube.create(NAMESPACE, body)
            self._namespaces.append(name)
        return list(wanted)

    async def create(self, namespace: str, spec: Object, *, name: str = "zk") -> Object:
        return await self.kube.create(
            ENSEMBLE,
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "metadata": {"namespace": namespace, "name": name},
                "spec": spec,
            },
        )

    async def edit(self, namespace: str, change: Object, *, name: str = "zk") -> Object:
        """Merge a change into an ensemble, as `kubectl patch --type=merge` does."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"namespace": namespace, "name": name},
        }
        return await self.kube.merge_patch(ENSEMBLE, body | change)

    async def delete(self, namespace: str, *, name: str = "zk") -> None:
        live = await self.kube.get(ENSEMBLE, namespace, name)
        if live is not None:
            await self.kube.delete(ENSEMBLE, namespace, name, uid=live["metadata"]["uid"])

    async def grant(self, namespace: str, user: str, *further: str) -> None:
        """Give a user the rights in a namespace that the chart gives the operator there, and further ones."""
        template = CHART_RULES.read_text(encoding="utf-8")
        rules = [
            template.partition(f'define "operator.{name}" -}}}}')[2].partition("{{-")[0]
            for name in ("rules", "podRules", "secretRules", *further)
        ]
        await grant(self.kube, namespace, user, yaml.safe_load("".join(rules)), name="operator")

    async def ensembles(self, among: Collection[str]) -> Mapping[str, Object]:
        """The ensembles of these namespaces, by namespace."""
        found = await self.kube.list(ENSEMBLE, None)
        return {b["metadata"]["namespace"]: b for b in found if b["metadata"]["namespace"] in among}

    async def settled(
        self, among: Collection[str], check: Check | None = None, *, seconds: float = 60
    ) -> None:
        """Wait until these are all as their specs ask, and nothing is left to do.

        Raises:
            TimeoutError: with how those stand that are not.
        """
        passes = check or is_settled
        deadline = time.monotonic() + seconds
        while True:
            live = await self.ensembles(among)
            rest = {n: live.get(n) for n in among if n not in live or not passes(live[n])}
            if not rest:
                return
            if time.monotonic() > deadline:
                told = "\n".join(f"{n}: {_brief(body)}" for n, body in sorted(rest.items()))
                raise TimeoutError(f"not settled after {seconds:g} s:\n{told}")
            await asyncio.sleep(POLL_SECONDS)

    async def quiet(self, proxy: FaultProxy, *, seconds: float = 1.0, limit: float = 30) -> None:
        """Wait until an operator has written nothing for so long."""
        deadline = time.monotonic() + limit
        while True:
            last = max((call.at for call in proxy.writes()), default=0.0)
            if time.monotonic() - last > seconds:
                return
            assert time.monotonic() < deadline, proxy.writes()[-5:]
            await asyncio.sleep(0.1)


def condition(body: Object, type_: str) -> Object:
    """One condition of an ensemble; empty if it has none of that type."""
    found = (body.get("status") or {}).get("conditions") or []
    return next((c for c in found if c["type"] == type_), {})


def is_settled(body: Object) -> bool:
    """Whether an ensemble is ready, of its latest spec, and has nothing left to do."""
    status = body.get("status") or {}
    ready = condition(body, "Ready")
    return bool(
        status.get("observedGeneration") == body["metadata"]["generation"]
        and ready.get("status") == "True"
        and ready.get("observedGeneration") == body["metadata"]["generation"]
        and condition(body, "RolledOut").get("status") == "True"
        and condition(body, "MembershipSettled").get("status") == "True"
        and status.get("readyReplicas") == body["spec"]["replicas"]
        and status.get("nextAction") == "nothing to do"
    )


def _brief(body: Object | None) -> str:
    if body is None:
        return "there is none"
    status = body.get("status") or {}
    told = {key: status.get(key) for key in ("observedGeneration", "readyReplicas", "quorum")}
    told |= {c["type"]: c["reason"] for c in status.get("conditions", [])}
    told |= {f"member {m['id']}": m["revision"] for m in status.get("members", [])}
    return (
        f"{status.get('summary')}: {status.get('nextAction')}; generation "
        f"{body['metadata']['generation']}; {json.dumps(told)}"
    )


@contextlib.asynccontextmanager
async def open_stage(plane: ControlPlane, farm: Farm) -> AsyncIterator[Stage]:
    """A stage, closed in any case."""
    async with await connect(Settings(kubeconfig=str(plane.kubeconfig))) as kube:
        stage = Stage(plane, farm, kube)
        try:
            yield stage
        finally:
            await stage.close()


# ---------------------------------------------------------------------- end states

_CHILDREN: Final = (
    *("StatefulSet", "Service", "ConfigMap", "Secret", "Pod", "PersistentVolumeClaim"),
    *("PodDisruptionBudget", "NetworkPolicy"),
)
_COMPARED: Final = (*(RESOURCES[kind] for kind in _CHILDREN), ENSEMBLE)
_REVISION: Final = Resource("apps/v1", "ControllerRevision", "controllerrevisions")
# Different in every ensemble, whatever happened to it: times, versions, addresses, and hashes of content
# that holds the namespace or the password (which is compared itself).
_VOLATILE: Final = frozenset(
    {
        *("resourceVersion", "managedFields", "creationTimestamp", "generation", "uid"),
        *("observedGeneration", "podIP", "podIPs", "hostIP", "hostIPs", "nodeName", "clusterIP"),
        *("clusterIPs", "nodePort", "healthCheckNodePort", "containerID", "startTime", "startedAt"),
        *(
            "lastTransitionTime",
            "lastProbeTime",
            "since",
            "foundedAt",
            "restartedAt",
            "deletionTimestamp",
        ),
        *("currentRevision", "disruptedPods", "zxid"),
        *(names.ANNOTATION_APPLIED, names.ANNOTATION_AUTH),
    }
)

_VOLUME_CONTROLLERS: Final = ("volume.", "pv.kubernetes.io/")


async def end_state(kube: KubeClient, namespace: str) -> Mapping[str, Object]:
    """Everything an ensemble consists of, without what differs between two of the same kind."""
    *lists, revisions = await asyncio.gather(
        *(kube.list(resource, namespace) for resource in _COMPARED),
        kube.list(_REVISION, namespace),
    )
    objects = [
        body for found in lists for body in found if body["metadata"]["name"] != "kube-root-ca.crt"
    ]
    words = {
        body["metadata"]["uid"]: f"UID-{body['kind']}-{body['metadata']['name']}"
        for body in objects
    }
    words |= {r["metadata"]["name"]: f"REVISION-{r['revision']}" for r in revisions}
    words |= {namespace: "NAMESPACE"}
    text = json.dumps([_without_volatile(body) for body in objects])
    for found, word in words.items():
        text = text.replace(found, word)
    return {f"{b['kind']} {b['metadata']['name']}": b for b in json.loads(text)}


def _without_volatile(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        kept = {
            k: v
            for k, v in value.items()
            if k not in _VOLATILE and not k.startswith(_VOLUME_CONTROLLERS)
        }
        if value.get("kind") == "Secret":
            kept["data"] = sorted(value.get("data") or {})
        if value.get("kind") == "Pod":
            kept["status"] = {"phase": value["status"]["phase"]}
        if value.get("kind") == "PersistentVolumeClaim":
            # Since 1.37 a condition says, some time later, whether a pod uses it.
            kept["status"] = {k: v for k, v in value["status"].items() if k != "conditions"}
        return {k: _without_volatile(v, k) for k, v in kept.items()}
    if isinstance(value, list):
        return [_without_volatile(item, key) for item in value]
    # Which field of the spec a restart was for is known to the process that decided on it. One that comes
    # after it finds a pod of another revision.
    return value.rpartition("(")[2] if key == "restartReason" else value


def differences(one: Any, other: Any, path: str = "") -> Iterable[str]:
    """Where two trees differ, a line each."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{path}.{key}" if path else key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(a, b, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {json.dumps(one)[:300]} != {json.dumps(other)[:300]}"
