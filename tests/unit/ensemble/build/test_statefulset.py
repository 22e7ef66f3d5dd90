"""The StatefulSets, and what a user's pod template may do to them."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.build.targets import ensemble, target

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.auth import SUPER_USER_DIRECTORY
from zookeeper_operator.ensemble.build.objects import common_labels
from zookeeper_operator.ensemble.build.pod import heap_mebibytes
from zookeeper_operator.ensemble.build.pod_template import (
    OWN_MOUNTS,
    OWN_VOLUMES,
    pod_template_problems,
)
from zookeeper_operator.ensemble.build.statefulset import build_statefulset
from zookeeper_operator.ensemble.build.variables import OWN_ENVIRONMENT
from zookeeper_operator.ensemble.target import Target, build_target
from zookeeper_operator.kube.api import Object


def build(of: Target, component: str = names.VOTER, **changed: Any) -> Object:
    arguments = {"replicas": 3, "config": "c", "auth_hash": "a"}
    return build_statefulset(of, component, **{**arguments, **changed})


def pod(of: Target) -> Object:
    found: Object = build(of)["spec"]["template"]["spec"]
    return found


def container(of: Target) -> Object:
    found: Object = pod(of)["containers"][0]
    return found


def environment(of: Target) -> dict[str, Any]:
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in container(of)["env"]}


@pytest.mark.parametrize(("component", "first"), [("voter", 1), ("observer", 101)])
def test_the_index_of_a_pod_is_its_id(component: str, first: int) -> None:
    spec = build(target(), component)["spec"]
    assert spec["ordinals"] == {"start": first}
    assert environment(target())["ZOO_MY_ID"] == {
        "fieldRef": {"fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']"}
    }


def test_nobody_but_the_operator_restarts_members() -> None:
    """Pain 20: in parallel, since one member alone never becomes ready. Pain 21: one hand only."""
    spec = build(target())["spec"]
    assert spec["updateStrategy"] == {"type": "OnDelete"}
    assert spec["podManagementPolicy"] == "Parallel"


@pytest.mark.parametrize("component", [names.VOTER, names.OBSERVER])
def test_the_selector_is_stable_and_selects_its_own_pods_only(component: str) -> None:
    spec = build(build_target(ensemble(version="3.9.5"), target().membership), component)["spec"]
    selector = spec["selector"]["matchLabels"]
    assert selector == {names.LABEL_ENSEMBLE: "zk", names.LABEL_COMPONENT: component}
    assert spec["template"]["metadata"]["labels"].items() >= selector.items()


def test_scaling_makes_no_new_revision_and_other_files_do() -> None:
    base = build(target())["spec"]["template"]
    assert build(target(replicas=5), replicas=5)["spec"]["template"] == base
    for change in ({"config": "d"}, {"auth_hash": "b"}):
        assert build(target(), **change)["spec"]["template"] != base
    restarted = replace(target(), restarted_at="2026-01-01T00:00:00Z")
    annotations = build(restarted)["spec"]["template"]["metadata"]["annotations"]
    assert annotations[names.ANNOTATION_RESTARTED_AT] == "2026-01-01T00:00:00Z"


def test_claims_tell_whose_they_are() -> None:
    """Pain 7: a volume is told by its label, not by its name."""
    of = target(storage={"data": {"size": "1Gi", "storageClassName": "fast"}, "log": {}})
    data, log = build(of)["spec"]["volumeClaimTemplates"]
    assert (data["metadata"]["name"], log["metadata"]["name"]) == ("data", "datalog")
    known = {k: v for k, v in common_labels("zk").items() if k != names.LABEL_INSTANCE}
    assert data["metadata"]["labels"].items() >= known.items()
    assert names.LABEL_INSTANCE not in data["metadata"]["labels"]
    assert data["metadata"]["labels"][names.LABEL_IDENTITY] == "uid-1"
    assert data["spec"]["storageClassName"] == "fast"
    assert "storageClassName" not in log["spec"]
    mounts = {m["mountPath"]: m["name"] for m in container(of)["volumeMounts"]}
    assert (mounts["/data"], mounts["/conf"], mounts["/datalog"]) == ("data", "data", "datalog")


def test_ephemeral_data_is_in_volumes_of_the_pod() -> None:
    of = target(storage={"ephemeral": True, "data": {"size": "1Gi"}})
    assert "volumeClaimTemplates" not in build(of)["spec"]
    assert {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}} in pod(of)["volumes"]


def test_stopping_keeps_the_volumes_whatever_the_policy() -> None:
    """Kubernetes would take an ensemble of no pods for one scaled down, and delete every claim."""
    retention = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    policy = "persistentVolumeClaimRetentionPolicy"
    running = build(target(storage={"retention": retention}))["spec"][policy]
    stopped = build(target(storage={"retention": retention}, stopped=True), replicas=0)
    assert running == {"whenDeleted": "Delete", "whenScaled": "Delete"}
    assert stopped["spec"][policy] == {"whenDeleted": "Delete", "whenScaled": "Retain"}


def test_the_pod_passes_the_restricted_standard() -> None:
    """Pain 33: https://kubernetes.io/docs/concepts/security/pod-security-standards/ says how."""
    context = container(target())["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    found = pod(target())
    assert found["securityContext"]["runAsNonRoot"] is True
    assert found["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert found["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "zookeeper:3.9.4"),
        ({"repository": "r/zk", "tag": "t"}, "r/zk:t"),
        ({"digest": "sha256:0"}, "zookeeper@sha256:0"),
    ],
)
def test_the_image(image: dict[str, str], reference: str) -> None:
    of = target(image={**image, "pullSecrets": [{"name": "s"}]})
    assert container(of)["image"] == reference
    assert pod(of)["imagePullSecrets"] == [{"name": "s"}]
    assert "imagePullSecrets" not in pod(target())


