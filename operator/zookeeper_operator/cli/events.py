"""The Events of an ensemble, as a person reads them: oldest first, with their ages."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zookeeper_operator.cli.times import age_of, parse_time
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def events_of(events: Iterable[Object], name: str) -> list[Object]:
    """Pick the Events about one ensemble, oldest first."""
    ours = [e for e in events if _is_about(e.get("involvedObject") or {}, name)]
    return sorted(ours, key=lambda e: (parse_time(happened_at(e)) or _LONG_AGO, _order(e)))


def _is_about(involved: Mapping[str, Any], name: str) -> bool:
    return involved.get("kind") == names.KIND and involved.get("name") == name


def _order(event: Object) -> int:
    """The order of Events of the same second: that in which they were stored."""
    version = str(event["metadata"].get("resourceVersion", ""))
    return int(version) if version.isdigit() else 0


def happened_at(event: Object) -> str:
    """When an Event happened last."""
    series = event.get("series") or {}
    metadata = event["metadata"]
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event.get("firstTimestamp")
        or metadata.get("creationTimestamp")
        or ""
    )


def count_of(event: Object) -> int:
    """How often it happened."""
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def render_events(events: Sequence[Object], now: datetime) -> RenderableType:
    """Return the Events as a table, one line each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("AGO", justify="right", no_wrap=True)
    table.add_column("TYPE", no_wrap=True)
    table.add_column("REASON", no_wrap=True)
    table.add_column("MESSAGE", overflow="fold")
    for event in events:
        count = count_of(event)
        again = f" ({count} times)" if count > 1 else ""
        warns = event.get("type") == "Warning"
        table.add_row(
            age_of(happened_at(event), now),
            Text(str(event.get("type", "")), style="yellow" if warns else ""),
            Text(str(event.get("reason", ""))),
            Text(" ".join(str(event.get("message", "")).split()) + again),
        )
    return table


def events_as_values(events: Iterable[Object]) -> list[dict[str, Any]]:
    """Return the Events as plain values for `-o json`."""
    return [
        {
            "time": happened_at(event),
            "type": event.get("type", ""),
            "reason": event.get("reason", ""),
            "message": event.get("message", ""),
            "count": count_of(event),
        }
        for event in events
    ]
