"""Readings of ensembles for a person, by the operator's own `Inspector`; nothing is written.

The figures come from the members themselves, as the operator would see them now. Where that takes a
right that is missing, or no member can be reached from here, what the operator wrote last is shown
instead, and the reading says so.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pydantic

from zookeeper_operator.api.privileges import PRIVILEGES
from zookeeper_operator.cli.edit import EditedKube
from zookeeper_operator.cli.failure import Failure, explain
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.control.controller import Key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.installation import ManagedElsewhereError, manager_of
from zookeeper_operator.ensemble.observe import Inspector
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Object
from zookeeper_operator.kube.client import KubeClient, connect
from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.protocol import ZooKeeper
from zookeeper_operator.zookeeper.routes.choice import client_route, open_admin, open_zookeeper
from zookeeper_operator.zookeeper.routes.protocol import AdminTransport, ClientRoute

_FORBIDDEN: Final = 403
_ENSEMBLE: Final = names.ENSEMBLES
# Through the API server every question takes longer than inside the cluster.
PROBE_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Reading:
    """An ensemble, and its status as it is shown.

    `seen` is what was found, if the members answered; otherwise the status is the operator's last,
    and `why_not_seen` says why.
    """

    body: Object
    status: Mapping[str, Any]
    seen: Observed | None = None
    why_not_seen: str = ""


@asynccontextmanager
async def open_cluster(target: KubeContext) -> AsyncIterator[KubeClient]:
    """The API server of a target, for as long as the context lasts.

    Raises:
        Failure: the credentials cannot be used; and in place of every `KubeError` from inside.
    """
    settings = Settings(kubeconfig=target.kubeconfig, context=target.context)
    try:
        async with await connect(settings) as kube:
            yield kube
    except KubeError as error:
        raise Failure(explain(error)) from error


@asynccontextmanager
async def open_members(target: KubeContext, kube: KubeClient) -> AsyncIterator[ZooKeeper]:
    """The way to the members, for as long as the context lasts."""
    settings = Settings(
        kubeconfig=target.kubeconfig,
        context=target.context,
        probe_timeout_seconds=PROBE_SECONDS,
    )
    async with open_zookeeper(settings, kube) as zookeeper:
        yield zookeeper


@asynccontextmanager
async def open_admin_servers(
    target: KubeContext, kube: KubeClient
) -> AsyncIterator[AdminTransport]:
    """The way to the members' AdminServers, for as long as the context lasts."""
    settings = Settings(kubeconfig=target.kubeconfig, context=target.context)
    async with open_admin(settings, kube) as admin:
        yield admin


def client_ports(target: KubeContext, kube: KubeClient) -> ClientRoute:
    """The way to the members' client ports."""
    settings = Settings(kubeconfig=target.kubeconfig, context=target.context)
    return client_route(settings, kube)


async def list_ensembles(kube: Kube, namespace: str | None) -> list[Object]:
    """Read all ensembles of a namespace (None: of all), by name."""
    found = await kube.list(_ENSEMBLE, namespace)
    return sorted(found, key=lambda b: (b["metadata"]["namespace"], b["metadata"]["name"]))


async def find_ensemble(kube: Kube, namespace: str, name: str) -> Object:
    """Read the ensemble of a name; without one, the only one of the namespace.

    Raises:
        Failure: there is none, or several could be meant; the message lists those that exist.
    """
    if name:
        body = await kube.get(_ENSEMBLE, namespace, name)
        if body is not None:
            return body
    known = await list_ensembles(kube, namespace)
    if not name and len(known) == 1:
        return known[0]
    listed = ", ".join(str(body["metadata"]["name"]) for body in known)
    if not name and known:
        raise Failure(f"namespace {namespace} has several ensembles, name one of them: {listed}")
    missing = f"there is no ensemble {name}" if name else "there is no ensemble"
    if listed:
        raise Failure(f"{missing} in namespace {namespace}; there are: {listed}")
    elsewhere = await _elsewhere(kube)
    raise Failure(
        f"{missing} in namespace {namespace}"
        + (f"; elsewhere there are: {elsewhere}" if elsewhere else "")
    )


