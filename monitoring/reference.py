"""The page `docs/reference/metrics.md`: every metric of the operator, and every alert."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from monitoring.alerts import Alert, all_alerts

from zookeeper_operator.backup import series as backup_series
from zookeeper_operator.control.metrics import CATALOGUE
from zookeeper_operator.control.series import Entry
from zookeeper_operator.ensemble import series

ENTRIES: Final[tuple[Entry, ...]] = (
    *CATALOGUE,
    *series.COUNTED,
    *series.REPORTED,
    *backup_series.COUNTED,
    *backup_series.REPORTED,
)
"""Every metric of the operator."""

_PAGE: Final = Path(__file__).parent / "metrics-page.md"
"""What a person writes of the page; the tables take the places of two comments."""


def render() -> str:
    """Return the page."""
    metrics = _table(("Metric", "Type", "Labels", "Meaning"), map(_metric_row, ENTRIES))
    alerts = _table(("Alert", "Severity", "After", "Meaning"), map(_alert_row, all_alerts()))
    page = _PAGE.read_text(encoding="utf-8")
    for place, table in (("metrics", metrics), ("alerts", alerts)):
        page = page.replace(f"<!-- {place} -->\n", table)
    return page


def _metric_row(entry: Entry) -> tuple[str, ...]:
    return f"`{entry.name}`", entry.type, ", ".join(f"`{x}`" for x in entry.labels), entry.help


def _alert_row(alert: Alert) -> tuple[str, ...]:
    page = "README.md" if alert.runbook.startswith("{{") else alert.runbook
    link = f"[{alert.name}](../runbooks/{page})"
    return link, alert.severity, alert.lasting or "at once", alert.description


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(_lines(head, rows))


def _lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |\n"