@pytest.mark.parametrize(
    ("resources", "percent", "heap"),
    [
        ({"limits": {"memory": "512Mi"}}, 60, 307),
        ({"limits": {"memory": "1Gi"}}, 50, 512),
        ({"limits": {"memory": 2**30}}, 50, 512),
        ({"requests": {"memory": "1Gi"}}, 50, 512),
        ({}, 50, 256),
        ({"limits": {"memory": "much"}}, 50, 0),
    ],
)
def test_the_heap_follows_the_memory(resources: dict[str, Any], percent: int, heap: int) -> None:
    of = target(resources=resources, jvm={"heapPercent": percent})
    assert heap_mebibytes(of.spec) == heap
    assert environment(of)["ZK_SERVER_HEAP"] == str(heap)


def test_options_of_the_user_come_last_and_do_not_reach_the_tools_in_the_pod() -> None:
    found = environment(target(jvm={"options": ["-XX:+UseZGC", "-Dzookeeper.log.level=DEBUG"]}))
    assert found["SERVER_JVMFLAGS"].split()[-2:] == ["-XX:+UseZGC", "-Dzookeeper.log.level=DEBUG"]
    assert "-Dsun.net.inetaddr.ttl=0" in found["SERVER_JVMFLAGS"].split()
    assert "JVMFLAGS" not in found


def test_the_log_is_as_asked_for() -> None:
    """Act 2 of the tutorial: JSON or text, and the level."""
    plain = environment(target())["SERVER_JVMFLAGS"].split()
    assert {"-Dzookeeper.log.level=INFO", "-Dzookeeper.log.format=text"} <= set(plain)
    of = target(logging={"level": "DEBUG", "format": "json"})
    changed = environment(of)["SERVER_JVMFLAGS"].split()
    assert {"-Dzookeeper.log.level=DEBUG", "-Dzookeeper.log.format=json"} <= set(changed)
    assert "-Dzookeeper.log.target=System.out" in changed


def test_a_member_without_a_quorum_is_not_killed() -> None:
    found = container(target())
    alive = found["livenessProbe"]
    assert alive["httpGet"]["path"] == "/commands/ruok"
    assert alive["periodSeconds"] * alive["failureThreshold"] >= 60
    assert found["startupProbe"]["exec"]["command"] == ["bash", "/config/started.sh"]
    assert found["readinessProbe"]["httpGet"]["path"] == "/commands/monitor"


