"""Reads a tree of znodes as any client may: by a session that changes nothing and sets no watch."""

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kazoo.exceptions import NoAuthError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from zookeeper_operator.zookeeper.jaas import Login
from zookeeper_operator.zookeeper.protocol import EnsembleUnreachableError, LoginRefusedError
from zookeeper_operator.zookeeper.session import FAILURES, Deadline, Session, open_session

_SECONDS: Final = 10.0
_UNDER_WAY: Final = 64


class ZnodeError(Exception):
    """The tree cannot be read; the message says why."""


@dataclass(frozen=True)
class Znode:
    """One znode. `count` is how many children it has; `children` holds those that were read.

    `hidden` means that its children may not be read, and then its size is not known either.
    """

    path: str
    size: int = 0
    count: int = 0
    ephemeral: bool = False
    hidden: bool = False
    children: tuple["Znode", ...] = ()


@dataclass(frozen=True)
class _Answer:
    names: tuple[str, ...] = ()
    size: int = 0
    ephemeral: bool = False
    hidden: bool = False


_Ask = Callable[[Sequence[str]], Sequence[_Answer | None]]


def read_tree(
    address: str, path: str, *, depth: int, limit: int, login: Login | None = None
) -> Znode:
    """Read a znode and what is below it; blocks, for seconds if the member does not answer.

    Args:
        address: `host:port` of a member.
        path: The znode to begin with.
        depth: How many levels below it are read.
        limit: How many znodes are read in all; nearer ones come first.
        login: The user to log in as; None: an anonymous session.

    Raises:
        ZnodeError: the member cannot be reached, or there is no such znode.
    """
    try:
        with open_session(
            [address], Deadline(_SECONDS), session_seconds=_SECONDS, login=login
        ) as session:
            found = _walk(lambda paths: _ask(session, paths), path, depth=depth, limit=limit)
    except LoginRefusedError as error:
        raise ZnodeError(str(error)) from error
    except (EnsembleUnreachableError, KazooTimeoutError) as error:
        raise ZnodeError("it accepts no client session") from error
    except FAILURES as error:
        raise ZnodeError(f"it breaks off the session: {type(error).__name__}") from error
    if path not in found:
        raise ZnodeError(f"there is no znode {path}")
    return _grow(path, found)


def _ask(session: Session, paths: Sequence[str]) -> Sequence[_Answer | None]:
    """Read each path, many at once; None for what does not exist (any more)."""
    answers: list[_Answer | None] = []
    for start in range(0, len(paths), _UNDER_WAY):
        under_way = [
            session.get_children_async(path, include_data=True)
            for path in paths[start : start + _UNDER_WAY]
        ]
        for result in under_way:
            try:
                names, stat = result.get(timeout=_SECONDS)
            except NoNodeError:
                answers.append(None)
            except NoAuthError:
                answers.append(_Answer(hidden=True))
            else:
                ephemeral = stat.ephemeralOwner != 0
                answers.append(_Answer(tuple(sorted(names)), stat.dataLength, ephemeral))
    return answers


def _walk(ask: _Ask, path: str, *, depth: int, limit: int) -> dict[str, _Answer]:
    """Read level by level, until there are no more levels, or enough znodes."""
    found: dict[str, _Answer] = {}
    level = [path]
    for _ in range(depth + 1):
        level = level[: limit - len(found)]
        answers = zip(level, ask(level), strict=True)
        here = {where: answer for where, answer in answers if answer is not None}
        found |= here
        level = [posixpath.join(where, name) for where, a in here.items() for name in a.names]
    return found


def _grow(path: str, found: dict[str, _Answer]) -> Znode:
    answer = found[path]
    below = (posixpath.join(path, name) for name in answer.names)
    children = tuple(_grow(child, found) for child in below if child in found)
    return Znode(path, answer.size, len(answer.names), answer.ephemeral, answer.hidden, children)
