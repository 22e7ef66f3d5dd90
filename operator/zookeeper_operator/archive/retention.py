"""Which backups of a schedule stay. Pure.

Whatever the rule, the clocks and the failures, the newest backup stays, and so does the newest one that a
server has served: what cannot be known is kept.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from pydantic import Field

from zookeeper_operator.api.model import ApiModel


class Stored(Protocol):
    """What the rule needs to know of a complete backup."""

    @property
    def path(self) -> str:
        """Its directory."""

    @property
    def transaction(self) -> int:
        """The last transaction in it."""

    @property
    def started_at(self) -> datetime:
        """When the agent began to store it."""

    @property
    def restored_once(self) -> bool:
        """Whether a server has served it."""


S = TypeVar("S", bound=Stored)


class RetentionRule(ApiModel):
    """What to keep; a backup stays if one of these keeps it."""

    keep_last: int = Field(default=7, description="The newest ones, this many, at least one.")
    keep_for_seconds: int | None = Field(
        default=None, description="Those that are younger, however many."
    )
    keep_verified: int = Field(
        default=1, description="The newest ones that a server has served, this many, at least one."
    )


def superseded(
    backups: Iterable[S], rule: RetentionRule, now: datetime, *, kept: Collection[str] = ()
) -> tuple[S, ...]:
    """Return the backups that the rule does not keep, the oldest first.

    They must be of one ensemble and of one schedule. What is newer is decided by the zxid, and only between
    equal ones by the clock: a clock can jump, a zxid of one ensemble does not.

    Args:
        backups: complete ones.
        rule: what to keep.
        now: the time.
        kept: paths of backups that stay in any case.
    """
    newest_first = sorted(backups, key=_age, reverse=True)
    latest = sorted(newest_first, key=lambda b: b.started_at, reverse=True)
    served = [backup for backup in newest_first if backup.restored_once]
    latest_served = [backup for backup in latest if backup.restored_once]
    staying = {*kept}
    for order, number in (
        (newest_first, rule.keep_last),
        (latest, 1),
        (served, rule.keep_verified),
        (latest_served, 1),
    ):
        staying |= {backup.path for backup in order[: max(1, number)]}
    if rule.keep_for_seconds is not None:
        limit = timedelta(seconds=rule.keep_for_seconds)
        staying |= {backup.path for backup in newest_first if now - backup.started_at < limit}
    return tuple(backup for backup in reversed(newest_first) if backup.path not in staying)


def _age(backup: Stored) -> tuple[int, datetime]:
    return backup.transaction, backup.started_at
