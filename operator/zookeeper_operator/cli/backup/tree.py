"""A backup and a living ensemble as trees of znodes: what they hold, where they differ, what is written back.

Everything but `open_members_session` blocks: call it in a thread.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from zookeeper_operator.cli.backup.source import Opened
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.member import find_plain_port, find_pod
from zookeeper_operator.cli.reading import client_ports
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import read_password
from zookeeper_operator.kube.api import RESOURCES, KubeError
from zookeeper_operator.kube.client import KubeClient
from zookeeper_operator.zookeeper.live_tree import read_contents
from zookeeper_operator.zookeeper.protocol import Address, EnsembleUnreachableError
from zookeeper_operator.zookeeper.session import Deadline, Session, open_session
from zookeeper_operator.zookeeper.snapshot.comparison import Difference, compare
from zookeeper_operator.zookeeper.snapshot.content import Content, contents
from zookeeper_operator.zookeeper.snapshot.reader import SnapshotReader
from zookeeper_operator.zookeeper.snapshot.records import Kind, SnapshotError
from zookeeper_operator.zookeeper.snapshot.selection import Wanted, is_below, is_system, select
from zookeeper_operator.zookeeper.snapshot.verification import Consistency, Verification, verify
from zookeeper_operator.zookeeper.subtree import Outcome, SubtreeError, restore_subtree

_CONNECT_SECONDS: Final = 15.0
_SESSION_SECONDS: Final = 15.0
OnZnodes = Callable[[int], None]
MakeSession = Callable[[], AbstractContextManager[Session]]


def check(backup: Opened) -> Verification:
    """Read a backup whole, before any of it is used.

    Raises:
        Failure: it is no snapshot, it is damaged, or it is no image of one moment.
    """
    try:
        with backup.file.open("rb") as stream:
            found = verify(stream.read)
    except SnapshotError as error:
        raise Failure(f"{backup.name} cannot be read: {error}") from error
    if found.consistency is Consistency.TORN:
        raise Failure(
            f"{backup.name} is no image of one moment ({found.reason}); use another backup"
        )
    return found


def count(backup: Opened, top: str) -> tuple[int, int]:
    """How many znodes of a subtree a backup has, and how many of them are containers or have a TTL.

    Raises:
        Failure: it has none.
    """
    total = special = 0
    for znode in _selected(backup, top):
        if is_below(znode.path, top):
            total += 1
            special += znode.kind in {Kind.CONTAINER, Kind.TTL}
    if not total:
        raise Failure(f"there is no znode {top} in {backup.name}")
    return total, special


def write_back(
    backup: Opened,
    top: str,
    make_session: MakeSession,
    *,
    dry_run: bool,
    prune: bool,
    on_znodes: OnZnodes,
) -> Outcome:
    """Write a subtree of a backup into the ensemble.

    Raises:
        Failure: the ensemble cannot be reached, or refuses it.
    """
    try:
        with make_session() as session:
            return restore_subtree(
                session,
                _selected(backup, top),
                top=top,
                dry_run=dry_run,
                prune=prune,
                on_progress=on_znodes,
            )
    except (SubtreeError, EnsembleUnreachableError) as error:
        raise Failure(str(error)) from error


def read_living(make_session: MakeSession, top: str, on_znodes: OnZnodes) -> list[Content]:
    """What a living ensemble holds below a path.

    Raises:
        Failure: it cannot be reached.
    """
    try:
        with make_session() as session:
            return list(read_contents(session, top, on_znodes))
    except EnsembleUnreachableError as error:
        raise Failure(str(error)) from error


@dataclass(frozen=True)
class Side:
    """One of two trees that are compared: a backup, or what was read of a living ensemble."""

    backup: Opened | None = None
    living: tuple[Content, ...] = ()

    def read(self, top: str) -> Iterator[Content]:
        """Iterate over the content of a subtree."""
        if self.backup is None:
            yield from self.living
            return
        with self.backup.file.open("rb") as stream:
            for content in contents(SnapshotReader(stream.read)):
                if is_below(content.path, top) and not is_system(content.path):
                    yield content


def differences(left: Side, right: Side, top: str) -> Iterator[Difference]:
    """Where two trees differ. A client cannot see kinds, so they count only between two backups."""
    kinds = left.backup is not None and right.backup is not None
    return compare(partial(left.read, top), partial(right.read, top), kinds=kinds)


@asynccontextmanager
async def open_members_session(
    target: KubeContext, kube: KubeClient, ensemble: str, *, needs_password: bool
) -> AsyncIterator[MakeSession]:
    """The way to a session of the super user with one member, for as long as the context lasts.

    Raises:
        Failure: there is no member to talk to, or the password may not be read.
    """
    pod = await find_pod(kube, target.namespace, ensemble, None)
    name = pod.name.removesuffix(f"-{pod.id}").removesuffix(f"-{names.OBSERVER}")
    password = await _password(kube, target.namespace, name, needed=needs_password)
    port = await find_plain_port(kube, target.namespace, pod)
    address = Address(pod.id, target.namespace, pod.name, pod.ip)
    async with client_ports(target, kube).open([address], port) as hosts:

        def make() -> AbstractContextManager[Session]:
            return open_session(
                hosts,
                Deadline(_CONNECT_SECONDS),
                password=password,
                session_seconds=_SESSION_SECONDS,
            )

        yield make


async def _password(kube: KubeClient, namespace: str, ensemble: str, *, needed: bool) -> str:
    name = names.auth_name(ensemble)
    try:
        secret = await kube.get(RESOURCES["Secret"], namespace, name)
    except KubeError as error:
        if needed or error.status != HTTPStatus.FORBIDDEN:
            raise
        return ""
    if secret is None:
        if needed:
            raise Failure(f"there is no Secret {name} with the password of the super user")
        return ""
    return read_password(secret)


def _selected(backup: Opened, top: str) -> Iterator[Wanted]:
    with backup.file.open("rb") as stream:
        yield from select(SnapshotReader(stream.read), top)
