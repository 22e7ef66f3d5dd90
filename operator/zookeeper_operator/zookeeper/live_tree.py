"""Reads whole znodes of a living ensemble, many at once: data, stat and ACL.

Everything here blocks: call it in a thread. Other clients may write meanwhile; a znode is what it was when it
was read.
"""

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kazoo.exceptions import NoNodeError

from zookeeper_operator.zookeeper.session import Session
from zookeeper_operator.zookeeper.snapshot.content import Content, content_of, is_content
from zookeeper_operator.zookeeper.snapshot.records import Acl
from zookeeper_operator.zookeeper.snapshot.selection import is_system

_UNDER_WAY: Final = 100
_SECONDS: Final = 30.0


@dataclass(frozen=True)
class LiveZnode:
    """One znode as it was read; its versions are what a write that depends on it must name."""

    path: str
    data: bytes | None
    acls: tuple[Acl, ...]
    version: int
    acl_version: int
    children: int
    ephemeral: bool


def read_znodes(session: Session, paths: Sequence[str]) -> dict[str, LiveZnode]:
    """Read these znodes; those that do not exist are missing from the result."""
    asked = [(path, session.get_async(path), session.get_acls_async(path)) for path in paths]
    found: dict[str, LiveZnode] = {}
    for path, content, access in asked:
        try:
            data, stat = content.get(timeout=_SECONDS)
            entries, _ = access.get(timeout=_SECONDS)
        except NoNodeError:
            continue
        found[path] = LiveZnode(
            path,
            data,
            tuple(_acl(entry) for entry in entries),
            stat.version,
            stat.aversion,
            stat.numChildren,
            stat.ephemeralOwner != 0,
        )
    return found


def list_paths(session: Session, top: str) -> Iterator[str]:
    """Iterate over a znode and all below it, parents first, without ZooKeeper's own."""
    level = [top]
    while level:
        below: list[str] = []
        for start in range(0, len(level), _UNDER_WAY):
            page = level[start : start + _UNDER_WAY]
            for path, result in [(p, session.get_children_async(p)) for p in page]:
                try:
                    names = result.get(timeout=_SECONDS)
                except NoNodeError:
                    continue
                yield path
                children = (posixpath.join(path, name) for name in sorted(names))
                below += [child for child in children if not is_system(child)]
        level = below


def read_contents(
    session: Session, top: str, on_read: Callable[[int], None] = lambda _: None
) -> Iterator[Content]:
    """Iterate over the content of a subtree, as it is compared: without ephemeral znodes."""
    page: list[str] = []
    for path in list_paths(session, top):
        page.append(path)
        if len(page) == _UNDER_WAY:
            yield from _contents(session, page)
            on_read(len(page))
            page = []
    yield from _contents(session, page)
    on_read(len(page))


def _contents(session: Session, paths: Sequence[str]) -> Iterator[Content]:
    for znode in read_znodes(session, paths).values():
        if not znode.ephemeral and is_content(znode.path):
            yield content_of(znode.path, znode.data, znode.acls, None)


def _acl(entry: Any) -> Acl:
    return Acl(entry.perms, str(entry.id.scheme), str(entry.id.id))
