"""A new rule may stop a change, never an ensemble that runs: an upgrade with one ensemble for each rule.

An older operator has made the children of such a spec. What this one refuses in a new ensemble is a warning
there, and everything but a change of it goes on.
"""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import applied, at_rest, disruptive, edited, outdated

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Delete, RestartMember
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.conditions import build_conditions

Spec = dict[str, Any]


def own(**fields: Any) -> Spec:
    return {"podTemplate": {"spec": {"containers": [{"name": "zookeeper", **fields}]}}}


def side(port: int) -> Spec:
    container = {"name": "side", "image": "x", "ports": [{"containerPort": port}]}
    return {"podTemplate": {"spec": {"containers": [container]}}}


def memory(limit: str, percent: int = 60) -> Spec:
    return {"resources": {"limits": {"memory": limit}}, "jvm": {"heapPercent": percent}}


# What runs, and a change of it to something else that is refused.
RUNNING: dict[str, tuple[Spec, Spec]] = {
    "number": ({"config": {"tickTime": "banana"}}, {"config": {"tickTime": "apple"}}),
    "range": ({"config": {"syncLimit": 0}}, {"config": {"syncLimit": -1}}),
    "switch": ({"config": {"tcpKeepAlive": "yes"}}, {"config": {"tcpKeepAlive": "on"}}),
    "observers that write nothing": (
        {"config": {"syncEnabled": "false"}},
        {"config": {"syncEnabled": "no"}},
    ),
    "escaped value": ({"config": {"forceSync": "né\\"}}, {"config": {"forceSync": "né"}}),
    "own port": (
        {"config": {"metricsProvider.httpPort": 8080}},
        {"config": {"metricsProvider.httpPort": 2888}},
    ),
    "session timeouts": (
        {"config": {"minSessionTimeout": 90_000}},
        {"config": {"minSessionTimeout": 80_000}},
    ),
    "option": ({"jvm": {"options": ["-mx1g"]}}, {"jvm": {"options": ["-mx2g"]}}),
    "memory": (memory("128Mi"), memory("120Mi")),
    "memory beside the heap": (memory("512Mi", 90), memory("400Mi", 90)),
    "variable": (
        own(env=[{"name": "JVMFLAGS", "value": "-Dx=1"}]),
        own(env=[{"name": "JVMFLAGS", "value": "-Dx=2"}]),
    ),
    "variables from elsewhere": (
        own(envFrom=[{"secretRef": {"name": "a"}}]),
        own(envFrom=[{"secretRef": {"name": "b"}}]),
    ),
    "mount": (
        own(volumeMounts=[{"name": "a", "mountPath": "/docker-entrypoint.sh"}]),
        own(volumeMounts=[{"name": "b", "mountPath": "/docker-entrypoint.sh"}]),
    ),
    "volume": (
        {"podTemplate": {"spec": {"volumes": [{"name": "super-user", "emptyDir": {}}]}}},
        {
            "podTemplate": {
                "spec": {"volumes": [{"name": "super-user", "hostPath": {"path": "/x"}}]}
            }
        },
    ),
    "mount of a later version": (
        own(volumeMounts=[{"name": "a", "mountPath": "/super-user/mine"}]),
        own(volumeMounts=[{"name": "b", "mountPath": "/super-user/mine"}]),
    ),
    "privilege of a pod": (
        {"podTemplate": {"spec": {"serviceAccountName": "a"}}},
        {"podTemplate": {"spec": {"serviceAccountName": "b"}}},
    ),
    "privilege of a container": (
        own(securityContext={"runAsUser": 0}),
        own(securityContext={"privileged": True}),
    ),
    "limit that a null removed": (
        {"podTemplate": {"spec": {"automountServiceAccountToken": None}}},
        {"podTemplate": {"spec": {"automountServiceAccountToken": True}}},
    ),
    "port of a sidecar that is always restarted": (
        {
            "podTemplate": {
                "spec": {
                    "initContainers": [
                        {
                            "name": "s",
                            "restartPolicy": "Always",
                            "ports": [{"containerPort": 2888}],
                        }
                    ]
                }
            }
        },
        side(2888),
    ),
}
CASES = [pytest.param(*case, id=name) for name, case in RUNNING.items()]


def spec_valid(observed: Observed) -> tuple[str, str, str]:
    found = conditions.find(build_conditions(build_plan(observed)), conditions.SPEC_VALID)
    assert found is not None
    return found.status, found.reason, found.message


def taken_over(spec: Spec) -> Observed:
    """An ensemble at rest, as an older operator has left it: nothing but its children speaks for the spec."""
    return at_rest(3, spec)


