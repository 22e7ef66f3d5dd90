"""The init container that restores the first member of an ensemble that is founded from a backup.

It is in the pod template only until the ensemble is founded: its members must never depend on an image or on
a Secret that only a restore needs. It does nothing where a database exists.
"""

from typing import Final

from zookeeper_operator.agent import mounts
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.bootstrap import FoundingTask
from zookeeper_operator.ensemble.membership import RESTORE_KEY
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object

TASK_VOLUME: Final = "restore-task"
CREDENTIALS_VOLUME: Final = "restore-credentials"
KEY_VOLUME: Final = "restore-key"
BACKUPS_VOLUME: Final = "restore-backups"
RESTORE_VOLUMES: Final = (TASK_VOLUME, CREDENTIALS_VOLUME, KEY_VOLUME, BACKUPS_VOLUME)

_READABLE_BY_GROUP: Final = 0o440


def build_restore_container(target: Target, task: FoundingTask) -> Object:
    """The container, with the resources of a member."""
    container: Object = {
        "name": names.RESTORE,
        "image": target.agent_image,
        "imagePullPolicy": target.agent_pull_policy,
        "command": ["python", "-m", "zookeeper_operator.agent", "restore"],
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108
        "securityContext": build_container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *build_database_mounts(target),
            {"name": "scratch", "mountPath": "/tmp", "subPath": "tmp"},  # noqa: S108
            *_mounts(task),
        ],
    }
    if resources := build_resources(target.spec):
        container["resources"] = resources
    return container


def build_restore_volumes(target: Target, task: FoundingTask) -> list[Object]:
    """What the container mounts beside the volumes of the member."""
    mode = (
        {"defaultMode": _READABLE_BY_GROUP} if target.spec.security_context.mode == "Fixed" else {}
    )
    sources: list[Object] = [
        {
            "configMap": {
                "name": names.membership_name(target.name),
                "items": [{"key": RESTORE_KEY, "path": _name_of(mounts.TASK)}],
            }
        }
    ]
    volumes: list[Object] = []
    s3, claim = task.storage.s3, task.storage.persistent_volume_claim
    if s3 is not None and s3.ca_secret is not None:
        items = [{"key": s3.ca_secret.key, "path": _name_of(mounts.CA)}]
        sources.append({"secret": {"name": s3.ca_secret.name, "items": items}})
    volumes.append({"name": TASK_VOLUME, "projected": {"sources": sources, **mode}})
    if s3 is not None and s3.credentials_secret is not None:
        secret = {"secretName": s3.credentials_secret.name, **mode}
        volumes.append({"name": CREDENTIALS_VOLUME, "secret": secret})
    if claim is not None:
        source = {"claimName": claim.claim_name, "readOnly": True}
        volumes.append({"name": BACKUPS_VOLUME, "persistentVolumeClaim": source})
    if task.encryption is not None:
        reference = task.encryption.secret_ref
        items = [{"key": reference.key, "path": _name_of(mounts.ENCRYPTION_KEY)}]
        secret = {"secretName": reference.name, "items": items, **mode}
        volumes.append({"name": KEY_VOLUME, "secret": secret})
    return volumes


def build_database_mounts(target: Target) -> list[Object]:
    """Where a member has its snapshots and its transaction log."""
    log = names.DATA_VOLUME if target.spec.storage.log is None else names.LOG_VOLUME
    return [
        {"name": names.DATA_VOLUME, "mountPath": mounts.DATA, "subPath": "data"},
        {"name": log, "mountPath": mounts.TRANSACTIONS, "subPath": "datalog"},
    ]


def build_container_security() -> Object:
    """What no container of ours may do."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def build_resources(spec: EnsembleSpec) -> Object:
    """The resources of a member; empty if the spec gives none."""
    resources = {
        "requests": dict(sorted(spec.resources.requests.items())),
        "limits": dict(sorted(spec.resources.limits.items())),
    }
    return {kind: value for kind, value in resources.items() if value}


def _mounts(task: FoundingTask) -> list[Object]:
    s3 = task.storage.s3
    wanted = {TASK_VOLUME: _directory_of(mounts.TASK)}
    if s3 is not None and s3.credentials_secret is not None:
        wanted[CREDENTIALS_VOLUME] = mounts.S3_CREDENTIALS
    if task.storage.persistent_volume_claim is not None:
        wanted[BACKUPS_VOLUME] = mounts.BACKUPS
    if task.encryption is not None:
        wanted[KEY_VOLUME] = _directory_of(mounts.ENCRYPTION_KEY)
    return [{"name": n, "mountPath": path, "readOnly": True} for n, path in wanted.items()]


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]


def _directory_of(path: str) -> str:
    return path.rpartition("/")[0]
