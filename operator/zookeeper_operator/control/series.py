"""Metrics as values: the description of each one, and samples of it.

`control.metrics` exposes them. What describes the metrics of a kind of resource needs these values only, and
stays pure.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

PREFIX: Final = "zookeeper_operator_"

Type = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Entry:
    """One metric as it is exposed."""

    name: str
    type: Type
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = field(default=(), repr=False)


class Sample(NamedTuple):
    """The value of one series: the name of its entry, the values of its labels in the entry's order.

    The sample of a counter holds the whole count, not what was added to it.
    """

    name: str
    labels: tuple[str, ...]
    value: float


def counter(name: str, labels: tuple[str, ...], text: str) -> Entry:
    """Describe a counter; `name` is without prefix and `_total`."""
    return Entry(f"{PREFIX}{name}_total", "counter", labels, text)


def gauge(name: str, labels: tuple[str, ...], text: str) -> Entry:
    """Describe a gauge; `name` is without prefix."""
    return Entry(PREFIX + name, "gauge", labels, text)


def histogram(name: str, buckets: tuple[float, ...], text: str) -> Entry:
    """Describe a histogram without labels; `name` is without prefix."""
    return Entry(PREFIX + name, "histogram", (), text, buckets)
