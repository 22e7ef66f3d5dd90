"""Founding an ensemble from a backup: one member, no founders, and never an empty database."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    applied,
    claim,
    committed,
    disruptive,
    edited,
    ensemble,
    live,
    pod,
    voting,
)

from zookeeper_operator.agent.task import RestoreTask
from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.bootstrap import FoundBackup
from zookeeper_operator.ensemble.membership import Membership, read_membership
from zookeeper_operator.ensemble.observed import Observed, Trouble
from zookeeper_operator.ensemble.plan import build_plan, understand
from zookeeper_operator.ensemble.report.status import build_status
from zookeeper_operator.kube.api import Object

S3 = {
    "s3": {
        "bucket": "b",
        "endpoint": "https://s3.example",
        "credentialsSecret": {"name": "s3"},
        "caSecret": {"name": "ca"},
    }
}
PATH = "demo/old/0123abcd/20261126T020017Z-200000da0"
BY_LOCATION = {"bootstrap": {"fromBackup": {"location": {"storage": S3, "path": PATH}}}}
BY_REFERENCE = {"bootstrap": {"fromBackup": {"backupRef": {"name": "nightly"}}}}
KEY = {"secretRef": {"name": "key", "key": "k"}}
BACKUP: Object = {
    "kind": "ZookeeperBackup",
    "spec": {"ensembleRef": {"name": "old"}, "storage": S3, "encryption": KEY},
    "status": {"phase": "Succeeded", "path": PATH, "sha256": "ab" * 32, "epoch": 7},
}


def new(spec: dict[str, Any], **changes: Any) -> Observed:
    """An ensemble of which nothing exists yet."""
    owner = ensemble({"replicas": 3, **spec}, foundedAt=None, identity=None)
    owner = replace(owner, agent_image="operator:1")
    return replace(Observed(ensemble=owner, now=NOW, fresh_password="fresh"), **changes)


def begun(spec: dict[str, Any] = BY_LOCATION) -> Observed:
    """The children of the first reconcile are there, and the first pod starts."""
    scene = new(spec, backup=FoundBackup(BACKUP))
    bodies = [a.body for a in build_plan(scene).actions if hasattr(a, "body")]
    children = tuple(live(body) for body in bodies)
    return replace(
        scene, children=children, pods=(pod(1, ready=False),), claims=(claim(1, member=None),)
    )


def lists(scene: Observed) -> list[Membership]:
    found = applied(build_plan(scene).actions, "ConfigMap")
    return [read_membership(b) for b in found if b["metadata"]["name"] == "zk-membership"]


def statefulset(scene: Observed) -> Object:
    (found,) = applied(build_plan(scene).actions, "StatefulSet")
    return found


def condition(scene: Observed, type_: str) -> dict[str, Any]:
    status = build_status(build_plan(scene), restarted={})
    return next(c for c in status["conditions"] if c["type"] == type_)


def test_one_member_without_founders_is_given_the_task() -> None:
    scene = new(BY_LOCATION)
    (membership,) = lists(scene)
    assert membership.voters == {1}
    assert membership.founders == ()
    assert membership.version == 0
    task = json.loads(membership.restore)
    assert RestoreTask.model_validate(task).path == PATH, "the program can read it"
    assert task["path"] == PATH
    assert task["storage"]["s3"]["bucket"] == "b"
    assert task["target"] == {"namespace": "demo", "ensemble": "zk", "identity": "uid-of-zk"}
    assert task["member"] == 1
    body = statefulset(scene)
    assert body["spec"]["replicas"] == 1
    (container,) = body["spec"]["template"]["spec"]["initContainers"]
    assert container["name"] == "restore"
    assert container["image"] == "operator:1"


def test_a_backup_of_the_namespace_brings_its_storage_and_its_key() -> None:
    scene = new(BY_REFERENCE, backup=FoundBackup(BACKUP))
    (membership,) = lists(scene)
    task = json.loads(membership.restore)
    assert (task["path"], task["sha256"], task["encrypted"]) == (PATH, "ab" * 32, True)
    spec = statefulset(scene)["spec"]["template"]["spec"]
    volumes = {v["name"]: v for v in spec["volumes"]}
    key = {"key": "k", "path": "key"}
    assert volumes["restore-key"]["secret"]["secretName"] == "key"
    assert volumes["restore-key"]["secret"]["items"] == [key]
    assert volumes["restore-credentials"]["secret"]["secretName"] == "s3"
    sources = volumes["restore-task"]["projected"]["sources"]
    assert sources[0]["configMap"]["items"] == [{"key": "restore", "path": "task.json"}]
    assert sources[1]["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    (container,) = spec["initContainers"]
    mounted = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    paths = {m["mountPath"]: m.get("subPath") for m in container["volumeMounts"]}
    assert (paths["/data"], paths["/datalog"]) == ("data", "datalog")
    assert mounted["restore-task"] == "/etc/zookeeper-backup"
    assert mounted["restore-credentials"] == "/var/run/secrets/zookeeper-backup/s3"
    assert mounted["restore-key"] == "/var/run/secrets/zookeeper-backup/encryption"


WAITING = {
    "it does not exist": FoundBackup(),
    "it may not be read": FoundBackup(why="forbidden"),
    "it runs": FoundBackup({**BACKUP, "status": {"phase": "Uploading"}}),
    "it has failed": FoundBackup({**BACKUP, "status": {"phase": "Failed"}}),
    "it has just been created": FoundBackup({**BACKUP, "status": None}),
}


@pytest.mark.parametrize("how", WAITING)
def test_nothing_is_created_before_there_is_a_backup(how: str) -> None:
    scene = new(BY_REFERENCE, backup=WAITING[how])
    plan = build_plan(scene)
    assert plan.actions == ()
    assert not plan.settled
    assert condition(scene, conditions.READY)["reason"] == reasons.RESTORING
    assert "nightly" in condition(scene, conditions.READY)["message"]


def test_an_operator_without_its_image_founds_no_empty_ensemble() -> None:
    scene = new(BY_LOCATION)
    assert (
        build_plan(replace(scene, ensemble=replace(scene.ensemble, agent_image=""))).actions == ()
    )


def test_the_task_stays_as_it_was_published() -> None:
    scene = begun(BY_REFERENCE)
    later = replace(scene, backup=FoundBackup())
    assert build_plan(later).actions == ()
    moved = {**BACKUP, "status": {**BACKUP["status"], "path": "elsewhere"}}
    assert build_plan(replace(scene, backup=FoundBackup(moved))).actions == ()
    assert understand(later).membership.founders == ()


def test_a_member_that_is_restored_is_no_founded_ensemble() -> None:
    scene = begun()
    assert not understand(scene).founded
    assert condition(scene, conditions.READY)["reason"] == reasons.RESTORING
    assert PATH in condition(scene, conditions.READY)["message"]
    status = build_status(build_plan(scene), restarted={})
    assert status["restoredFrom"] == PATH
    assert "foundedAt" not in status


def test_a_list_that_is_deleted_meanwhile_does_not_make_founders() -> None:
    scene = begun()
    children = tuple(c for c in scene.children if c["metadata"]["name"] != "zk-membership")
    (membership,) = lists(replace(scene, children=children))
    assert membership.founders == ()
    assert membership.restore


def test_what_the_restore_says_is_reported() -> None:
    scene = begun()
    said = Trouble(reasons.RESTORE_FAILED, "the restore fails: no such bucket")
    failing = replace(scene, pods=(pod(1, ready=False, trouble=said),))
    ready = condition(failing, conditions.READY)
    assert (ready["reason"], ready["message"]) == (
        reasons.RESTORE_FAILED,
        "zk-1: the restore fails: no such bucket",
    )


def founded(scene: Observed) -> Observed:
    """The first member leads."""
    owner = replace(
        scene.ensemble,
        status={**scene.ensemble.status, "restoredFrom": PATH},
    )
    return replace(
        scene,
        ensemble=owner,
        pods=(pod(1),),
        answers={1: answers(1, 1, [1])},
        committed=committed(owner, voting(1), 0x100000000),
    )


def test_a_founded_ensemble_forgets_the_restore_and_depends_on_nothing_of_it() -> None:
    scene = founded(begun())
    (membership,) = lists(scene)
    assert membership.restore == ""
    template = statefulset(scene)["spec"]["template"]
    assert "initContainers" not in template["spec"]
    assert not [v for v in template["spec"]["volumes"] if v["name"].startswith("restore")]
    plain = edited(scene, {"bootstrap": None})
    assert statefulset(plain)["spec"]["template"] == template


def test_an_ensemble_over_volumes_that_exist_is_founded_without_the_backup_and_that_is_reported() -> (
    None
):
    scene = new(BY_LOCATION, claims=(claim(1, member=None),))
    (membership,) = lists(scene)
    assert membership.founders == (1, 2, 3)
    assert membership.restore == ""
    valid = condition(scene, conditions.SPEC_VALID)
    assert (valid["status"], valid["reason"]) == ("True", reasons.BOOTSTRAP_IGNORED)


def test_an_ensemble_whose_volumes_are_retained_is_not_restored_over_them() -> None:
    scene = new(BY_LOCATION, claims=tuple(claim(i) for i in (1, 2, 3)))
    assert understand(scene).founded
    assert lists(scene)[0].restore == ""
    assert condition(scene, conditions.SPEC_VALID)["reason"] == reasons.BOOTSTRAP_IGNORED


def test_a_claim_that_is_being_deleted_is_waited_for() -> None:
    scene = new(BY_LOCATION, claims=(claim(1, member=None, terminating=True),))
    assert build_plan(scene).actions == ()
    assert condition(scene, conditions.READY)["reason"] == reasons.PREVIOUS_ENSEMBLE
    assert condition(scene, conditions.SPEC_VALID)["reason"] == reasons.VALID


def test_a_restored_ensemble_ignores_nothing() -> None:
    scene = founded(begun())
    assert condition(scene, conditions.SPEC_VALID)["reason"] == reasons.VALID


def test_nothing_is_restarted_while_the_first_member_is_restored() -> None:
    assert disruptive(build_plan(begun()).actions) == []
