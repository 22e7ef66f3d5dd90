"""Points in time as people say them."""

from datetime import datetime, timedelta
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def parse_time(text: object) -> datetime | None:
    """Read a time of the Kubernetes API; None if there is none or it has another form."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def human_span(span: timedelta) -> str:
    """Say how long something takes, in the one or two units that matter: `45s`, `3m20s`, `5h`.

    What has not begun yet by our clock, which may be slow, is `0s`.
    """
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 10 * _MINUTE:
        return _two(seconds, _MINUTE, "m", 1, "s")
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 8 * _HOUR:
        return _two(seconds, _HOUR, "h", _MINUTE, "m")
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    if seconds < 8 * _DAY:
        return _two(seconds, _DAY, "d", _HOUR, "h")
    return f"{seconds // _DAY}d"


def _two(seconds: int, unit: int, mark: str, lesser: int, lesser_mark: str) -> str:
    rest = seconds % unit // lesser
    return f"{seconds // unit}{mark}" + (f"{rest}{lesser_mark}" if rest else "")


def age_of(text: object, now: datetime) -> str:
    """Say how long ago a time of the API was; empty if it is none."""
    moment = parse_time(text)
    return "" if moment is None else human_span(now - moment)
