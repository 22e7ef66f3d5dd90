"""The times of a schedule, as cron writes them. Pure: no clock.

Days are those of the time zone. A time that the clocks skip in spring comes after the gap by as much as it
lies in it. A time that comes twice in autumn counts once, unless the hour is `*` or has a step: such a
schedule goes on through both hours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART: Final = re.compile(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]{1,2}))?", re.ASCII)
_FIELDS: Final = 5
_SUNDAY: Final = 7
_DAYS_SEARCHED: Final = 366 * 8 + 2
"""From one 29 February to the next there are eight years around 2100."""


class CronError(ValueError):
    """A schedule that is none; the message says why."""


@dataclass(frozen=True)
class Cron:
    """A schedule in a time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    every_hour: bool
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after a moment; None if there is none within eight years."""
        for day in _from(self._local(moment).date(), 1):
            found = [at for at in self._times_on(day) if at > moment]
            if found:
                return min(found)
        return None

    def last_in(self, after: datetime, until: datetime) -> datetime | None:
        """The last time after one moment and not after another; None if there is none."""
        oldest = self._local(after).date()
        for day in _from(self._local(until).date(), -1):
            found = [at for at in self._times_on(day) if after < at <= until]
            if found:
                return max(found)
            if day < oldest:
                break
        return None

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def _times_on(self, day: date) -> set[datetime]:
        """Its times on a day of the time zone, in UTC."""
        if not self._is_day(day):
            return set()
        folds = (0, 1) if self.every_hour else (0,)
        return {
            datetime(
                day.year, day.month, day.day, hour, minute, tzinfo=self.zone, fold=fold
            ).astimezone(UTC)
            for hour in self.hours
            for minute in self.minutes
            for fold in folds
        }

    def _is_day(self, day: date) -> bool:
        """Whether it is a day of the schedule. As in cron, one of two restrictions of the day is enough."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week


def parse_cron(text: str, zone: str) -> Cron:
    """Read a schedule and the name of a time zone.

    Raises:
        CronError: one of them is none.
    """
    fields = _ALIASES.get(text, text).upper().split()
    if len(fields) != _FIELDS:
        raise CronError(
            f"schedule: {text!r} has {len(fields)} fields; it needs minute, hour, day of the month, "
            "month and day of the week"
        )
    minutes, hours, days, months, weekdays = fields
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CronError(f"timeZone: {zone!r} is not a known time zone") from error
    cron = Cron(
        minutes=_values("minute", minutes, 0, 59),
        hours=_values("hour", hours, 0, 23),
        days=_values("day of the month", days, 1, 31),
        months=_values("month", months, 1, 12, _MONTHS),
        weekdays=frozenset(
            day % _SUNDAY for day in _values("day of the week", weekdays, 0, _SUNDAY, _DAYS)
        ),
        any_day=days.startswith("*"),
        any_weekday=weekdays.startswith("*"),
        every_hour=hours.startswith("*"),
        zone=found,
    )
    if cron.next_after(datetime(2024, 1, 1, tzinfo=UTC)) is None:
        raise CronError(f"schedule: {text!r} names a day that no month has")
    return cron


def _values(
    field: str, text: str, low: int, high: int, names: tuple[str, ...] = ()
) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise CronError(f"schedule: {part!r} is no {field}")
        first, last, step = match.groups()
        if first == "*":
            start, end = low, high
        else:
            start = _number(field, first, low, names)
            end = _number(field, last, low, names) if last else (high if step else start)
        if not low <= start <= end <= high or step == "0" or (first == "*" and last):
            raise CronError(f"schedule: {part!r} is no {field}: it must be {low} to {high}")
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(field: str, text: str, low: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + low
    if not text.isdigit():
        raise CronError(f"schedule: {text!r} is no {field}")
    return int(text)


def _from(day: date, step: int) -> Iterator[date]:
    """The days from one day on, forwards or backwards, as far as a schedule is searched."""
    # A time just after midnight in one offset may belong to the day before in another one.
    start = day - timedelta(days=step)
    return (start + timedelta(days=step * number) for number in range(_DAYS_SEARCHED))
