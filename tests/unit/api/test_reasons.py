"""The table of reasons is complete: no other reason is written, and none is left over."""

import ast
import dataclasses
import functools
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import zookeeper_operator
from zookeeper_operator.api import reasons
from zookeeper_operator.api.conditions import Condition
from zookeeper_operator.api.reasons import REASONS

PACKAGE = Path(zookeeper_operator.__file__).parent
CONSTANTS = {
    name: value
    for name, value in vars(reasons).items()
    if name.isupper() and isinstance(value, str)
}


def _sources() -> Iterator[ast.Module]:
    """Every module that may report a reason; `api` only defines them."""
    for path in PACKAGE.rglob("*.py"):
        if "api" not in path.relative_to(PACKAGE).parts[:-1]:
            yield ast.parse(path.read_text(encoding="utf-8"), str(path))


@functools.cache
def _fields_of_values_with_a_reason() -> dict[str, list[str]]:
    """The dataclasses of the operator that carry a reason, with their fields in order."""
    found = {"Condition": list(Condition.model_fields)}
    for info in pkgutil.walk_packages([str(PACKAGE / "ensemble")], "zookeeper_operator.ensemble."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                fields = [field.name for field in dataclasses.fields(value)]
                if "reason" in fields:
                    found[name] = fields
    return found


def _reason_arguments(source: ast.Module) -> Iterator[ast.expr]:
    """What values of these classes are given as their reason, wherever one is made or replaced."""
    carriers = _fields_of_values_with_a_reason()
    for node in ast.walk(source):
        match node:
            case ast.AnnAssign(target=ast.Name(id="reason"), value=ast.expr() as default):
                yield default
            case ast.Call(func=ast.Name(id=name)) if name in carriers or name == "replace":
                yield from (word.value for word in node.keywords if word.arg == "reason")
                if name in carriers:
                    place = carriers[name].index("reason")
                    yield from node.args[place : place + 1]


def _choices(argument: ast.expr) -> Iterator[ast.expr]:
    """What an argument may be: itself, or both sides of `a if b else c` and `a or b`."""
    match argument:
        case ast.IfExp():
            yield from _choices(argument.body)
            yield from _choices(argument.orelse)
        case ast.BoolOp():
            for value in argument.values:
                yield from _choices(value)
        case _:
            yield argument


def test_every_constant_is_in_the_table() -> None:
    assert sorted(CONSTANTS.values()) == sorted(REASONS)


def test_the_source_is_searched_where_reasons_are_reported() -> None:
    assert {"Verdict", "Problem", "Contradiction", "Trouble", "Notice", "ReplaceMember"} <= set(
        _fields_of_values_with_a_reason()
    )


def test_every_reason_that_is_written_is_in_the_table() -> None:
    written = [
        ast.unparse(choice)
        for source in _sources()
        for argument in _reason_arguments(source)
        for choice in _choices(argument)
        if isinstance(choice, ast.Constant | ast.JoinedStr)
    ]
    assert written == [], "use a constant of api/reasons.py, so that the reason is in the table"


def test_every_reason_in_the_table_is_written() -> None:
    written = {
        CONSTANTS[choice.attr]
        for source in _sources()
        for argument in _reason_arguments(source)
        for choice in _choices(argument)
        if isinstance(choice, ast.Attribute) and choice.attr in CONSTANTS
    }
    assert set(REASONS) - written == set()


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.name)
def test_a_reason_is_a_word_the_api_takes_and_has_a_sentence(reason: reasons.Reason) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", reason.name)
    assert reason.sentence.endswith(".")


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.name)
def test_whom_a_reason_concerns_goes_with_its_severity(reason: reasons.Reason) -> None:
    if reason.alarming:
        assert reason.runbook, "who is warned must find what to do"
    if not reason.event_only:
        assert reason.runbook == (reason.severity != "normal")
