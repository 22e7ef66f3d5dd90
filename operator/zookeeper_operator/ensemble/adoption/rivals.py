"""Whether another ensemble takes over the same source. Pure.

Both would give their members the same ids, and each would remove the other's. So only one may begin: the one
that has begun, or else the one that was created first.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import read_lines
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.endpoints import parse_endpoints
from zookeeper_operator.zookeeper.servers import CommittedConfig, Server


def find_rivals(
    ensemble: Ensemble, servers: Sequence[Server], bodies: Iterable[Object]
) -> tuple[str, ...]:
    """The ensembles that take over the source with these servers before this one, as namespace/name.

    `bodies` are all ensembles that there are. One that is not created yet comes after all of them.
    """
    adopt = ensemble.spec.adopt
    if adopt is None:
        return ()
    everyone = list(bodies)
    own = next((b for b in everyone if b["metadata"]["uid"] == ensemble.uid), None)
    known = frozenset(_spellings(adopt.connection_string, servers, ensemble.namespace))
    pods = adopt.stateful_set
    workloads = {(pods.namespace or ensemble.namespace, pods.name)} if pods else frozenset()
    return tuple(
        f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        for body in everyone
        if body["metadata"]["uid"] != ensemble.uid
        and _is_adopting(body)
        and _is_first(body, own)
        and (not known.isdisjoint(_known_of(body)) or not workloads.isdisjoint(_workloads_of(body)))
    )


def find_taken_ids(ensemble: Ensemble, committed: CommittedConfig) -> tuple[Server, ...]:
    """Servers of a configuration that have an id of ours, and are none of ours.

    The domain of the cluster does not count, which may have been changed since.
    """
    return tuple(
        server
        for server in committed.servers
        if not ensemble.is_foreign(server.id)
        and _without_suffix(server.host) != _without_suffix(ensemble.server(server.id).host)
    )


def _is_adopting(body: Object) -> bool:
    return bool(body.get("spec", {}).get("adopt")) and not _status_of(body).get("adoptedAt")


def _is_first(body: Object, own: Object | None) -> bool:
    if own is None or _status_of(body).get("foundedAt"):
        return True
    return _age(body) < _age(own)


def _age(body: Object) -> tuple[str, str]:
    return body["metadata"].get("creationTimestamp") or "", body["metadata"]["uid"]


def _status_of(body: Object) -> Object:
    return body.get("status") or {}


def _known_of(body: Object) -> Iterator[str]:
    """How the source of an ensemble may be called."""
    try:
        lines = read_lines((_status_of(body).get("adoption") or {}).get("source") or ())
    except ValueError:
        lines = ()
    addresses = _adopt_of(body).get("connectionString") or ""
    yield from _spellings(addresses, lines, body["metadata"]["namespace"])


def _workloads_of(body: Object) -> Iterator[tuple[str, str]]:
    """Namespace and name of the StatefulSet that an ensemble names, if it names one."""
    if found := _adopt_of(body).get("statefulSet"):
        yield found.get("namespace") or body["metadata"]["namespace"], found["name"]


def _adopt_of(body: Object) -> dict[str, Any]:
    found: dict[str, Any] = body["spec"]["adopt"]
    return found


def _spellings(addresses: str, servers: Iterable[Server], namespace: str) -> Iterator[str]:
    """What the hosts of a source may be called from another namespace.

    Of two labels, an address may be a Service and its namespace, or a pod and its Service; a server line is
    the latter.
    """
    for endpoint in parse_endpoints(addresses):
        short = _without_suffix(endpoint.host)
        if "." in short:
            yield short
        yield f"{short}.{namespace}"
    for server in servers:
        short = _without_suffix(server.host)
        yield short if short.count(".") > 1 else f"{short}.{namespace}"


def _without_suffix(host: str) -> str:
    """The name of a Service or pod up to its namespace; every other host as it is."""
    return re.split(r"\.svc(?:\.|$)", host.rstrip("."))[0]
