"""What makes a spec unusable, and what a person should know of it."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, edited

from zookeeper_operator.api import reasons
from zookeeper_operator.api.versions import KNOWN_VERSIONS
from zookeeper_operator.ensemble.judge.problem import Problem
from zookeeper_operator.ensemble.judge.spec import SpecJudgement, judge_spec
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.report.status import build_status


def judged(spec: dict[str, Any]) -> SpecJudgement:
    """What is said of an edit of an ensemble that has nothing of it yet."""
    return judge_spec(edited(at_rest(3), spec))


def only_problem(spec: dict[str, Any]) -> Problem:
    (problem,) = judged(spec).problems
    return problem


def test_a_version_without_an_upgrade_path_is_refused_with_a_reason() -> None:
    scene = edited(at_rest(3), {"version": "3.8.6"})
    assert judge_spec(scene) == SpecJudgement()
    status = {**scene.ensemble.status, "version": {"members": {"3.7.2": 3}}}
    (problem,) = judge_spec(
        replace(scene, ensemble=replace(scene.ensemble, status=status))
    ).problems
    assert problem.reason == reasons.UNSUPPORTED_VERSION


@pytest.mark.parametrize("version", KNOWN_VERSIONS)
def test_a_known_release_runs_without_a_warning(version: str) -> None:
    found = judged({"version": version})
    assert (found.problems, found.warnings) == ((), ())


@pytest.mark.parametrize("version", ["3.9.7", "3.8.8", "3.9.10", "3.8.0"])
def test_a_release_of_a_known_line_that_is_not_known_runs_with_a_warning(version: str) -> None:
    found = judged({"version": version})
    assert found.problems == ()
    (warning,) = found.warnings
    assert warning.reason == reasons.UNKNOWN_VERSION
    assert version in warning.message


@pytest.mark.parametrize("version", ["3.10.0", "3.7.2", "3.9.6-rc1", "4.0.0"])
def test_a_release_of_an_unknown_line_is_refused(version: str) -> None:
    assert only_problem({"version": version}).reason == reasons.UNSUPPORTED_VERSION


def test_an_unknown_line_with_an_image_of_its_own_is_a_warning() -> None:
    found = judged({"version": "3.10.0", "image": {"tag": "mine"}})
    assert [w.reason for w in found.warnings] == [reasons.UNKNOWN_VERSION]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"tickTime": "banana"}, "spec.config.tickTime is 'banana': it must be a whole number"),
        ({"initLimit": 0}, "from 1 to 10000"),
        ({"forceSync": "false"}, '"yes" or "no"'),
        ({"tcpKeepAlive": "yes"}, '"true" or "false"'),
        ({"metricsProvider.httpPort": 8080}, "does not listen on itself"),
        ({"metricsProvider.httpPort": "2888"}, "does not listen on itself"),
        ({"minSessionTimeout": 50_000}, "50000 ms at least and 40000 ms at most"),
        ({"maxSessionTimeout": 1_000}, "change maxSessionTimeout"),
        ({"clientPort": 1}, "owned by the operator"),
    ],
)
def test_a_value_that_the_server_does_not_take_is_refused_before_a_pod_is_touched(
    config: dict[str, Any], named: str
) -> None:
    problem = only_problem({"config": config})
    assert problem.reason == reasons.INVALID_CONFIG_KEY
    assert named in problem.message


@pytest.mark.parametrize("value", [True, False, "yes", "no"])
def test_a_switch_is_taken_as_it_may_be_written(value: object) -> None:
    assert judged({"config": {"forceSync": value}}) == SpecJudgement()


def test_an_unknown_key_is_a_warning_that_names_the_nearest_one() -> None:
    found = judged({"config": {"tikTime": "2000"}})
    assert found.problems == ()
    (warning,) = found.warnings
    assert warning.reason == reasons.UNKNOWN_CONFIG_KEY
    assert "did you mean tickTime?" in warning.message


def test_many_unknown_keys_make_a_short_warning() -> None:
    (warning,) = judged({"config": {f"xyzzy{n}": 1 for n in range(100)}}).warnings
    assert "and 95 more" in warning.message
    assert len(warning.message) < 400


def test_an_option_that_is_owned_is_refused_whatever_let_it_in() -> None:
    problem = only_problem({"jvm": {"options": ["-XX:+UseZGC", "-Xmx2g"]}})
    assert "spec.jvm.options must not set the heap" in problem.message
    assert problem.message.endswith("remove -Xmx2g")


def test_a_privilege_is_refused_unless_the_installation_allows_it() -> None:
    scene = edited(at_rest(3), {"podTemplate": {"spec": {"hostPID": True}}})
    (problem,) = judge_spec(scene).problems
    assert problem.reason == reasons.INVALID_POD_TEMPLATE
    assert "podTemplate.allowPrivileged: [hostPID]" in problem.message
    allowed = replace(scene.ensemble, allowed_privileges=frozenset({"hostPID"}))
    assert judge_spec(replace(scene, ensemble=allowed)) == SpecJudgement()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": 2_000_000_000}, "spec.replicas 2000000000 is out of range; set it to 1 to 9"),
        ({"replicas": -1}, "spec.replicas -1 is out of range"),
        ({"observers": {"replicas": 10**9}}, "spec.observers.replicas 1000000000 is out of range"),
        ({"storage": {"data": {"size": "1e999999"}}}, "spec.storage.data.size '1e999999' is not"),
        ({"storage": {"log": {"size": "9" * 99}}}, "spec.storage.log.size"),
        ({"resources": {"limits": {"cpu": "1e999999"}}}, "spec.resources.limits.cpu '1e999999'"),
        ({"resources": {"requests": {"memory": "1e-999999"}}}, "spec.resources.requests.memory"),
        (
            {
                "podTemplate": {
                    "spec": {
                        "containers": [
                            {"name": "side", "resources": {"limits": {"cpu": "1e999999"}}}
                        ]
                    }
                }
            },
            "spec.podTemplate.spec.containers[0].resources.limits.cpu is not a quantity",
        ),
        (
            {
                "podTemplate": {
                    "spec": {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1e999999"}}]}
                }
            },
            "spec.podTemplate.spec.volumes[0].emptyDir.sizeLimit is not a quantity",
        ),
    ],
)
def test_what_would_take_long_to_compute_is_refused_before_it_is_computed(
    change: dict[str, Any], message: str
) -> None:
    """An object stored under an older schema may hold it; nothing stops, and nothing is built of it."""
    plan = build_plan(edited(at_rest(3), change))
    assert plan.actions == ()
    status = build_status(plan, restarted={})
    (valid,) = (c for c in status["conditions"] if c["type"] == "SpecValid")
    assert message in valid["message"]
    assert status["quorum"]["live"] == 3


def test_quantities_of_a_pod_template_may_be_numbers() -> None:
    side = {"name": "side", "resources": {"requests": {"cpu": 0.5, "memory": 1024}}}
    assert judged({"podTemplate": {"spec": {"containers": [side]}}}).problems == ()


AUTH: dict[str, Any] = {"auth": {}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"podTemplate": {"spec": {"volumes": [{"name": "users"}]}}}, "volumes: users is owned"),
        (
            {
                "podTemplate": {
                    "spec": {
                        "containers": [
                            {
                                "name": "zookeeper",
                                "volumeMounts": [{"name": "mine", "mountPath": "/users/x"}],
                            }
                        ]
                    }
                }
            },
            "volumeMounts: /users/x is owned",
        ),
        (
            {"jvm": {"options": ["-Djava.security.auth.login.config=/mine"]}},
            "-Djava.security.auth.login.config is owned",
        ),
    ],
)
def test_what_would_hide_the_users_is_refused_where_there_are_some(
    spec: dict[str, Any], said: str
) -> None:
    assert judged(spec).problems == (), "without users it is free"
    problem = only_problem({**spec, **AUTH})
    assert said in problem.message
    assert "spec.auth is set" in problem.message


def test_authentication_that_is_asked_for_is_no_problem() -> None:
    user = {"name": "app", "passwordSecret": {"name": "app", "key": "password"}}
    for required in ("None", "Sasl", "Any"):
        assert judged({"auth": {"users": [user], "required": required}}).problems == ()