def test_client_tools_in_the_pod_read_what_the_server_holds() -> None:
    assert "CLIENT_JVMFLAGS" not in environment(target())
    of = target(jvm={"options": ["-Djute.maxbuffer=4194304", "-XX:+UseZGC"]})
    assert environment(of)["CLIENT_JVMFLAGS"] == "-Djute.maxbuffer=4194304"
    assert "-Djute.maxbuffer=4194304" in environment(of)["SERVER_JVMFLAGS"].split()


def test_what_the_operator_owns_of_a_pod_is_complete() -> None:
    of = target(storage={"log": {}, "ephemeral": True})
    # Earlier versions had the first of these, and not the others, which an ensemble may use that still runs.
    assert {*OWN_ENVIRONMENT} - {"SUPER_DIGEST"} == set(environment(of))
    mounts = {m["mountPath"] for m in container(of)["volumeMounts"]}
    assert {*OWN_MOUNTS, SUPER_USER_DIRECTORY} == mounts
    assert {*OWN_VOLUMES, names.SUPER_USER_VOLUME} == {v["name"] for v in pod(of)["volumes"]}


ALLOWED: dict[str, Any] = {
    "metadata": {"labels": {"team": "a"}, "annotations": {"prometheus.io/scrape": "true"}},
    "spec": {
        "serviceAccountName": "zk",
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "topologySpreadConstraints": None,
        "priorityClassName": "high",
        "volumes": [{"name": "ca", "secret": {"secretName": "ca"}}],
        "initContainers": [{"name": "wait", "image": "busybox"}],
        "containers": [
            {
                "name": "zookeeper",
                "env": [{"name": "EXTRA", "value": "1"}],
                "volumeMounts": [{"name": "ca", "mountPath": "/ca"}],
                "ports": [{"name": "metrics", "containerPort": 7000}],
            },
            {"name": "side", "image": "busybox", "command": ["sleep"]},
        ],
    },
}


def test_a_template_that_breaks_nothing_is_merged() -> None:
    of = target(podTemplate=ALLOWED)
    asked = replace(
        ensemble(podTemplate=ALLOWED), allowed_privileges=frozenset({"serviceAccountName"})
    )
    assert pod_template_problems(asked) == ()
    template = build(of)["spec"]["template"]
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["metadata"]["labels"][names.LABEL_ENSEMBLE] == "zk"
    spec = template["spec"]
    assert spec["serviceAccountName"] == "zk"
    assert "topologySpreadConstraints" not in spec
    assert [c["name"] for c in spec["containers"]] == ["zookeeper", "side"]
    assert environment(of)["EXTRA"] == "1"
    assert {*environment(of), "SUPER_DIGEST"} > set(OWN_ENVIRONMENT)
    assert container(of)["command"] == ["bash", "/config/start.sh"]
    assert len(container(of)["ports"]) == 5


