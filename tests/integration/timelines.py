"""Series over time, written as what is true in each phase, for the unit tests of Prometheus.

A phase has a length and a state: a value for each series that there is meanwhile. A series that a state does
not have ends there, as Prometheus sees one that a scrape lacks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

STEP_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Rising:
    """The value of a counter, or of what grows: it begins where it was and rises with each scrape."""

    by: float
    start: float = 0


Value = float | Rising
State = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Phase:
    """What is true for a number of seconds."""

    seconds: float
    state: State


def series(name: str, **labels: str) -> str:
    """A series as Prometheus writes it."""
    named = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{named}}}"


def length(phases: Iterable[Phase]) -> int:
    """How many scrapes there are."""
    return sum(int(phase.seconds // STEP_SECONDS) for phase in phases)


def input_series(phases: Sequence[Phase]) -> list[dict[str, Any]]:
    """The phases as the input of `promtool test rules`."""
    names = sorted({name for phase in phases for name in phase.state})
    return [{"series": name, "values": " ".join(_values(name, phases))} for name in names]


def _values(name: str, phases: Sequence[Phase]) -> list[str]:
    found: list[str] = []
    last: float | None = None
    for phase in phases:
        for _ in range(int(phase.seconds // STEP_SECONDS)):
            value = phase.state.get(name)
            if value is None:
                found.append("_" if last is None else "stale")
                last = None
                continue
            last = _next(value, last)
            found.append(f"{last:g}" if last < 1e6 else f"{last:.0f}")
    return found


def _next(value: Value, last: float | None) -> float:
    if not isinstance(value, Rising):
        return value
    return value.start if last is None else last + value.by
