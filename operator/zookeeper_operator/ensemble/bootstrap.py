"""Which backup a new ensemble is founded from, as a task for the program that restores its first member.

Pure. The task is published once, in `zk-membership`, and counts from then on: what a backup object says
later, or that it is deleted, changes nothing any more.
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from zookeeper_operator.agent.result import Failure
from zookeeper_operator.agent.task import RestoreTask, Source
from zookeeper_operator.api.backup import BackupSpec, EncryptionSpec
from zookeeper_operator.api.bootstrap import FromBackupSpec
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object


class FoundingTask(RestoreTask):
    """The task of the first member, and where its pod finds the key; the program ignores the latter."""

    encryption: EncryptionSpec | None = Field(default=None, description="Where the key is.")


@dataclass(frozen=True)
class FoundBackup:
    """What `backupRef` has led to: the object, or why it cannot be read."""

    body: Object | None = None
    why: str = ""


@dataclass(frozen=True)
class Founding:
    """The task of a founding from a backup; with `waits_for`, why there is none yet."""

    task: str = ""
    waits_for: str = ""


def backup_name(ensemble: Ensemble) -> str | None:
    """The ZookeeperBackup that the spec names; None if it names none."""
    bootstrap = ensemble.spec.bootstrap
    reference = None if bootstrap is None else bootstrap.from_backup.backup_ref
    return None if reference is None else reference.name


def read_task(text: str) -> FoundingTask | None:
    """A task as it was published; None if it cannot be read."""
    try:
        return FoundingTask.model_validate_json(text)
    except ValidationError:
        return None


def read_failure(message: str) -> str:
    """What the program that restores a member has left as its last words; anything else as it is."""
    try:
        failure = Failure.model_validate_json(message)
    except ValidationError:
        return message.strip()
    return f"{failure.message} ({failure.reason})"


def plan_founding(ensemble: Ensemble, backup: FoundBackup, identity: str) -> Founding:
    """The task of the first member, from the spec and from what it refers to."""
    bootstrap = ensemble.spec.bootstrap
    if bootstrap is None:
        return Founding(waits_for="spec.bootstrap is not set")
    if not ensemble.agent_image:
        return Founding(
            waits_for="the operator does not know its own image, which restores the first member; set "
            "ZOOKEEPER_OPERATOR_IMAGE, as its chart does"
        )
    if ensemble.spec.storage.ephemeral:
        return Founding(waits_for="spec.bootstrap needs volumes; unset spec.storage.ephemeral")
    asked = bootstrap.from_backup
    if asked.location is not None:
        where: dict[str, Any] = {"storage": asked.location.storage, "path": asked.location.path}
    else:
        found = _from_reference(asked, backup)
        if isinstance(found, str):
            return Founding(waits_for=found)
        where = found
    encryption = asked.encryption or where.pop("encryption", None)
    task = FoundingTask(
        **{key: value for key, value in where.items() if key != "encryption"},
        encrypted=encryption is not None,
        encryption=encryption,
        subtree=asked.subtree,
        last_epoch=asked.min_epoch,
        target=Source(namespace=ensemble.namespace, ensemble=ensemble.name, identity=identity),
        member=ensemble.first_id,
    )
    return Founding(task=json.dumps(task.to_api(), separators=(",", ":"), sort_keys=True))


def _from_reference(asked: FromBackupSpec, backup: FoundBackup) -> dict[str, Any] | str:
    """Where the backup of `backupRef` is; a sentence if that is not known yet."""
    name = "" if asked.backup_ref is None else asked.backup_ref.name
    if not name:
        return "spec.bootstrap.fromBackup needs backupRef or location"
    if backup.why:
        return f"ZookeeperBackup {name} cannot be read: {backup.why}"
    if backup.body is None:
        return f"ZookeeperBackup {name} does not exist in this namespace"
    status = backup.body.get("status") or {}
    phase = status.get("phase") or "Pending"
    if phase == "Failed":
        return f"ZookeeperBackup {name} has failed; name another one in a new ensemble"
    if phase != "Succeeded" or not status.get("path"):
        return f"ZookeeperBackup {name} is not complete yet ({phase})"
    try:
        spec = BackupSpec.model_validate(backup.body.get("spec") or {})
    except ValidationError:
        return f"the spec of ZookeeperBackup {name} cannot be read"
    return {
        "storage": spec.storage,
        "path": str(status["path"]),
        "sha256": status.get("sha256"),
        "encryption": spec.encryption,
    }
