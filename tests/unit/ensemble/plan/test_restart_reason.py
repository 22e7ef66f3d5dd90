"""A restart says what of the spec has changed since the pod was created."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    at_rest,
    changed,
    disruptive,
    edited,
    outdated,
    with_children,
)

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import RestartMember, describe_reconfiguration
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.plan.restart_reason import restart_reason
from zookeeper_operator.ensemble.report.notices import action_notice
from zookeeper_operator.kube.api import Object


def after(*edits: Mapping[str, Any], scene: Observed | None = None) -> Observed:
    """The same pods under a template that these edits, one generation each, have made."""
    found = scene or at_rest(3, leader=3)
    for generation, spec in enumerate(edits, start=2):
        found = edited(found, spec)
        found = replace(found, ensemble=replace(found.ensemble, generation=generation))
        found = with_children(found)
    return outdated(found, 1, 2, 3)


def said(scene: Observed) -> str:
    return restart_reason(understand(scene), scene.pods[0])


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ([{"config": {"tickTime": 3000}}], "spec.config.tickTime changed in generation 2"),
        (
            [{"version": "3.9.5"}, {"replicas": 5}],
            "spec.version changed in generation 2",
        ),
        (
            [{"version": "3.9.5"}, {"jvm": {"heapPercent": 40}}],
            "spec.jvm.heapPercent and spec.version changed in generation 3",
        ),
        (
            [{"resources": {"limits": {"memory": "1Gi"}}, "logging": {"level": "DEBUG"}}],
            "spec.logging.level and spec.resources.limits changed in generation 2",
        ),
    ],
)
def test_the_fields_that_changed_are_named_with_their_generation(
    edits: list[dict[str, Any]], sentence: str
) -> None:
    assert said(after(*edits)) == sentence


def test_a_value_that_is_what_it_was_is_no_reason() -> None:
    scene = after({"version": "3.9.5"}, {"version": "3.9.4", "config": {"tickTime": 1000}})
    assert said(scene) == "spec.config.tickTime changed in generation 3"


def test_a_pod_of_an_older_operator_does_not_say_which_fields() -> None:
    scene = after({"version": "3.9.5"})
    marks = {k: v for k, v in scene.pods[0].template.items() if k != names.ANNOTATION_FIELDS}
    assert said(changed(scene, 1, template=marks)) == "the spec changed in generation 2"


def with_mark(scene: Observed, key: str, value: str) -> Observed:
    """The same scene, with another annotation on the pod templates."""

    def marked(child: Object) -> Object:
        if child["kind"] != "StatefulSet":
            return child
        template = child["spec"]["template"]
        metadata = template["metadata"]
        annotations = {**metadata["annotations"], key: value}
        template = {**template, "metadata": {**metadata, "annotations": annotations}}
        return {**child, "spec": {**child["spec"], "template": template}}

    return replace(scene, children=tuple(map(marked, scene.children)))


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        (names.ANNOTATION_AUTH, "the password of the super user changed"),
        (names.ANNOTATION_RESTARTED_AT, "a restart was requested at then"),
        (names.ANNOTATION_ROLLOUT_RESTART, "a restart was requested at then"),
        ("example.org/other", "its pod template changed"),
    ],
)
def test_what_is_no_field_of_the_spec_has_its_own_words(mark: str, sentence: str) -> None:
    assert said(outdated(with_mark(at_rest(3), mark, "then"), 1, 2, 3)) == sentence


def test_a_file_system_that_has_to_grow_is_the_reason_of_a_restart_without_a_change() -> None:
    scene = at_rest(3)
    claims = tuple(replace(c, file_system_resize_pending=True) for c in scene.claims)
    assert said(replace(scene, claims=claims)) == "the file system of its volume must grow"


def test_a_zoo_cfg_that_changed_without_a_field_is_named() -> None:
    """The size of a small volume is in it."""
    scene = changed(outdated(at_rest(3), 1), 1, config="zk-config-before")
    assert said(scene) == "its zoo.cfg changed"


def test_events_are_sentences_without_lines_of_the_server() -> None:
    (restart,) = disruptive(build_plan(after({"version": "3.9.5"})).actions)
    assert isinstance(restart, RestartMember)
    notice = action_notice(restart)
    assert notice is not None
    assert notice.message == "restarting zk-1: spec.version changed in generation 2"
    for scene in (at_rest(5), outdated(at_rest(3, leader=1), 1)):
        plan = build_plan(edited(scene, {"replicas": 3}))
        (step,) = disruptive(plan.actions)
        told = action_notice(step)
        assert told is not None
        assert ":2888" not in told.message
        assert "-5" not in told.message
        assert not isinstance(step, RestartMember)
    leaving = disruptive(build_plan(edited(at_rest(5), {"replicas": 3})).actions)[0]
    assert describe_reconfiguration(leaving) == "member 5 leaves the configuration"  # type: ignore[arg-type]
