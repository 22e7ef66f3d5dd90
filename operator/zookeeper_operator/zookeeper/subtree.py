"""Writes znodes of a backup back into a living ensemble, as far as they differ, while clients go on.

Safety:

* a znode is changed only if it is still what it was compared with: every write names its version;
* what is written together is written in one `multi`, of a hundred znodes at most;
* ephemeral znodes are left alone: neither those of the backup are created nor those of clients changed;
* nothing is deleted unless asked for, and then only what had no other version meanwhile;
* ZooKeeper's own znodes below `/zookeeper` are never touched.

To write the same again changes nothing, so a run that broke off is continued by another one. Everything here
blocks: call it in a thread.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from kazoo.exceptions import (
    BadVersionError,
    InvalidACLError,
    KazooException,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.serialization import Create
from kazoo.security import ACL, Id

from zookeeper_operator.zookeeper.live_tree import LiveZnode, list_paths, read_znodes
from zookeeper_operator.zookeeper.session import FAILURES, Session
from zookeeper_operator.zookeeper.snapshot.records import Acl
from zookeeper_operator.zookeeper.snapshot.selection import Wanted, is_below, is_system

TOGETHER: Final = 100
"""How many znodes are written in one `multi`."""

_BYTES_TOGETHER: Final = 512 << 10  # of a request of 1 MiB at most, the default of jute.maxbuffer
_SECONDS: Final = 30.0
_ATTEMPTS: Final = 5
_SHOWN: Final = 1000


class SubtreeError(Exception):
    """The subtree cannot be written; the message says why, and what was written before stays."""


class Change(StrEnum):
    """What is, or would be, done to a znode."""

    CREATED = "created"
    CHANGED = "changed"
    ACL = "ACL changed"
    DELETED = "deleted"
    SAME = "the same"
    EPHEMERAL = "ephemeral, left alone"
    BUSY = "changed by a client meanwhile, left alone"


@dataclass
class Outcome:
    """What was done, or would be in a dry run: how many, and the first paths of each sort."""

    counts: Counter[Change] = field(default_factory=Counter)
    shown: list[tuple[Change, str]] = field(default_factory=list)

    def note(self, change: Change, path: str) -> None:
        """Count a znode."""
        self.counts[change] += 1
        if change is not Change.SAME and len(self.shown) < _SHOWN:
            self.shown.append((change, path))

    @property
    def differences(self) -> int:
        """How many znodes were or would be written or deleted."""
        written = (Change.CREATED, Change.CHANGED, Change.ACL, Change.DELETED)
        return sum(self.counts[change] for change in written)


OnProgress: TypeAlias = Callable[[int], None]
"""Called with how many znodes of the backup have just been compared."""


def restore_subtree(
    session: Session,
    wanted: Iterable[Wanted],
    *,
    top: str,
    dry_run: bool,
    prune: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> Outcome:
    """Bring the ensemble's znodes in line with those that are wanted, which come parents first.

    Args:
        session: one as the super user, since ACLs are written too.
        wanted: the znodes; ancestors of `top` among them are created only where they are missing.
        top: the top of the subtree; with `prune`, what is below it and not wanted is deleted.
        dry_run: only compare, and count.
        prune: whether to delete.
        on_progress: called as it goes on.

    Raises:
        SubtreeError: the ensemble refuses it, or the session broke off.
    """
    writer = _Writer(session, top=top, dry_run=dry_run)
    known: set[str] = set()
    try:
        for page in _pages(wanted):
            writer.write(page)
            known.update(znode.path for znode in page)
            on_progress(len(page))
        if prune:
            writer.prune(known)
    except InvalidACLError as error:
        raise SubtreeError(
            "an ACL of the backup is of a scheme that the members do not know; add its provider to "
            "spec.config, or restore a smaller subtree"
        ) from error
    except FAILURES as error:
        raise SubtreeError(
            f"the session broke off after {writer.outcome.differences} writes "
            f"({type(error).__name__}); run the same command again, it continues with what differs"
        ) from error
    return writer.outcome


def _pages(wanted: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """What is compared and written together."""
    page: list[Wanted] = []
    size = 0
    for znode in wanted:
        length = len(znode.data or b"") + len(znode.path)
        if page and (len(page) == TOGETHER or size + length > _BYTES_TOGETHER):
            yield page
            page, size = [], 0
        page.append(znode)
        size += length
    if page:
        yield page


class _Writer:
    """One run."""

    def __init__(self, session: Session, *, top: str, dry_run: bool) -> None:
        self._session = session
        self._top = top
        self._dry_run = dry_run
        self._ephemeral: set[str] = set()
        self.outcome = Outcome()

    def write(self, page: Sequence[Wanted]) -> None:
        """Write what differs of these znodes; what a client writes meanwhile is compared again."""
        for _ in range(_ATTEMPTS):
            found = read_znodes(self._session, [znode.path for znode in page])
            changes = {z.path: self._judge(z, found.get(z.path)) for z in page}
            if self._dry_run or self._commit(page, found, changes):
                break
        else:
            changes = {
                path: change if change in {Change.SAME, Change.EPHEMERAL} else Change.BUSY
                for path, change in changes.items()
            }
        for znode in page:
            self.outcome.note(changes[znode.path], znode.path)

    def _judge(self, znode: Wanted, live: LiveZnode | None) -> Change:
        if any(znode.path.startswith(f"{path}/") for path in self._ephemeral):
            return Change.EPHEMERAL
        if live is None:
            return Change.CREATED
        if live.ephemeral:
            self._ephemeral.add(znode.path)
            return Change.EPHEMERAL
        if not is_below(znode.path, self._top):
            return Change.SAME
        if live.data != znode.data:
            return Change.CHANGED
        return Change.SAME if live.acls == znode.acls else Change.ACL

    def _commit(
        self, page: Sequence[Wanted], found: dict[str, LiveZnode], changes: dict[str, Change]
    ) -> bool:
        """Write the changes; False if a client was faster with one of them, and none was written."""
        transaction = self._session.transaction()
        for znode in page:
            if changes[znode.path] is Change.CREATED:
                # `create` of the transaction takes no null data.
                transaction.operations.append(
                    Create(znode.path, znode.data, [_entry(acl) for acl in znode.acls], 0)
                )
            elif changes[znode.path] is Change.CHANGED:
                transaction.set_data(
                    znode.path, znode.data or b"", version=found[znode.path].version
                )
        if transaction.operations and not _is_committed(transaction):
            return False
        return self._write_acls(page, found, changes)

    def _write_acls(
        self, page: Sequence[Wanted], found: dict[str, LiveZnode], changes: dict[str, Change]
    ) -> bool:
        """Write the ACLs that differ, which no `multi` can."""
        asked = [
            self._session.set_acls_async(
                znode.path,
                [_entry(acl) for acl in znode.acls],
                version=found[znode.path].acl_version,
            )
            for znode in page
            if changes[znode.path] in {Change.CHANGED, Change.ACL}
            and found[znode.path].acls != znode.acls
        ]
        written = True
        for result in asked:
            try:
                result.get(timeout=_SECONDS)
            except (BadVersionError, NoNodeError):
                written = False
        return written

    def prune(self, known: set[str]) -> None:
        """Delete what is below the top and was not wanted, children first."""
        extra = [
            path
            for path in list_paths(self._session, self._top)
            if path not in known and path != self._top and not is_system(path)
        ]
        extra.reverse()
        for start in range(0, len(extra), TOGETHER):
            self._delete(extra[start : start + TOGETHER])

    def _delete(self, paths: Sequence[str]) -> None:
        found = read_znodes(self._session, paths)
        doomed: list[LiveZnode] = []
        for path in paths:
            live = found.get(path)
            if live is None:
                continue
            if live.ephemeral:
                self._ephemeral.add(path)
                self.outcome.note(Change.EPHEMERAL, path)
            elif any(other.startswith(f"{path}/") for other in self._ephemeral):
                self.outcome.note(Change.EPHEMERAL, path)
            else:
                doomed.append(live)
        if not doomed:
            return
        if self._dry_run or self._is_deleted(doomed):
            for live in doomed:
                self.outcome.note(Change.DELETED, live.path)
            return
        for live in doomed:  # one of them is in use; the others go one by one
            gone = self._is_deleted([live])
            self.outcome.note(Change.DELETED if gone else Change.BUSY, live.path)

    def _is_deleted(self, doomed: Sequence[LiveZnode]) -> bool:
        transaction = self._session.transaction()
        for live in doomed:
            transaction.delete(live.path, version=live.version)
        return _is_committed(transaction)


_OVERTAKEN: Final = (
    BadVersionError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    NoChildrenForEphemeralsError,
)


def _is_committed(transaction: Any) -> bool:
    """Commit; False if one of the znodes was no longer what it was.

    Raises:
        KazooException: it was refused for another reason.
    """
    results = transaction.commit_async().get(timeout=_SECONDS)
    failures = [
        found
        for found in results
        if isinstance(found, KazooException)
        and not isinstance(found, RolledBackError | RuntimeInconsistency)
    ]
    if not failures:
        return True
    if isinstance(failures[0], _OVERTAKEN):
        return False
    raise failures[0]


def _entry(acl: Acl) -> Any:
    return ACL(acl.permissions, Id(acl.scheme, acl.id))
