"""What is said of an edit beside its forecast."""

from dataclasses import replace

from tests.unit.cli.clusters import ensemble
from tests.unit.ensemble.plan.scenes import at_rest, edited

from zookeeper_operator.api.privileges import PRIVILEGES
from zookeeper_operator.cli.reading import operator_settings
from zookeeper_operator.cli.rehearsal import spec_remarks


def test_a_warning_of_the_spec_is_a_remark() -> None:
    assert spec_remarks(at_rest()) == []
    (remark,) = spec_remarks(edited(at_rest(), {"config": {"tikTime": 1}}))
    assert "did you mean tickTime?" in remark


def test_a_privilege_is_foreseen_with_the_doubt_that_is_left() -> None:
    """Who asks from a keyboard does not see what the operator was installed to allow."""
    assert set(operator_settings(ensemble(), None).allow_privileged) == set(PRIVILEGES)
    scene = edited(at_rest(), {"podTemplate": {"spec": {"hostPID": True}}})
    allowed = replace(scene.ensemble, allowed_privileges=frozenset(PRIVILEGES))
    (remark,) = spec_remarks(replace(scene, ensemble=allowed))
    assert remark.startswith("The operator may refuse this: spec.podTemplate.spec.hostPID")
