"""What a plan may claim before its effects can be seen."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import at_rest, ensemble, silent

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import RestartMember
from zookeeper_operator.ensemble.plan import build_plan


def test_a_changed_template_is_not_rolled_out_before_it_has_a_revision() -> None:
    assert build_plan(at_rest()).rollout.state is True
    changed = replace(at_rest(), ensemble=ensemble({"config": {"maxClientCnxns": 61}}))
    assert build_plan(changed).rollout.state is False


def test_another_number_of_replicas_is_no_change_of_the_template() -> None:
    scaled = replace(at_rest(), ensemble=ensemble({"replicas": 5}))
    assert build_plan(scaled).rollout.state is True


def test_a_name_that_is_taken_is_looked_at_again_soon() -> None:
    """No event tells when an object of somebody else's goes."""
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": names.config_name("zk"), "namespace": "demo", "uid": "theirs"},
    }
    plan = build_plan(replace(at_rest(), foreign=(foreign,)))
    assert plan.problems[0].reason == reasons.NAME_TAKEN
    assert not plan.settled


def test_a_pod_that_is_starting_is_not_restarted_for_its_file_system_again() -> None:
    rest = at_rest()
    waiting = tuple(
        replace(c, file_system_resize_pending=True) if c.member_id == 1 else c for c in rest.claims
    )
    due = replace(rest, claims=waiting)
    assert any(isinstance(a, RestartMember) for a in build_plan(due).actions)
    starting = tuple(replace(p, ready=False) if p.id == 1 else p for p in rest.pods)
    again = build_plan(replace(due, pods=starting, answers={**rest.answers, 1: silent(1)}))
    assert not any(isinstance(a, RestartMember) for a in again.actions)
