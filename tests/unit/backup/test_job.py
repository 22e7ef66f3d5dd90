"""The Job of a backup: what its containers see, and what they do not."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.backup.values import SPEC, backup
from tests.unit.ensemble.build.targets import ensemble

from zookeeper_operator.agent import mounts
from zookeeper_operator.archive.retention import RetentionRule
from zookeeper_operator.backup.build.job import build_config, build_job
from zookeeper_operator.backup.build.program import Order, Program
from zookeeper_operator.backup.build.prune import build_prune_config, build_prune_job
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.security.phase import PLAIN, Phase
from zookeeper_operator.kube.api import Object

PROGRAM = Program("operator:1")
S3: Object = {
    "s3": {
        "bucket": "bucket",
        "endpoint": "https://s3.example.org",
        "credentialsSecret": {"name": "keys"},
        "caSecret": {"name": "authority"},
    }
}


def order(phase: Phase = PLAIN, *, asked: Object | None = None, **spec: Any) -> Order:
    of = ensemble(**(asked or {}))
    membership = Membership((of.server(1),), 1, (), "identity-of-it")
    return Order(backup(**spec), 1, of, membership, phase, PROGRAM)


def containers(job: Object) -> dict[str, Object]:
    spec = job["spec"]["template"]["spec"]
    return {c["name"]: c for c in (*spec.get("initContainers", ()), *spec["containers"])}


def mounted(container: Object) -> dict[str, str]:
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


def volumes(job: Object) -> dict[str, Object]:
    return {v["name"]: v for v in job["spec"]["template"]["spec"]["volumes"]}


def test_the_steps_are_run_one_after_the_other_and_once() -> None:
    job = build_job(order())
    assert list(containers(job)) == ["sync", "verify", "agent"]
    assert list(containers(build_job(order(verify="Checksum")))) == ["sync", "agent"]
    assert (job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == (0, 3600)
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert job["metadata"]["name"] == "zk-backup"


def test_no_service_or_budget_of_the_ensemble_selects_the_pod() -> None:
    labels = build_job(order())["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "zookeeper-backup"
    assert labels[names.LABEL_BACKUP_OF] == "zk"
    assert names.LABEL_ENSEMBLE not in labels


def test_it_goes_with_its_backup_and_with_nothing_else() -> None:
    for body in (build_job(order()), build_config(order())):
        (owner,) = body["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("ZookeeperBackup", "first")


def test_only_the_agent_sees_the_storage_and_its_secrets() -> None:
    encryption = {"secretRef": {"name": "secret", "key": "backup.key"}}
    job = build_job(order(storage=S3, encryption=encryption))
    agent, found = containers(job)["agent"], volumes(job)
    assert mounted(agent)[mounts.S3_CREDENTIALS] == "s3"
    assert mounted(agent)["/var/run/secrets/zookeeper-backup/encryption"] == "encryption"
    assert found["encryption"]["secret"]["items"] == [{"key": "backup.key", "path": "key"}]
    ca = found["task"]["projected"]["sources"][1]["secret"]
    assert ca == {"name": "authority", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    for name in ("sync", "verify"):
        seen = set(mounted(containers(job)[name]).values())
        assert seen == {"config", "membership", "work", "tmp"}


def test_no_secret_is_in_the_job_or_in_its_configuration() -> None:
    """They name Secrets, and hold none: no super password, no key, no credential in the environment."""
    made = order(storage=S3)
    for container in containers(build_job(made)).values():
        assert "valueFrom" not in json.dumps(container.get("env", []))
    assert "zk-auth" not in json.dumps(build_job(made))
    task = json.loads(build_config(made)["data"]["task.json"])
    assert task["storage"]["s3"]["credentialsSecret"] == {"name": "keys"}


def test_certificates_are_mounted_where_the_members_use_them() -> None:
    job = build_job(order(Phase(3, 1), asked={"tls": {}}))
    assert mounted(containers(job)["sync"])["/certificates"] == "certificates"
    assert "/certificates" not in mounted(containers(job)["verify"])
    assert volumes(job)["certificates"]["secret"]["secretName"] == "zk-tls"
    keys = build_config(order(Phase(3, 1), asked={"tls": {}}))["data"]["zoo.cfg"]
    assert "sslQuorum=true" in keys
    assert "sslQuorum" not in build_config(order())["data"]["zoo.cfg"]


def test_a_server_has_the_memory_of_a_member_or_what_is_asked_for() -> None:
    asked = {"resources": {"limits": {"memory": "1000Mi"}}}
    same = containers(build_job(order(asked=asked)))["sync"]
    more = {"limits": {"memory": "2000Mi"}}
    larger = containers(build_job(order(asked=asked, resources=more)))["sync"]
    assert {"name": "ZK_SERVER_HEAP", "value": "600"} in same["env"]
    assert {"name": "ZK_SERVER_HEAP", "value": "1200"} in larger["env"]
    assert larger["resources"]["limits"]["memory"] == "2000Mi"


@pytest.mark.parametrize("mode", ["Fixed", "Platform"])
def test_every_container_is_restricted(mode: str) -> None:
    job = build_job(order(asked={"securityContext": {"mode": mode}}))
    spec = job["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert ("runAsUser" in spec["securityContext"]) == (mode == "Fixed")
    assert not spec["automountServiceAccountToken"]
    for container in containers(job).values():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_it_goes_where_members_may_go() -> None:
    tolerations = [{"key": "zookeeper", "operator": "Exists"}]
    template = {"spec": {"tolerations": tolerations, "nodeSelector": {"disk": "fast"}}}
    spec = build_job(order(asked={"podTemplate": template}))["spec"]["template"]["spec"]
    assert (spec["tolerations"], spec["nodeSelector"]) == (tolerations, {"disk": "fast"})


def test_the_task_says_whose_backup_it_is_and_what_stays() -> None:
    made = replace(order(), retention=RetentionRule(keep_last=3))
    task = json.loads(build_config(made)["data"]["task.json"])
    assert task["source"] == {"namespace": "demo", "ensemble": "zk", "identity": "identity-of-it"}
    assert (task["backup"], task["backupUid"]) == ("first", "uid-of-first")
    assert task["schedule"] == "nightly"
    assert task["retention"]["keepLast"] == 3
    assert task["storage"] == SPEC["storage"] | {
        "persistentVolumeClaim": {"claimName": "backups", "subPath": ""}
    }


def test_a_pod_that_removes_is_not_let_through_to_members() -> None:
    done = backup(status={"path": "place/zk/identity/20261126T020017Z-1"})
    job = build_prune_job(done, PROGRAM)
    assert names.LABEL_BACKUP_OF not in job["spec"]["template"]["metadata"]["labels"]
    assert list(containers(job)) == ["agent"]
    task = json.loads(build_prune_config(done)["data"]["task.json"])
    assert task["paths"] == ["place/zk/identity/20261126T020017Z-1"]
