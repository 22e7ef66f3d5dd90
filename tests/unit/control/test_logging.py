"""What a log line looks like."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator

import pytest

from zookeeper_operator.control.logging import Format, configure

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(format_: Format, level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    configure(format_, level, stream)
    return stream


def fail(words: str) -> None:
    error = ZeroDivisionError(words)
    try:
        raise error
    except ZeroDivisionError:
        logging.getLogger("x").exception("Failed")


def test_json_is_one_object_per_line_with_the_extra_fields() -> None:
    stream = logged("json")
    logging.getLogger("some.where").info(
        "Restarted %s",
        "zk-1",
        extra={
            "ensemble": "demo/zk",
            "member": 1,
            "odd": {
                1,
            },
        },
    )
    entry = json.loads(stream.getvalue())
    assert re.fullmatch(TIME, entry.pop("time"))
    assert entry == {
        "level": "INFO",
        "logger": "some.where",
        "message": "Restarted zk-1",
        "ensemble": "demo/zk",
        "member": 1,
        "odd": "{1}",
    }


def test_json_keeps_an_exception_in_the_same_record() -> None:
    stream = logged("json")
    fail("two\nlines")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["exception"].endswith("ZeroDivisionError: two\nlines")


def test_an_extra_field_does_not_replace_what_every_record_has() -> None:
    stream = logged("json")
    logging.getLogger("x").info("Here", extra={"level": "odd", "time": 1, "logger": 2})
    entry = json.loads(stream.getvalue())
    assert (entry["level"], entry["logger"]) == ("INFO", "x")


def test_text_is_for_people() -> None:
    stream = logged("text")
    log = logging.getLogger("x")
    log.info("Restarted", extra={"ensemble": "demo/zk", "member": 1, "why": "spec changed"})
    log.error("No ensemble\nhere")
    first, second = stream.getvalue().splitlines()
    assert re.fullmatch(TIME + r' INFO  demo/zk  Restarted member=1 why="spec changed"', first)
    assert re.fullmatch(TIME + r" ERROR -  No ensemble\\nhere", second)


def test_text_puts_an_exception_on_indented_lines() -> None:
    stream = logged("text")
    fail("oh")
    head, *rest = stream.getvalue().splitlines()
    assert head.endswith("Failed")
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert rest[-1] == "    ZeroDivisionError: oh"


def test_the_level_holds_and_libraries_stay_quiet() -> None:
    stream = logged("text", "DEBUG")
    logging.getLogger("ours").debug("ours")
    logging.getLogger("kopf.objects").info("theirs")
    logging.getLogger("kopf.objects").warning("trouble")
    assert [line.split("  ")[-1] for line in stream.getvalue().splitlines()] == ["ours", "trouble"]
    stream = logged("text", "ERROR")
    logging.getLogger("ours").warning("ours")
    logging.getLogger("kopf.objects").warning("trouble")
    assert stream.getvalue() == ""


def test_warnings_become_records() -> None:
    stream = logged("json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert json.loads(stream.getvalue())["logger"] == "py.warnings"
