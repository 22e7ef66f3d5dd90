"""`prune-UID`: the Job that removes what is stored of a backup that is being deleted. Pure."""

import json
from typing import Final

from zookeeper_operator.agent.task import PruneTask, Source
from zookeeper_operator.backup import names
from zookeeper_operator.backup.build import pod
from zookeeper_operator.backup.build.program import Program
from zookeeper_operator.backup.resource import Backup
from zookeeper_operator.kube.api import Object

_SECONDS: Final = 600


def build_prune_config(backup: Backup) -> Object:
    """The ConfigMap with the task."""
    source = Source(
        namespace=backup.metadata.namespace,
        ensemble=backup.spec.ensemble_ref.name,
        identity=backup.status.ensemble_identity or "",
    )
    task = PruneTask(
        storage=backup.spec.storage,
        source=source,
        paths=(backup.status.path,) if backup.status.path else (),
    )
    data = {"task.json": json.dumps(task.to_api(), indent=2)}
    return pod.config_map(backup, names.prune_name(backup.metadata.uid), data)


def build_prune_job(backup: Backup, program: Program) -> Object:
    """The Job."""
    name = names.prune_name(backup.metadata.uid)
    spec = {
        **pod.pod_spec(backup, platform=False, template={}),
        "containers": [pod.agent_container("prune", program, backup.spec)],
        "volumes": pod.agent_volumes(name, backup.spec, platform=False),
    }
    return pod.job(backup, name, spec, seconds=_SECONDS)