def zookeeper(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "zookeeper", **container}]}}


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ({"kind": "Pod"}, "podTemplate.kind"),
        ({"metadata": {"name": "x"}}, "metadata.name"),
        ({"metadata": []}, "metadata must be"),
        ({"metadata": {"labels": {names.LABEL_COMPONENT: "x"}}}, names.LABEL_COMPONENT),
        ({"metadata": {"labels": {names.LABEL_ENSEMBLE: None}}}, names.LABEL_ENSEMBLE),
        ({"metadata": {"labels": None}}, "labels must be"),
        ({"metadata": {"annotations": {names.ANNOTATION_TARGET: "x"}}}, names.ANNOTATION_TARGET),
        ({"spec": "x"}, "spec must be"),
        ({"spec": {"hostname": "x"}}, "spec.hostname"),
        ({"spec": {"subdomain": "x"}}, "spec.subdomain"),
        ({"spec": {"hostNetwork": True}}, "spec.hostNetwork"),
        ({"spec": {"restartPolicy": "Never"}}, "spec.restartPolicy"),
        ({"spec": {"containers": None}}, "containers must be"),
        ({"spec": {"containers": [{"image": "x"}]}}, "containers must be"),
        ({"spec": {"volumes": [{"name": "data", "emptyDir": {}}]}}, "volumes: data"),
        ({"spec": {"initContainers": [{"name": "zookeeper"}]}}, "initContainers: zookeeper"),
        (zookeeper(command=["sh"]), "command"),
        (zookeeper(args=["x"]), "args"),
        (zookeeper(image="x"), "use spec.image"),
        (zookeeper(resources={}), "use spec.resources"),
        (zookeeper(livenessProbe=None), "livenessProbe"),
        (zookeeper(readinessProbe={}), "readinessProbe"),
        (zookeeper(startupProbe={}), "startupProbe"),
        (zookeeper(env=None), "env must be"),
        (zookeeper(env=[{"name": "ZOO_MY_ID", "value": "7"}]), "ZOO_MY_ID"),
        (zookeeper(env=[{"name": "ZOO_DATA_DIR", "value": "/x"}]), "ZOO_DATA_DIR"),
        (zookeeper(env=[{"name": "SERVER_JVMFLAGS", "value": ""}]), "spec.jvm"),
        (zookeeper(volumeMounts=[{"name": "x", "mountPath": "/data"}]), "/data"),
        (zookeeper(volumeMounts=[{"name": "x", "mountPath": "/data/version-2/"}]), "/data"),
        (zookeeper(volumeMounts=[{"name": "x", "mountPath": "/"}]), "/ is owned"),
        (zookeeper(ports=[{"containerPort": 2181, "name": "x"}]), "2181"),
        ({"spec": {"containers": [{"name": "s", "ports": [{"containerPort": 8080}]}]}}, "8080"),
    ],
)
def test_a_template_that_breaks_a_promise_is_refused(template: dict[str, Any], named: str) -> None:
    problems = pod_template_problems(ensemble(podTemplate=template))
    assert problems
    assert problems[0].message.startswith("spec.podTemplate")
    assert named in problems[0].message


@pytest.mark.parametrize(
    ("template", "named"),
    [
        (zookeeper(env=[{"name": "JVMFLAGS", "value": "-Xmx2g"}]), "use spec.jvm.options"),
        (zookeeper(env=[{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx2g"}]), "spec.jvm.options"),
        (zookeeper(env=[{"name": "_JAVA_OPTIONS", "valueFrom": {}}]), "spec.jvm.options"),
        (zookeeper(env=[{"name": "JMXPORT", "value": "1099"}]), "spec.jvm.options"),
        (zookeeper(env=[{"name": "LD_PRELOAD", "value": "/x.so"}]), "spec.image"),
        (zookeeper(env=[{"name": "BASH_ENV", "value": "/x"}]), "spec.image"),
        (zookeeper(envFrom=[{"secretRef": {"name": "x"}}]), "name each variable in env"),
        (zookeeper(volumeMounts=[{"name": "x", "mountPath": "/docker-entrypoint.sh"}]), "start"),
        (zookeeper(volumeMounts=[{"name": "x", "mountPath": "/dev/termination-log"}]), "start"),
        (
            {
                "spec": {
                    "initContainers": [
                        {"name": "s", "restartPolicy": "Always", "ports": [{"containerPort": 3888}]}
                    ]
                }
            },
            "3888",
        ),
    ],
)
def test_no_door_leads_past_the_rules_for_other_fields(
    template: dict[str, Any], named: str
) -> None:
    (problem,) = pod_template_problems(ensemble(podTemplate=template))
    assert named in problem.message


@pytest.mark.parametrize("name", ["JAVA_OPT", "MY_JVMFLAGS", "TZ", "ZK_CLIENT_HEAP"])
def test_other_variables_are_free(name: str) -> None:
    template = zookeeper(env=[{"name": name, "value": "1"}])
    assert pod_template_problems(ensemble(podTemplate=template)) == ()


def test_the_last_words_of_a_server_are_in_the_message_of_its_container() -> None:
    """The start script writes into the file of the message; what is empty falls back to the log."""
    found = container(target())
    assert found["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert "terminationMessagePath" not in found


def test_a_platform_that_sets_the_ids_is_left_to_do_so() -> None:
    fixed, left = (
        pod(target(securityContext={"mode": mode}))["securityContext"]
        for mode in ("Fixed", "Platform")
    )
    assert fixed == pod(target())["securityContext"]
    assert {key for key in fixed if key not in left} == {"runAsUser", "runAsGroup", "fsGroup"}
    assert left["runAsNonRoot"] is True
    assert left["seccompProfile"] == {"type": "RuntimeDefault"}
