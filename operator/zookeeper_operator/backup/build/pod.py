"""What the pods of all Jobs of backups have in common: who they run as, and how storage is mounted. Pure."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from zookeeper_operator.agent import mounts
from zookeeper_operator.api.backup import BackupSpec
from zookeeper_operator.api.group import API_VERSION
from zookeeper_operator.backup import names
from zookeeper_operator.backup.build.program import Program
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.kube.api import FIELD_MANAGER, Object

USER: Final = 1000
_SECRET_MODE: Final = 0o440
_TMP: Final = "/tmp"  # noqa: S108 -- of a container
_SCHEDULING: Final = (
    "nodeSelector",
    "tolerations",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "dnsPolicy",
    "dnsConfig",
)
"""What `spec.podTemplate.spec` of the ensemble says of its pods, and holds for a pod beside them."""

AGENT_RESOURCES: Final[Object] = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"memory": "384Mi"},
}
"""The agent works on streams: it needs the same for 1 MB and for 10 GB."""

LOCKED: Final[Object] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def labels_of(backup: Backup, *, joins: bool = False) -> dict[str, str]:
    """The labels of a Job, of its ConfigMap and of its pod; never that of the ensemble.

    What `joins` the ensemble is let through to the members by the NetworkPolicy.
    """
    return {
        "app.kubernetes.io/name": names.APP,
        "app.kubernetes.io/managed-by": FIELD_MANAGER,
        **({names.LABEL_BACKUP_OF: backup.spec.ensemble_ref.name} if joins else {}),
        names.LABEL_BACKUP: backup.metadata.name,
        names.LABEL_BACKUP_UID: backup.metadata.uid,
    }


def metadata_of(backup: Backup, name: str, annotations: Mapping[str, str] | None = None) -> Object:
    """The metadata of an object that lives as long as a backup."""
    metadata: Object = {
        "name": name,
        "namespace": backup.metadata.namespace,
        "labels": labels_of(backup),
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": names.BACKUPS.kind,
                "name": backup.metadata.name,
                "uid": backup.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }
    return metadata | ({"annotations": dict(annotations)} if annotations else {})


def security_context(*, platform: bool) -> Object:
    """Who the processes run as; a platform that sets the ids itself refuses others."""
    ids = {} if platform else {"runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
    return {
        **ids,
        "runAsNonRoot": True,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def pod_spec(backup: Backup, *, platform: bool, template: Mapping[str, Any]) -> Object:
    """The parts of a pod spec that are the same for each Job."""
    scheduling = {key: template[key] for key in _SCHEDULING if template.get(key) is not None}
    account = backup.spec.service_account_name
    return {
        **scheduling,
        **({"serviceAccountName": account} if account else {}),
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 10,
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": security_context(platform=platform),
    }


def agent_container(
    command: str, program: Program, spec: BackupSpec, *further: Object, name: str = names.AGENT
) -> Object:
    """The container of the agent, with the storage and what it needs to use it."""
    return {
        "name": name,
        "image": program.image,
        "imagePullPolicy": program.pull_policy,
        "command": ["python", "-m", "zookeeper_operator.agent", command],
        "securityContext": LOCKED,
        "resources": AGENT_RESOURCES,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "task", "mountPath": _directory(mounts.TASK), "readOnly": True},
            {"name": "tmp", "mountPath": _TMP},
            *_storage_mounts(spec),
            *further,
        ],
    }


def _storage_mounts(spec: BackupSpec) -> list[Object]:
    found: list[Object] = []
    if spec.storage.persistent_volume_claim is not None:
        found.append({"name": "backups", "mountPath": mounts.BACKUPS})
    if spec.storage.s3 is not None and spec.storage.s3.credentials_secret is not None:
        found.append({"name": "s3", "mountPath": mounts.S3_CREDENTIALS, "readOnly": True})
    if spec.encryption is not None:
        path = _directory(mounts.ENCRYPTION_KEY)
        found.append({"name": "encryption", "mountPath": path, "readOnly": True})
    return found


def agent_volumes(config: str, spec: BackupSpec, *, platform: bool) -> list[Object]:
    """The volumes of the agent: its task, and the storage with what is needed to use it."""
    mode = {} if platform else {"defaultMode": _SECRET_MODE}
    storage = spec.storage
    task: list[Object] = [
        {"configMap": {"name": config, "items": [_item("task.json", mounts.TASK)]}}
    ]
    found: list[Object] = []
    if storage.s3 is not None and storage.s3.ca_secret is not None:
        ca = storage.s3.ca_secret
        task.append({"secret": {"name": ca.name, "items": [_item(ca.key, mounts.CA)]}})
    if storage.s3 is not None and storage.s3.credentials_secret is not None:
        secret = {"secretName": storage.s3.credentials_secret.name, **mode}
        found.append({"name": "s3", "secret": secret})
    if storage.persistent_volume_claim is not None:
        claim = {"claimName": storage.persistent_volume_claim.claim_name}
        found.append({"name": "backups", "persistentVolumeClaim": claim})
    if spec.encryption is not None:
        key = spec.encryption.secret_ref
        items = [_item(key.key, mounts.ENCRYPTION_KEY)]
        found.append(
            {"name": "encryption", "secret": {"secretName": key.name, "items": items, **mode}}
        )
    return [
        {"name": "task", "projected": {"sources": task}},
        {"name": "tmp", "emptyDir": {}},
        *found,
    ]


def _item(key: str, path: str) -> Object:
    return {"key": key, "path": PurePosixPath(path).name}


def _directory(path: str) -> str:
    return str(PurePosixPath(path).parent)


def job(
    backup: Backup,
    name: str,
    spec: Object,
    *,
    seconds: int,
    joins: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """A Job of one pod, which Kubernetes does not try again."""
    labels = labels_of(backup, joins=joins)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata_of(backup, name, annotations) | {"labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "template": {
                "metadata": {
                    "labels": labels,
                    # A node must not be emptied for its own sake in the middle of a backup.
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
                },
                "spec": spec,
            },
        },
    }


def config_map(backup: Backup, name: str, data: Mapping[str, str]) -> Object:
    """The ConfigMap that a Job mounts; what it says does not change."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata_of(backup, name),
        "immutable": True,
        "data": dict(data),
    }


def image_pull_secrets(secrets: tuple[Any, ...]) -> Object:
    """The Secrets with the credentials of the registry, as the ensemble names them."""
    return {"imagePullSecrets": [{"name": s.name} for s in secrets]} if secrets else {}
