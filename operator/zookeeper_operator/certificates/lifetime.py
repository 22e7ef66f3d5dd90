"""Whether a certificate may be used now, and whether somebody has to act before it ends.

Pure. Kept apart from every other check: dates change by themselves, so what has been accepted once is judged
again in each reconcile.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from zookeeper_operator.certificates.certificate import Certificate

State = Literal["NotYetValid", "Valid", "Expiring", "Urgent", "Expired"]

_EXPIRING: Final = timedelta(days=30)
_URGENT: Final = timedelta(days=7)
_LEAST: Final = timedelta(hours=1)
_WORST_FIRST: Final[tuple[State, ...]] = ("Expired", "NotYetValid", "Urgent", "Expiring", "Valid")


@dataclass(frozen=True)
class Lifetime:
    """What the dates of some certificates come to; `ends` is when the first of them ends.

    Attributes:
        state: the worst of them. `Expiring`: less than a third of its life is left, or 30 days if that is
            less. `Urgent`: less than a sixth, or 7 days.
        ends: when the first of them ends.
        fresh_enough: whether members may be given them: all are valid, and for an hour at least, or a
            twelfth of a life shorter than half a day.
        subject: whom the worst names.
    """

    state: State
    ends: datetime
    fresh_enough: bool
    subject: str

    @property
    def usable(self) -> bool:
        """Whether a handshake with them can succeed now."""
        return self.state not in ("Expired", "NotYetValid")


def judge_lifetime(certificates: Iterable[Certificate], now: datetime) -> Lifetime:
    """Judge certificates that stand or fall together: a leaf, its intermediates, its CA."""
    found = tuple(certificates)
    worst = min(found, key=lambda c: (_WORST_FIRST.index(_state(c, now)), c.not_after))
    return Lifetime(
        state=_state(worst, now),
        ends=min(c.not_after for c in found),
        fresh_enough=all(
            c.not_before <= now and _left(c, now) >= _share(c, 12, _LEAST) for c in found
        ),
        subject=worst.subject,
    )


def _state(certificate: Certificate, now: datetime) -> State:
    left = _left(certificate, now)
    if left <= timedelta(0):
        return "Expired"
    if certificate.not_before > now:
        return "NotYetValid"
    if left < _share(certificate, 6, _URGENT):
        return "Urgent"
    return "Expiring" if left < _share(certificate, 3, _EXPIRING) else "Valid"


def _left(certificate: Certificate, now: datetime) -> timedelta:
    return certificate.not_after - now


def _share(certificate: Certificate, part: int, most: timedelta) -> timedelta:
    return min((certificate.not_after - certificate.not_before) / part, most)