async def _elsewhere(kube: Kube) -> str:
    try:
        found = await list_ensembles(kube, None)
    except KubeError:  # many users may not list all namespaces
        return ""
    return ", ".join(f"{b['metadata']['namespace']}/{b['metadata']['name']}" for b in found[:10])


class Reader:
    """Observes ensembles again and again, as the operator does."""

    def __init__(self, kube: Kube, zookeeper: ZooKeeper) -> None:
        self._kube = kube
        self._zookeeper = zookeeper
        self._inspectors: dict[Settings, Inspector] = {}

    async def reading(self, body: Object) -> Reading:
        """Observe an ensemble for its status; never worse than what the operator wrote last.

        Raises:
            KubeError: the API server could not be asked.
        """
        written = body.get("status") or {}
        try:
            observed = await self.observe(body)
        except KubeError as error:
            if error.status != _FORBIDDEN:
                raise
            return Reading(body, written, None, explain(error))
        except pydantic.ValidationError:
            return Reading(
                body, written, None, "its spec cannot be read by this version of kubectl zk"
            )
        except ManagedElsewhereError as error:
            return Reading(body, written, None, f"operator {error.manager} manages it")
        if observed is None:
            raise Failure(f"ensemble {body['metadata']['name']} has just been deleted")
        unasked = why_unasked(observed)
        if unasked:
            return Reading(body, written, None, unasked)
        return Reading(body, build_status(build_plan(observed), restarted={}), observed)

    async def observe(self, body: Object, edited: Object | None = None) -> Observed | None:
        """Observe an ensemble as its operator does; as if an edit had been made, if given.

        Raises:
            KubeError: the API server could not be asked, or a right is missing.
            pydantic.ValidationError: the spec cannot be read.
            ManagedElsewhereError: the operator that manages it has changed meanwhile, or has no such name.
        """
        metadata = body["metadata"]
        key = Key(names.KIND, metadata["namespace"], metadata["name"])
        settings = operator_settings(body, await self._policy(body))
        if edited is not None:
            edited_kube = EditedKube(self._kube, edited)
            return await Inspector(edited_kube, self._zookeeper, settings).observe(key)
        inspector = self._inspectors.setdefault(
            settings, Inspector(self._kube, self._zookeeper, settings)
        )
        return await inspector.observe(key)

    async def _policy(self, body: Object) -> Object | None:
        metadata = body["metadata"]
        resource = RESOURCES["NetworkPolicy"]
        return await self._kube.get(resource, metadata["namespace"], metadata["name"])


def operator_settings(body: Object, policy: Object | None) -> Settings:
    """The settings of the operator that change what it builds, read from what it has built."""
    # What the operator was installed to allow shows in nothing it has built; so no
    # refusal is shown that the operator may not share.
    # It knows its own image, which founds an ensemble from a backup; here any name stands for it.
    found: dict[str, Any] = {"allow_privileged": tuple(PRIVILEGES), "image": "zookeeper-operator"}
    connection = str((body.get("status") or {}).get("connectionString") or "")
    domain = connection.partition(",")[0].partition(":")[0].partition(".svc.")[2]
    if domain:
        found["cluster_domain"] = domain
    manager = manager_of(body).partition("/")
    if all(manager):
        found["namespace"], _, found["lease_name"] = manager
        return Settings.model_validate(found)
    for rule in ((policy or {}).get("spec") or {}).get("ingress") or []:
        for peer in rule.get("from") or []:
            labels = (peer.get("namespaceSelector") or {}).get("matchLabels") or {}
            namespace = labels.get("kubernetes.io/metadata.name")
            if namespace:
                found["namespace"] = namespace
    return Settings.model_validate(found)


def why_unasked(observed: Observed) -> str:
    """Why something that there must be an answer to was not answered here; empty if all was.

    Members that are down have no answer to give; those that are ready, or say that they serve, do.
    """
    source = observed.source
    told = () if source is None else tuple(source.answers.values())
    if told and not any(answer.reachable for answer in told):
        return "no member of the source can be asked from here"
    answers = tuple(observed.answers.values())
    if any(answer.serving for answer in answers):
        return "" if observed.committed is not None else observed.unreadable
    if any(answer.reachable for answer in answers) or not any(p.ready for p in observed.pods):
        return ""
    said = next((answer.problem for answer in answers if answer.problem), None)
    return f"no member can be asked from here ({said or 'no answer'})"
