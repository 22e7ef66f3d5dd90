"""`NAME-backup`: the Job that copies the data out of an ensemble, verifies the copy and stores it. Pure.

Three containers, one after the other: `sync` and `verify` run the image of the ensemble, `agent` that of the
operator. Only the agent sees the storage and its credentials, and no container sees a secret of the ensemble
but its certificates.
"""

import json
from importlib import resources
from typing import Final

from zookeeper_operator.agent import mounts
from zookeeper_operator.agent.task import BackUpTask, Source
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.api.resources import ResourcesSpec
from zookeeper_operator.backup import names
from zookeeper_operator.backup.build import pod
from zookeeper_operator.backup.build.program import Order
from zookeeper_operator.ensemble import names as ensemble_names
from zookeeper_operator.ensemble.build.config import LOGBACK, zoo_cfg
from zookeeper_operator.ensemble.build.pod import heap_mebibytes, image_reference, jvm_flags
from zookeeper_operator.ensemble.build.security import CERTIFICATES_DIRECTORY, keys_of_phase
from zookeeper_operator.kube.api import Object

JOINER_SCRIPT: Final = "joiner.sh"
ZOO_CFG: Final = "zoo.cfg"
_SCRIPTS: Final = {
    JOINER_SCRIPT: (resources.files(__package__) / "scripts" / JOINER_SCRIPT).read_text(
        encoding="utf-8"
    ),
    LOGBACK: (resources.files("zookeeper_operator.ensemble.build") / "scripts" / LOGBACK).read_text(
        encoding="utf-8"
    ),
}


def build_config(order: Order) -> Object:
    """The ConfigMap of one attempt: the task of the agent, and what the servers start with."""
    spec = order.ensemble.spec
    data = {
        **_SCRIPTS,
        ZOO_CFG: zoo_cfg(spec, keys_of_phase(order.phase, spec)),
        "task.json": json.dumps(_task(order).to_api(), indent=2),
    }
    return pod.config_map(order.backup, _config_name(order), data)


def build_job(order: Order) -> Object:
    """The Job of one attempt."""
    backup, spec = order.backup, order.ensemble.spec
    platform = spec.security_context.mode == "Platform"
    servers = [_server_container(order, names.SYNC)]
    if backup.spec.verify == "Restore":
        servers.append(_server_container(order, names.VERIFY))
    work = {"name": "work", "mountPath": mounts.WORK}
    pod_spec = {
        **pod.pod_spec(backup, platform=platform, template=spec.pod_template.get("spec") or {}),
        **pod.image_pull_secrets(spec.image.pull_secrets),
        "initContainers": servers,
        "containers": [pod.agent_container("back-up", order.program, backup.spec, work)],
        "volumes": [
            {"name": "work", "emptyDir": {}},
            {"name": "config", "configMap": {"name": _config_name(order)}},
            {
                "name": "membership",
                "configMap": {"name": ensemble_names.membership_name(order.ensemble.name)},
            },
            *pod.agent_volumes(_config_name(order), backup.spec, platform=platform),
            *_certificates(order, platform=platform),
        ],
    }
    return pod.job(
        backup,
        names.backup_name(order.ensemble.name),
        pod_spec,
        seconds=int(backup.timeout.total_seconds()),
        joins=True,
        annotations={names.ANNOTATION_ATTEMPT: str(order.attempt)},
    )


def _config_name(order: Order) -> str:
    return names.config_name(order.ensemble.name, order.backup.metadata.uid)


def _task(order: Order) -> BackUpTask:
    backup, ensemble = order.backup, order.ensemble
    leader = ensemble.status.get("leader") or {}
    return BackUpTask(
        storage=backup.spec.storage,
        encrypted=backup.spec.encryption is not None,
        source=Source(
            namespace=ensemble.namespace,
            ensemble=ensemble.name,
            identity=order.membership.identity,
        ),
        backup=backup.metadata.name,
        backup_uid=backup.metadata.uid,
        schedule=backup.schedule or None,
        verify=backup.spec.verify,
        zookeeper_version=ensemble.spec.version,
        last_epoch=leader.get("epoch"),
        retention=order.retention,
    )


def _server_container(order: Order, mode: str) -> Object:
    """A container that runs a ZooKeeper server as a member would, beside the ensemble."""
    spec = order.ensemble.spec
    asked = _with_resources(spec, order.backup.spec.resources)
    container: Object = {
        "name": mode,
        "image": image_reference(spec),
        "imagePullPolicy": spec.image.pull_policy,
        "command": ["bash", f"/config/{JOINER_SCRIPT}", mode],
        "env": [
            {"name": "ZK_SERVER_HEAP", "value": str(heap_mebibytes(asked))},
            {"name": "SERVER_JVMFLAGS", "value": " ".join(jvm_flags(spec))},
            {"name": "JOINER_SECONDS", "value": str(int(order.backup.timeout.total_seconds()))},
            {"name": "JMXDISABLE", "value": "true"},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 -- of a container
        ],
        "securityContext": pod.LOCKED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "config", "mountPath": "/config", "readOnly": True},
            {"name": "membership", "mountPath": "/membership", "readOnly": True},
            {"name": "work", "mountPath": mounts.WORK},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 -- of a container
        ],
    }
    if order.phase.uses_certificates and mode == names.SYNC:
        container["volumeMounts"].append(
            {"name": "certificates", "mountPath": CERTIFICATES_DIRECTORY, "readOnly": True}
        )
    wanted = {"requests": asked.resources.requests, "limits": asked.resources.limits}
    container["resources"] = {
        kind: dict(sorted(value.items())) for kind, value in wanted.items() if value
    }
    return container


def _with_resources(spec: EnsembleSpec, own: ResourcesSpec) -> EnsembleSpec:
    """The spec with the resources of the backup laid over those of a member."""
    merged = ResourcesSpec(
        requests={**spec.resources.requests, **own.requests},
        limits={**spec.resources.limits, **own.limits},
    )
    return spec.model_copy(update={"resources": merged})


def _certificates(order: Order, *, platform: bool) -> list[Object]:
    """The stores of the members, read in place: a joiner does not live long enough to see them change."""
    if not order.phase.uses_certificates:
        return []
    secret: Object = {"secretName": ensemble_names.tls_name(order.ensemble.name)}
    if not platform:
        secret["defaultMode"] = 0o440
    return [{"name": "certificates", "secret": secret}]
