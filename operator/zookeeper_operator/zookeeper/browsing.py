"""Reads single znodes as any client may: by a session that changes nothing and sets no watch.

Nothing is read that is not asked for: of the children of a znode, the names, and a page of their stats.
Everything here blocks: call it in a thread.
"""

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias, TypeVar

from kazoo.exceptions import BadArgumentsError, NoAuthError, NoNodeError

from zookeeper_operator.zookeeper.session import FAILURES, Session
from zookeeper_operator.zookeeper.znodes import ZnodeError

_SECONDS: Final = 10.0
_UNDER_WAY: Final = 64
_T = TypeVar("_T")

Unread: TypeAlias = Literal["hidden", "missing"]
"""Why there is no stat: it may not be read without authentication, or the znode does not exist any more."""


class MissingZnodeError(ZnodeError):
    """There is no such znode (any more)."""


class HiddenZnodeError(ZnodeError):
    """The znode may not be read without authentication."""


class SessionEndedError(ZnodeError):
    """The session broke off; another one may work."""


@dataclass(frozen=True)
class Stat:
    """What ZooKeeper keeps of a znode besides its data; times are milliseconds since 1970."""

    czxid: int
    mzxid: int
    pzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    ephemeral_owner: int
    data_length: int
    children: int


@dataclass(frozen=True)
class Grant:
    """One entry of an ACL."""

    scheme: str
    id: str
    permissions: str


@dataclass(frozen=True)
class Content:
    """One znode: its data, its stat and its ACL, None where that may not be read."""

    data: bytes
    stat: Stat
    acl: tuple[Grant, ...] | None


def list_children(session: Session, path: str) -> tuple[str, ...]:
    """The names of the children, in order.

    Raises:
        ZnodeError: they cannot be read; the message says why.
    """
    return tuple(sorted(_call(path, lambda: session.get_children(path))))


def read_stats(session: Session, paths: Sequence[str]) -> list[Stat | Unread]:
    """The stat of each path, many at once, or why there is none.

    Raises:
        SessionEndedError: the session broke off.
    """
    found: list[Stat | Unread] = []
    for start in range(0, len(paths), _UNDER_WAY):
        under_way = [session.exists_async(path) for path in paths[start : start + _UNDER_WAY]]
        for path, result in zip(paths[start:], under_way, strict=False):
            try:
                stat = _call(path, partial(result.get, timeout=_SECONDS))
            except HiddenZnodeError:  # servers since 3.9 ask for the right to read
                found.append("hidden")
            else:
                found.append("missing" if stat is None else _stat(stat))
    return found


def read_content(session: Session, path: str) -> Content:
    """One znode.

    Raises:
        ZnodeError: it cannot be read; the message says why.
    """
    data, stat = _call(path, lambda: session.get(path))
    try:
        acl, _ = _call(path, lambda: session.get_acls(path))
    except HiddenZnodeError:
        return Content(data or b"", _stat(stat), None)
    return Content(data or b"", _stat(stat), tuple(_grant(entry) for entry in acl))


def child_path(path: str, name: str) -> str:
    """The path of a child."""
    return posixpath.join(path, name)


def _call(path: str, ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except NoNodeError:
        raise MissingZnodeError(f"there is no znode {path}") from None
    except NoAuthError:
        raise HiddenZnodeError(f"{path} may not be read without authentication") from None
    except BadArgumentsError:
        raise ZnodeError(f"{path} is not a path of a znode") from None
    except FAILURES as error:
        raise SessionEndedError(f"the session broke off: {type(error).__name__}") from error
    except ValueError as error:
        raise ZnodeError(f"{path} is not a path of a znode: {error}") from error


def _stat(stat: Any) -> Stat:
    return Stat(
        stat.czxid,
        stat.mzxid,
        stat.pzxid,
        stat.ctime,
        stat.mtime,
        stat.version,
        stat.cversion,
        stat.aversion,
        stat.ephemeralOwner,
        stat.dataLength,
        stat.numChildren,
    )


def _grant(entry: Any) -> Grant:
    letters = zip((1, 2, 4, 8, 16), ("read", "write", "create", "delete", "admin"), strict=True)
    given = [word for bit, word in letters if entry.perms & bit]
    # A scheme such as `digest` keeps the hash of a password in the id.
    name = str(entry.id.id)
    if entry.id.scheme == "digest":
        name = name.partition(":")[0]
    return Grant(str(entry.id.scheme), name, " ".join(given))
