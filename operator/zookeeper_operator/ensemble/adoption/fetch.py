"""Observes a source: what its members say on their client ports, and its StatefulSet.

Reads only. What could not be learned is left unknown in the value, never guessed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.rivals import find_rivals
from zookeeper_operator.ensemble.adoption.source import Source, SourcePods, pod_of
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.pods import controller_uid
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Object
from zookeeper_operator.zookeeper.endpoints import endpoint_of, parse_endpoints
from zookeeper_operator.zookeeper.protocol import EnsembleUnreachableError, ZooKeeper
from zookeeper_operator.zookeeper.servers import Server, parse_config


async def fetch_source(
    kube: Kube,
    zookeeper: ZooKeeper,
    ensemble: Ensemble,
    recorded: Sequence[Server],
    *,
    begun: bool,
    namespaces: Sequence[str] = (),
) -> Source | None:
    """What can be observed of the source that the spec names; None if it names none.

    `recorded` are its servers as they were at the beginning. Until the adoption has `begun`, its own
    configuration is read as well, and other ensembles that take it over are looked for, in `namespaces`
    (none: everywhere).
    """
    adopt = ensemble.spec.adopt
    if adopt is None:
        return None
    text, why = None, ""
    if not begun:
        try:
            text = await zookeeper.read_source(parse_endpoints(adopt.connection_string))
        except EnsembleUnreachableError as error:
            why = str(error)
    servers = tuple(recorded) or _read_servers(text)
    usual = parse_endpoints(adopt.connection_string)[0].port
    endpoints = {server.id: endpoint_of(server, otherwise=usual) for server in servers}
    answers, found = await asyncio.gather(
        zookeeper.ask_source(tuple(dict.fromkeys(endpoints.values()))),
        _fetch_pods(kube, ensemble, servers),
    )
    pods, pods_why = found
    return Source(
        text=text,
        why=why,
        servers=servers,
        endpoints=endpoints,
        answers={i: answers[endpoint] for i, endpoint in endpoints.items()},
        pods=pods,
        pods_why=pods_why,
        rivals=() if begun else await _fetch_rivals(kube, ensemble, servers, namespaces),
    )


async def _fetch_rivals(
    kube: Kube, ensemble: Ensemble, servers: Sequence[Server], namespaces: Sequence[str]
) -> tuple[str, ...]:
    found: list[Object] = []
    for namespace in namespaces or (None,):
        try:
            found += await kube.list(names.ENSEMBLES, namespace)
        except KubeError as error:
            # Who asks with the rights of a person may see one namespace only.
            if error.status != HTTPStatus.FORBIDDEN or namespace is not None:
                raise
            found += await kube.list(names.ENSEMBLES, ensemble.namespace)
    return find_rivals(ensemble, servers, found)


def _read_servers(text: str | None) -> tuple[Server, ...]:
    try:
        return parse_config(text).servers if text else ()
    except ValueError:
        return ()


async def _fetch_pods(
    kube: Kube, ensemble: Ensemble, servers: Sequence[Server]
) -> tuple[SourcePods | None, str]:
    adopt = ensemble.spec.adopt
    if adopt is None or adopt.stateful_set is None:
        return None, ""
    name = adopt.stateful_set.name
    namespace = adopt.stateful_set.namespace or ensemble.namespace
    try:
        body = await kube.get(RESOURCES["StatefulSet"], namespace, name)
        pods = await asyncio.gather(
            *(kube.get_metadata(RESOURCES["Pod"], namespace, pod_of(s)) for s in servers)
        )
    except KubeError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return None, f"{namespace}/{name} may not be read: {error.message}"
    if body is None:
        return None, f"{namespace}/{name} does not exist"
    there = [pod["metadata"] for pod in pods if pod is not None]
    uid = body["metadata"]["uid"]
    others = sorted(pod["name"] for pod in there if controller_uid({"metadata": pod}) != uid)
    if others:
        return None, f"{namespace}/{name} has not created the pod {', '.join(others)}"
    owner = (body["metadata"].get("labels") or {}).get(names.LABEL_ENSEMBLE, "")
    manager = await kube.get(names.ENSEMBLES, namespace, owner) if owner else None
    existing = frozenset(pod["name"] for pod in there)
    return read_pods_of_source(body, existing, ensemble, manager), ""


def read_pods_of_source(
    body: Object, existing: frozenset[str], ensemble: Ensemble, manager: Object | None = None
) -> SourcePods:
    """What matters of the StatefulSet of a source; `manager` is the ensemble of ours that it belongs to."""
    metadata, spec = body["metadata"], body["spec"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owner = labels.get(names.LABEL_ENSEMBLE, "")
    kept = (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get("whenScaled", "Retain")
    allowed = annotations.get(names.ANNOTATION_ADOPTABLE_BY)
    permitted = allowed == f"{ensemble.namespace}/{ensemble.name}"
    namespace = metadata.get("namespace") or ensemble.namespace
    return SourcePods(
        name=metadata["name"],
        namespace=namespace,
        uid=metadata["uid"],
        version=metadata.get("resourceVersion", ""),
        generation=int(metadata.get("generation") or 0),
        replicas=int(spec.get("replicas", 1)),
        first=int((spec.get("ordinals") or {}).get("start", 0)),
        writable=permitted or (namespace == ensemble.namespace and not owner),
        selector=dict((spec.get("selector") or {}).get("matchLabels") or {}),
        existing=existing,
        domains=frozenset(_domains(spec.get("serviceName", ""), namespace, ensemble)),
        keeps_claims=kept != "Delete",
        ensemble=f"{namespace}/{owner}" if owner else "",
        paused=manager is None or bool((manager.get("spec") or {}).get("paused")),
        left=int((body.get("status") or {}).get("replicas") or 0),
    )


def _domains(service: str, namespace: str, ensemble: Ensemble) -> Iterator[str]:
    """In which domains the pods of a StatefulSet have names, as the members of the ensemble resolve them."""
    full = f"{service}.{namespace}.svc.{ensemble.cluster_domain}"
    yield full
    yield f"{service}.{namespace}.svc"
    yield f"{service}.{namespace}"
    if namespace == ensemble.namespace:
        yield service
