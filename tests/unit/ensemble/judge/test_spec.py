"""What makes a spec unusable."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import at_rest, edited

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.judge.spec import validate


def test_a_version_without_an_upgrade_path_is_refused_with_a_reason() -> None:
    scene = edited(at_rest(3), {"version": "3.8.6"})
    assert validate(scene) == ()
    status = {**scene.ensemble.status, "version": {"members": {"3.7.2": 3}}}
    (problem,) = validate(replace(scene, ensemble=replace(scene.ensemble, status=status)))
    assert problem.reason == reasons.UNSUPPORTED_VERSION
