"""Whatever somebody writes into a child by hand, a pass reads it, puts it right and reports."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, changed, outdated

from zookeeper_operator.ensemble.actions import Apply
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status

Path = tuple[str | int, ...]

# What the API server refuses to change, or does not take such a text for.
FIXED = {
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "uid"),
    ("spec", "volumeClaimTemplates"),
}


def texts_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all texts of a body, annotations and labels of its templates included."""
    match value:
        case str():
            yield path
        case dict():
            for key, below in value.items():
                yield from texts_of(below, (*path, key))
        case list() | tuple():
            for index, below in enumerate(value):
                yield from texts_of(below, (*path, index))


def with_text(value: Any, path: Path, text: str | None) -> Any:
    """The same body with another text at a path; None takes it away."""
    key, *rest = path
    if not rest and text is None:
        return {k: v for k, v in value.items() if k != key} if isinstance(value, dict) else value
    below = with_text(value[key], tuple(rest), text) if rest else text
    if isinstance(value, dict):
        return {**value, key: below}
    assert isinstance(key, int)
    return [*value[:key], below, *value[key + 1 :]]


def edits(scene: Observed, text: str | None) -> Iterator[tuple[str, Observed]]:
    """Each text that the API server lets a person change in an object, one at a time."""
    for index, child in enumerate(scene.children):
        for path in texts_of(child):
            if path[0] in {"kind", "apiVersion", "status"} or path[:2] in FIXED:
                continue
            body = with_text(child, path, text)
            children = (*scene.children[:index], body, *scene.children[index + 1 :])
            yield f"{child['kind']} {path}", replace(scene, children=children)
    for mark in scene.pods[0].template:
        marks = with_text(dict(scene.pods[0].template), (mark,), text)
        yield f"Pod {mark}", changed(scene, 1, template=marks)


@pytest.mark.parametrize("scene", [at_rest(3), outdated(at_rest(3), 1, 2, 3)], ids=["rest", "roll"])
@pytest.mark.parametrize("text", ["", "0x", "[]", "null", None])
def test_no_text_stops_a_pass(scene: Observed, text: str | None) -> None:
    counted = 0
    for where, edited in edits(scene, text):
        counted += 1
        try:
            plan = build_plan(edited)
            build_status(plan, restarted={})
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            pytest.fail(f"{where} is {text!r}: {error!r}")
        if where.startswith("StatefulSet ('spec', 'template', 'metadata', 'annotations'"):
            assert any(isinstance(action, Apply) for action in plan.actions), where
    assert counted > 100
