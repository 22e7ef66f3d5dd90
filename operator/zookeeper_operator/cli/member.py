"""The one member that a session is opened with: which it is, and the way to its client port."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.reading import client_ports, find_ensemble
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import LOGIN_PASSWORD_KEY, read_password
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.ensemble.observe import utc_now
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.ensemble.pods import read_pod
from zookeeper_operator.ensemble.security.phase import read_phase
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Resource
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.zookeeper.jaas import Login
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.servers import OPEN_CLIENT
from zookeeper_operator.zookeeper.znodes import Znode, ZnodeError, read_tree

_REVIEW: Final = Resource(
    "authorization.k8s.io/v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    namespaced=False,
)


async def find_pod(kube: Kube, namespace: str, name: str, member: int | None) -> Pod:
    """Find the pod to talk to of an ensemble.

    Raises:
        Failure: there is no such ensemble, or no such pod.
    """
    body = await find_ensemble(kube, namespace, name)
    ensemble = body["metadata"]["name"]
    pods = await list_pods(kube, namespace, ensemble)
    leader_id = ((body.get("status") or {}).get("leader") or {}).get("id")
    return choose_pod(ensemble, pods, member=member, leader_id=leader_id)


async def list_pods(kube: Kube, namespace: str, ensemble: str) -> list[Pod]:
    """Read the pods of the members of an ensemble, by id."""
    labels = f"{names.LABEL_ENSEMBLE}={ensemble}"
    found = await kube.list(RESOURCES["Pod"], namespace, labels=labels)
    now = utc_now()
    pods = (read_pod(body, ensemble=ensemble, now=now) for body in found)
    return sorted(filter(None, pods), key=lambda pod: pod.id)


def choose_pod(
    ensemble: str, pods: Sequence[Pod], *, member: int | None, leader_id: int | None
) -> Pod:
    """Choose the pod to talk to: the member asked for, else the leader, else the first ready one.

    Raises:
        Failure: it is not there, or none is ready; the message says what there is.
    """
    ready = sorted((p for p in pods if p.ready and not p.terminating), key=lambda p: p.id)
    listed = ", ".join(str(p.id) for p in ready) or "none"
    if member is not None:
        # A member that is not ready is often the one that must be examined.
        chosen = next((p for p in pods if p.id == member and not p.terminating), None)
        if chosen is None:
            raise Failure(f"{ensemble} has no running member {member}; ready are: {listed}")
        return chosen
    if not ready:
        raise Failure(f"no member of {ensemble} is ready")
    return next((p for p in ready if p.id == leader_id), ready[0])


async def read_znodes(
    kube: KubeClient, target: KubeContext, pod: Pod, path: str, *, depth: int, limit: int
) -> Znode:
    """Read a tree of znodes from a member, by the way that leads to it from here.

    Raises:
        Failure: the member cannot be reached, or there is no such znode.
    """
    route = client_ports(target, kube)
    address = Address(pod.id, target.namespace, pod.name, pod.ip)
    port = await find_plain_port(kube, target.namespace, pod)
    login = await find_login(kube, target.namespace, pod)
    async with route.open([address], port) as (host,):
        try:
            return await asyncio.to_thread(
                read_tree, host, path, depth=depth, limit=limit, login=login
            )
        except ZnodeError as error:
            if target.kubeconfig and not await _may_forward(kube, target.namespace):
                raise Failure(
                    "a right is missing: to create pods/portforward in namespace "
                    f"{target.namespace}, which leads to the members from here"
                ) from error
            raise Failure(f"{pod.name}: {error}") from error


async def find_plain_port(kube: Kube, namespace: str, pod: Pod) -> int:
    """Where the member takes a session without TLS: elsewhere once it is closed to clients without."""
    name = names.membership_name(_ensemble_of(pod))
    try:
        published = await kube.get(RESOURCES["ConfigMap"], namespace, name)
        servers = () if published is None else read_membership(published).servers
    except KubeError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        servers = ()  # a user who may not read it can still use the usual port
    except (KeyError, ValueError):
        servers = ()
    client = next((s.client for s in servers if s.id == pod.id), OPEN_CLIENT)
    return int(client.rpartition(":")[2])


async def find_login(kube: Kube, namespace: str, pod: Pod) -> Login | None:
    """The user to log in as: the operator's, where the member serves no session without; else None.

    It has no rights of its own: it reads what every client may.

    Raises:
        Failure: the Secret with its password may not be read, or holds none.
    """
    phase = read_phase(pod.template)
    if phase is None or not phase.requires_authentication:
        return None
    name = names.auth_name(_ensemble_of(pod))
    try:
        secret = await kube.get(RESOURCES["Secret"], namespace, name)
    except KubeError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise Failure(
            f"{pod.name} serves no client that has not authenticated, and a right is missing: to get Secret "
            f"{name} in namespace {namespace}"
        ) from error
    password = "" if secret is None else read_password(secret, LOGIN_PASSWORD_KEY)
    if not password:
        raise Failure(
            f"{pod.name} serves no client that has not authenticated, and Secret {name} holds no user"
        )
    return Login(names.LOGIN_USER, password)


def _ensemble_of(pod: Pod) -> str:
    name = pod.name.removesuffix(f"-{pod.id}")
    return name.removesuffix(f"-{names.OBSERVER}") if pod.component == names.OBSERVER else name


async def _may_forward(kube: Kube, namespace: str) -> bool:
    """Ask whether ports may be forwarded: a refused port says nothing about its reason."""
    asked = {
        "namespace": namespace,
        "verb": "create",
        "resource": "pods",
        "subresource": "portforward",
    }
    review = {
        "apiVersion": _REVIEW.api_version,
        "kind": _REVIEW.kind,
        "metadata": {},
        "spec": {"resourceAttributes": asked},
    }
    answer = await kube.create(_REVIEW, review)
    return bool(answer["status"]["allowed"])
