"""What can be found out about a source without changing anything, as a value.

Reads only: the StatefulSet, its pods, the policies around it, and what its members say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from zookeeper_operator.api.adoption import AdoptionMode
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.checks import find_obstacles, read_config_of
from zookeeper_operator.ensemble.adoption.fetch import fetch_source
from zookeeper_operator.ensemble.adoption.foretelling import (
    Foretold,
    foretell,
    foretell_cut_over,
)
from zookeeper_operator.ensemble.adoption.source import Source
from zookeeper_operator.ensemble.ensemble import read_ensemble
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Object
from zookeeper_operator.zookeeper.protocol import ZooKeeper
from zookeeper_operator.zookeeper.servers import CLIENT_PORT, CommittedConfig

_STATEFULSET: Final = ("statefulset/", "sts/")


@dataclass(frozen=True)
class Wish:
    """What is asked for: which source, and the ensemble that takes it over.

    Without a `mode` it is the one that the source allows.
    """

    name: str
    namespace: str
    source: str
    replicas: int = 0
    first_id: int = 11
    version: str = ""
    cluster_domain: str = "cluster.local"
    mode: AdoptionMode | None = None


@dataclass(frozen=True)
class Inquiry:
    """What was found.

    `mode` is the way in which it would be taken over. `obstacles` are what its owner has to do first, `steps`
    what would happen; `policy` is a NetworkPolicy to create beside those of the source, if there are any.
    `hiding` is the Service of the source that gives pods no name while they are not ready, if it does.
    """

    wish: Wish
    manifest: Object
    source: Source
    config: CommittedConfig | None
    obstacles: tuple[str, ...] = ()
    steps: tuple[Foretold, ...] = ()
    policy: Object | None = None
    hiding: str = ""
    mode: AdoptionMode = "Join"


async def inquire(kube: Kube, zookeeper: ZooKeeper, wish: Wish) -> Inquiry:
    """Ask about a source.

    Raises:
        Failure: it is named in no form that can be followed.
        KubeError: the API server could not be asked, or refuses.
    """
    statefulset = await _fetch_statefulset(kube, wish)
    manifest = build_manifest(wish, statefulset)
    body = {**manifest, "metadata": {**manifest["metadata"], "uid": ""}}
    ensemble = read_ensemble(
        body, cluster_domain=wish.cluster_domain, operator_namespace="zookeeper-operator"
    )
    source = await fetch_source(kube, zookeeper, ensemble, (), begun=False)
    assert source is not None
    config = read_config_of(source)
    cannot_join = config is not None and not config.version
    mode: AdoptionMode = wish.mode or ("CutOver" if cannot_join else "Join")
    if mode != "Join":
        manifest["spec"]["adopt"] = {"mode": mode, **manifest["spec"]["adopt"]}
    obstacles = find_obstacles(
        source,
        first_id=wish.first_id,
        version=ensemble.spec.version,
        namespace=wish.namespace,
        name=wish.name,
        mode=mode,
    )
    if config is not None and not wish.replicas:
        size = len(config.voters)
        manifest["spec"]["replicas"] = size
        if size % 2 == 0:
            manifest["spec"]["allowEvenReplicas"] = True
    voters = [server.id for server in source.voters]
    ours = range(wish.first_id, wish.first_id + len(voters))
    foretold = foretell_cut_over if mode == "CutOver" else foretell
    return Inquiry(
        wish=wish,
        mode=mode,
        manifest=manifest,
        source=source,
        config=config,
        obstacles=tuple(problem.message for problem in obstacles),
        steps=foretold(voters, ours) if voters and not obstacles else (),
        policy=await _find_policy(kube, wish, source),
        hiding=await _find_hiding_service(kube, statefulset),
    )


def build_manifest(wish: Wish, statefulset: Object | None) -> Object:
    """The `ZookeeperEnsemble` to apply; it only observes until `proceed` is raised."""
    adopt: dict[str, Any] = {"connectionString": _connection_string(wish, statefulset)}
    if statefulset is not None:
        metadata = statefulset["metadata"]
        adopt["statefulSet"] = {"name": metadata["name"], "namespace": metadata["namespace"]}
    spec: Object = {
        "replicas": wish.replicas or 3,
        **({"version": wish.version} if wish.version else {}),
        "firstMemberId": wish.first_id,
        "adopt": {**adopt, "proceed": "Observe"},
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": wish.name, "namespace": wish.namespace},
        "spec": spec,
    }


def _connection_string(wish: Wish, statefulset: Object | None) -> str:
    if statefulset is None:
        return wish.source
    spec, metadata = statefulset["spec"], statefulset["metadata"]
    domain = f"{spec.get('serviceName', '')}.{metadata['namespace']}.svc.{wish.cluster_domain}"
    first = int((spec.get("ordinals") or {}).get("start", 0))
    ordinals = range(first, first + int(spec.get("replicas", 1)))
    return ",".join(f"{metadata['name']}-{n}.{domain}:{CLIENT_PORT}" for n in ordinals)


async def _fetch_statefulset(kube: Kube, wish: Wish) -> Object | None:
    """The StatefulSet that `--from` names; None if it names addresses."""
    kind = next((k for k in _STATEFULSET if wish.source.startswith(k)), None)
    if kind is None:
        return None
    namespace, _, name = wish.source.removeprefix(kind).rpartition("/")
    namespace = namespace or wish.namespace
    body = await kube.get(RESOURCES["StatefulSet"], namespace, name)
    if body is None:
        raise Failure(f"there is no StatefulSet {name} in namespace {namespace}")
    return body


async def _find_hiding_service(kube: Kube, statefulset: Object | None) -> str:
    """The Service that names the pods of the source, if it names only those that are ready."""
    if statefulset is None:
        return ""
    namespace, name = (
        statefulset["metadata"]["namespace"],
        statefulset["spec"].get("serviceName", ""),
    )
    try:
        service = await kube.get(RESOURCES["Service"], namespace, name) if name else None
    except KubeError:
        return ""
    hides = service is not None and not service["spec"].get("publishNotReadyAddresses")
    return name if hides else ""


async def _find_policy(kube: Kube, wish: Wish, source: Source) -> Object | None:
    """What must be added where a policy selects the pods of the source; none where none does.

    The first policy that selects a pod closes it to everyone else, so none is proposed where there is none.
    """
    pods = source.pods
    if pods is None or not pods.selector:
        return None
    try:
        policies = await kube.list(RESOURCES["NetworkPolicy"], pods.namespace)
    except KubeError:
        return None
    if not any(_selects(policy, pods.selector) for policy in policies):
        return None
    ours = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": wish.namespace}},
        "podSelector": {"matchLabels": {names.LABEL_ENSEMBLE: wish.name}},
    }
    ports = [{"port": port, "protocol": "TCP"} for port in (2181, 2888, 3888)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"{wish.name}-adoption", "namespace": pods.namespace},
        "spec": {
            "podSelector": {"matchLabels": dict(pods.selector)},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [ours], "ports": ports}],
        },
    }


def _selects(policy: Object, labels: Mapping[str, str]) -> bool:
    selector = policy["spec"].get("podSelector") or {}
    wanted = selector.get("matchLabels") or {}
    return not selector.get("matchExpressions") and wanted.items() <= labels.items()
