"""Structured logs with the standard library alone: one line, or one JSON object, per record.

Code logs a constant message and says the rest by `extra={"ensemble": "demo/zk", …}`. Whatever is
not a field of `logging.LogRecord` itself is taken to be such a field.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

Format = Literal["text", "json"]

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_QUIET = ("kopf", "aiohttp", "asyncio", "kubernetes", "kazoo", "urllib3")
"""Libraries whose records below WARNING are not wanted."""


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extra(record: logging.LogRecord) -> Mapping[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}


def _trouble(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, extra fields, `exception`.

    A field that JSON does not know is written as its `str`. An extra field cannot replace one of
    the first four.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Render a record; the result has no line break."""
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in _extra(record).items():
            entry.setdefault(name, value)
        trouble = _trouble(self, record)
        if trouble:
            entry["exception"] = trouble
        return json.dumps(entry, default=str, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """For people: `2026-11-24T04:05:06.123Z INFO  demo/zk  message key=value`.

    The ensemble's place holds `-` for records of no ensemble. An exception follows on indented
    lines of the same record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Render a record; only an exception takes more than one line."""
        extra = dict(_extra(record))
        ensemble = extra.pop("ensemble", None) or "-"
        fields = [f"{name}={_value(value)}" for name, value in extra.items()]
        message = record.getMessage().replace("\n", "\\n")
        line = f"{_time(record)} {record.levelname:<5} {ensemble}  {' '.join([message, *fields])}"
        trouble = _trouble(self, record)
        if trouble:
            line += "\n" + "\n".join(f"    {part}" for part in trouble.splitlines())
        return line


def _value(value: object) -> str:
    text = str(value)
    plain = text and not any(character.isspace() or character in '"=' for character in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def configure(
    format: Format,  # noqa: A002 -- the word of the setting
    level: str | int = logging.INFO,
    stream: TextIO | None = None,
) -> None:
    """Send every record of this process to `stream` (standard error) in one format.

    Replaces whatever handlers the root logger had. Libraries log from WARNING up only, whatever
    the level is.
    """
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    root = logging.getLogger()
    for former in tuple(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
