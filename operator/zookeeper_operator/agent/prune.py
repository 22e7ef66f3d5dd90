"""`prune`: removes backups that are named, and those that a retention does not keep."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from zookeeper_operator.agent.mounted import Mounted, prefix_of
from zookeeper_operator.agent.result import MOST_REMOVED, PruneResult
from zookeeper_operator.agent.task import PruneTask, Source
from zookeeper_operator.archive import layout
from zookeeper_operator.archive.catalog import read_catalog, remove, remove_abandoned
from zookeeper_operator.archive.errors import ArchiveError, Reason
from zookeeper_operator.archive.retention import RetentionRule, superseded
from zookeeper_operator.archive.stores import Store

_LOG: Final = logging.getLogger(__name__)


def prune(mounted: Mounted, now: Callable[[], datetime]) -> PruneResult:
    """Remove backups.

    Raises:
        ArchiveError: not all that should be are removed.
    """
    task = mounted.task(PruneTask)
    store = mounted.store(task.storage)
    place = place_of(task.source, prefix_of(task.storage))
    for path in task.paths:
        _check(path, place)
    removed = []
    for path in task.paths:
        remove(store, path)
        _LOG.info("removed %s", store.location(path))
        removed.append(PurePosixPath(path).name)
    removed += apply_retention(store, place, schedule=task.schedule, rule=task.retention, now=now())
    return PruneResult(removed=tuple(removed[:MOST_REMOVED]), removed_count=len(removed))


def place_of(source: Source, prefix: str) -> layout.Place:
    """Return the directory of the backups of an ensemble."""
    return layout.Place(prefix, source.namespace, source.ensemble, source.identity)


def apply_retention(
    store: Store,
    place: layout.Place,
    *,
    schedule: str | None,
    rule: RetentionRule | None,
    now: datetime,
    kept: Collection[str] = (),
) -> tuple[str, ...]:
    """Remove what a schedule does not keep, and what was left half done; return the names of the former.

    Backups of other schedules and of no schedule stay, and so do those whose manifest cannot be read.

    Raises:
        ArchiveError: the store does not answer, or refuses it.
    """
    catalog = read_catalog(store, place)
    for unreadable in catalog.unreadable:
        _LOG.warning("%s; it is left alone", unreadable.why)
    if abandoned := remove_abandoned(store, catalog, now):
        _LOG.info("removed what %d agents had left half done", abandoned)
    if rule is None or schedule is None:
        return ()
    ours = [backup for backup in catalog.backups if backup.manifest.schedule == schedule]
    names = []
    for backup in superseded(ours, rule, now, kept=kept):
        remove(store, backup.path)
        _LOG.info("removed %s, which the retention does not keep", store.location(backup.path))
        names.append(PurePosixPath(backup.path).name)
    return tuple(names)


def _check(path: str, place: layout.Place) -> None:
    """Refuse what is no backup of this ensemble."""
    directory = PurePosixPath(layout.join(path))
    if str(directory.parent) != place.path or layout.parse_directory_name(directory.name) is None:
        raise ArchiveError(
            Reason.INVALID_TASK,
            f"{path} is no backup of this ensemble: those are in {place.path}; nothing was removed",
        )
