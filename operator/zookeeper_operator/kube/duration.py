"""Durations as people write them in specs: `2160h`, `1h30m`, `90s`."""

import re
from datetime import timedelta
from typing import Final

_FORM: Final = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,8})s)?", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """The length of a duration.

    Raises:
        ValueError: it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"not a duration: {text!r}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
