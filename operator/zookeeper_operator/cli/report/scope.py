"""What belongs into a report: which kinds, which answers, which Events, which containers. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from zookeeper_operator.cli.events import happened_at
from zookeeper_operator.cli.times import parse_time
from zookeeper_operator.ensemble.children import CHILD_KINDS
from zookeeper_operator.kube.api import Object, Resource

COMMANDS: Final = (
    *("leader", "monitor", "server_stats", "configuration", "voting_view", "observers", "dirs"),
    *("last_snapshot", "hash", "watch_summary", "is_read_only", "connections"),
)
"""What each member is asked, the first one first.

Left out on purpose: `system_properties` and `environment` (they show passwords and the digest of the super
user), `dump`, `watches` (they can take a busy member seconds), `zabstate` (it can hang), and all that changes
something.
"""

LISTED: Final = (
    *(kind.resource for kind in CHILD_KINDS if kind.listed),
    Resource("apps/v1", "ControllerRevision", "controllerrevisions"),
)
"""The kinds that are listed by the label of the ensemble. Secrets are never among them."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def in_order(objects: Iterable[Object]) -> list[Object]:
    """Sort objects of one kind by namespace and name."""
    return sorted(
        objects, key=lambda o: (o["metadata"].get("namespace", ""), o["metadata"]["name"])
    )


def about_ensemble(
    events: Iterable[Object], body: Object, objects: Sequence[Object]
) -> list[Object]:
    """Pick the Events about an ensemble, its objects and its pods of the past, oldest first."""
    name = body["metadata"]["name"]
    uids = {o["metadata"].get("uid") for o in (body, *objects)}
    found = [
        event
        for event in events
        if (about := event.get("involvedObject") or {}).get("uid") in uids
        or str(about.get("name", "")) == name
        or f"-{about.get('name', '')}-".find(f"-{name}-") >= 0
    ]
    return sorted(found, key=lambda e: parse_time(happened_at(e)) or _LONG_AGO)


def containers_of(pod: Object) -> Iterator[tuple[str, bool]]:
    """Every container of a pod that may have a log, and whether one before it has ended."""
    status = pod.get("status") or {}
    for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(key) or []:
            yield str(container.get("name", "")), int(container.get("restartCount") or 0) > 0
