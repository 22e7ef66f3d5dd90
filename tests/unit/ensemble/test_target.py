"""What starts a roll: what version 0.1 knew, hashed as it did, and what came later."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ensemble.build.targets import ensemble, membership, target

from zookeeper_operator.api.ensemble import EnsembleSpec, ImageSpec
from zookeeper_operator.api.model import LocalReference
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.pod import build_pod_template
from zookeeper_operator.ensemble.target import (
    Target,
    build_target,
    later_inputs,
    template_inputs,
)

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "golden" / "template-inputs.json").read_text()
)


class LaterImage(ImageSpec):
    lazy: bool = False


class LaterReference(LocalReference):
    namespace: str = ""


class LaterImageWithReferences(LaterImage):
    pull_secrets: tuple[LaterReference, ...] = ()


class LaterSpec(EnsembleSpec):
    """The spec as a later version may have it."""

    image: LaterImageWithReferences = LaterImageWithReferences()
    compression: str = "none"


def later(**spec: Any) -> Target:
    of = ensemble()
    return build_target(
        type(of)(of.namespace, of.name, of.uid, 1, LaterSpec.model_validate(spec)),
        membership(of, 1),
    )


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda r: r["inputs"])
def test_inputs_are_hashed_as_version_0_1_hashed_them(recorded: dict[str, Any]) -> None:
    """Recorded with version 0.1. Other values would restart every member at an upgrade or a downgrade."""
    of = ensemble(**recorded["spec"])
    of = type(of)(of.namespace, of.name, of.uid, 1, of.spec, restarted_at=recorded["restartedAt"])
    found = build_target(of, membership(of, 1))
    assert template_inputs(found) == recorded["inputs"]
    assert later_inputs(found) == ""


@pytest.mark.parametrize("spec", [{"compression": "lz4"}, {"image": {"lazy": True}}])
def test_a_later_field_is_hashed_apart_and_only_when_it_is_used(spec: dict[str, Any]) -> None:
    assert later_inputs(later()) == ""
    assert template_inputs(later()) == template_inputs(target())
    assert template_inputs(later(**spec)) == template_inputs(target())
    assert later_inputs(later(**spec)) != ""


def test_a_later_field_of_a_list_item_is_hashed_apart() -> None:
    named: dict[str, Any] = {"image": {"pullSecrets": [{"name": "a"}]}}
    further: dict[str, Any] = {"image": {"pullSecrets": [{"name": "a", "namespace": "other"}]}}
    assert later_inputs(later(**named)) == ""
    assert later_inputs(later(**further)) != ""
    assert template_inputs(later(**further)) == template_inputs(target(**named))


def test_the_later_hash_stands_on_the_template_only_when_there_is_one() -> None:
    def annotations(of: Target) -> dict[str, str]:
        template = build_pod_template(of, names.VOTER, config="c", auth_hash="a")
        found: dict[str, str] = template["metadata"]["annotations"]
        return found

    assert names.ANNOTATION_TARGET not in annotations(later())
    used = later(compression="lz4")
    assert annotations(used)[names.ANNOTATION_TARGET] == later_inputs(used)


def test_what_no_template_holds_is_in_neither_hash() -> None:
    found = target(replicas=5, stopped=True, networkPolicy={"enabled": False}, tls={}, auth={})
    assert template_inputs(found) == template_inputs(target())
    assert later_inputs(found) == ""


def test_labels_start_no_roll_and_another_user_does() -> None:
    plain = target()
    labelled = target(labels={"team": "a"}, annotations={"a": "b"})
    assert (template_inputs(labelled), later_inputs(labelled)) == (template_inputs(plain), "")
    fixed = target(securityContext={"mode": "Fixed"})
    assert (template_inputs(fixed), later_inputs(fixed)) == (template_inputs(plain), "")
    platform = target(securityContext={"mode": "Platform"})
    assert template_inputs(platform) == template_inputs(plain)
    assert later_inputs(platform) != ""
