"""Moments as the Kubernetes API writes them."""

from datetime import UTC, datetime


def format_time(moment: datetime) -> str:
    """A `metav1.Time`: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(moment: datetime) -> str:
    """A `metav1.MicroTime`, as Leases have it: UTC, microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str | None) -> datetime | None:
    """The moment of a `metav1.Time` or `metav1.MicroTime`; None if there is none."""
    return datetime.fromisoformat(text) if text else None