@pytest.mark.parametrize(("running", "worse"), CASES)
def test_what_runs_is_a_warning_and_nothing_is_done(running: Spec, worse: Spec) -> None:
    scene = taken_over(running)
    plan = build_plan(scene)
    assert plan.actions == ()
    assert plan.settled
    status, reason, message = spec_valid(scene)
    assert status == conditions.TRUE
    assert reason in {
        reasons.INVALID_CONFIG_KEY,
        reasons.INVALID_POD_TEMPLATE,
        reasons.MEMORY_TOO_SMALL,
    }
    assert message.endswith("(the members run with it, so it stays)")


@pytest.mark.parametrize(("running", "worse"), CASES)
def test_everything_else_may_be_changed(running: Spec, worse: Spec) -> None:
    scene = edited(taken_over(running), {"logging": {"level": "DEBUG"}, "replicas": 5})
    plan = build_plan(scene)
    assert plan.problems == ()
    assert applied(plan.actions, "StatefulSet")


@pytest.mark.parametrize(("running", "worse"), CASES)
def test_a_roll_that_is_under_way_goes_on(running: Spec, worse: Spec) -> None:
    (action,) = disruptive(build_plan(outdated(taken_over(running), 1)).actions)
    assert isinstance(action, RestartMember)


@pytest.mark.parametrize(("running", "worse"), CASES)
def test_a_change_of_it_to_something_as_bad_is_refused(running: Spec, worse: Spec) -> None:
    scene = edited(taken_over(running), worse)
    assert build_plan(scene).actions == ()
    assert spec_valid(scene)[0] == conditions.FALSE


@pytest.mark.parametrize(("running", "worse"), CASES)
def test_a_new_ensemble_is_refused_for_it(running: Spec, worse: Spec) -> None:
    scene = edited(at_rest(3), running)
    assert build_plan(scene).actions == ()
    assert spec_valid(scene)[0] == conditions.FALSE


def without_statefulset(scene: Observed, *, accepted: bool) -> Observed:
    """Somebody has deleted the StatefulSet; the status may say that this generation was valid."""
    said = {
        "type": conditions.SPEC_VALID,
        "status": conditions.TRUE if accepted else conditions.FALSE,
        "observedGeneration": scene.ensemble.generation,
    }
    status = {**scene.ensemble.status, "conditions": [said]}
    return replace(
        scene,
        ensemble=replace(scene.ensemble, status=status),
        children=tuple(c for c in scene.children if c["kind"] != "StatefulSet"),
    )


@pytest.mark.parametrize("name", [n for n in RUNNING if not n.startswith(("privilege", "limit"))])
def test_a_statefulset_that_was_deleted_comes_back(name: str) -> None:
    scene = taken_over(RUNNING[name][0])
    assert applied(build_plan(without_statefulset(scene, accepted=True)).actions, "StatefulSet")
    assert build_plan(without_statefulset(scene, accepted=False)).actions == ()
    later = without_statefulset(scene, accepted=True)
    later = replace(later, ensemble=replace(later.ensemble, generation=2))
    assert build_plan(later).problems


@pytest.mark.parametrize("name", [n for n in RUNNING if n.startswith(("privilege", "limit"))])
def test_a_status_gives_no_privileges(name: str) -> None:
    scene = without_statefulset(taken_over(RUNNING[name][0]), accepted=True)
    assert build_plan(scene).problems


@pytest.mark.parametrize(("running", "worse"), CASES)
def test_the_only_witness_is_not_deleted_for_larger_volumes(running: Spec, worse: Spec) -> None:
    """The StatefulSet is what shows that the members run with it."""
    larger = {"storage": {"data": {"size": "10Gi"}}}

    def deletes(scene: Observed) -> list[str]:
        # Nothing else may be left to do: the deletion is the last of all.
        return [a.name for a in build_plan(scene).actions if isinstance(a, Delete) and a.orphan]

    assert deletes(edited(at_rest(3), larger)) == [names.statefulset_name("zk", names.VOTER)]
    assert deletes(edited(taken_over(running), larger)) == []


def test_an_unknown_key_or_version_stops_nothing_at_all() -> None:
    scene = edited(at_rest(3), {"config": {"tikTime": "1"}, "version": "3.9.17"})
    plan = build_plan(scene)
    assert applied(plan.actions, "StatefulSet")
    assert spec_valid(scene)[:2] == (conditions.TRUE, reasons.UNKNOWN_CONFIG_KEY)
    assert [w.reason for w in plan.warnings] == [
        reasons.UNKNOWN_CONFIG_KEY,
        reasons.UNKNOWN_VERSION,
    ]
