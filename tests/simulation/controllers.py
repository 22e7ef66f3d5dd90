"""The StatefulSet controller of Kubernetes, for what the operator uses of it.

Simulated: `podManagementPolicy: Parallel`, `ordinals.start`, `updateStrategy: OnDelete`, revisions of
the template, `status.observedGeneration` and `updateRevision` that follow with a delay, claims made from
the templates and never taken away by themselves, `persistentVolumeClaimRetentionPolicy`, adoption of
orphaned pods that match the selector. A claim that is being deleted keeps its pod from being made.
https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
"""

import json
from typing import Any

from tests.simulation.api_server import ApiServer
from tests.simulation.stage import Stage

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object


class StatefulSetController:
    """Makes and unmakes pods."""

    def __init__(self, stage: Stage, api: ApiServer) -> None:
        self._stage = stage
        self._api = api
        self._due = False
        self._revisions: dict[str, str] = {}
        api.listeners.append(self._on_change)

    def _on_change(self, before: Object | None, after: Object | None) -> None:
        body = after or before
        assert body is not None
        if body["kind"] in {"StatefulSet", "Pod", "PersistentVolumeClaim"} and not self._due:
            self._due = True
            self._stage.later(0.02, 0.25, self._sync_all)

    def _sync_all(self) -> None:
        self._due = False
        for statefulset in self._api.all("StatefulSet"):
            self._sync(statefulset)

    def _revision(self, statefulset: Object) -> str:
        name = statefulset["metadata"]["name"]
        content = name + json.dumps(statefulset["spec"]["template"], sort_keys=True)
        return self._revisions.setdefault(content, f"{name}-r{len(self._revisions) + 1}")

    def _sync(self, statefulset: Object) -> None:
        spec, metadata = statefulset["spec"], statefulset["metadata"]
        revision = self._revision(statefulset)
        start = (spec.get("ordinals") or {}).get("start", 0)
        wanted = {f"{metadata['name']}-{start + i}": start + i for i in range(spec["replicas"])}
        owned = {p["metadata"]["name"]: p for p in self._pods(statefulset)}
        for name, index in wanted.items():
            if name not in owned and self._api.get("Pod", name) is None:
                self._make(statefulset, name, index, revision)
        for name, pod in sorted(owned.items()):
            if name not in wanted and not pod["metadata"].get("deletionTimestamp"):
                self._stage.tell("statefulset", f"deletes {name}: more than replicas")
                self._api.delete("Pod", name, uid=pod["metadata"]["uid"])
                self._retire_claims(statefulset, name)
        pods = self._pods(statefulset)
        current = self._api.get("StatefulSet", metadata["name"])
        if current is None or current["metadata"]["uid"] != metadata["uid"]:
            return
        self._api.change(
            current,
            status={
                **(current.get("status") or {}),
                "observedGeneration": metadata["generation"],
                "updateRevision": revision,
                "replicas": len(pods),
            },
        )

    def _pods(self, statefulset: Object) -> list[Object]:
        """Its pods; orphans that match its selector are adopted."""
        uid = statefulset["metadata"]["uid"]
        selector = statefulset["spec"]["selector"]["matchLabels"]
        found = []
        for pod in self._api.all("Pod"):
            owners = pod["metadata"].get("ownerReferences") or []
            if any(o["uid"] == uid for o in owners):
                found.append(pod)
            elif not owners and selector.items() <= pod["metadata"]["labels"].items():
                reference = _owner(statefulset)
                adopted = {**pod["metadata"], "ownerReferences": [reference]}
                found.append(self._api.change(pod, metadata=adopted))
        return found

    def _make(self, statefulset: Object, name: str, index: int, revision: str) -> None:
        spec = statefulset["spec"]
        claims = {}
        for template in spec.get("volumeClaimTemplates") or []:
            volume = template["metadata"]["name"]
            claim_name = claims[volume] = f"{volume}-{name}"
            claim = self._api.get("PersistentVolumeClaim", claim_name)
            if claim is None:
                self._make_claim(statefulset, template, claim_name)
            elif claim["metadata"].get("deletionTimestamp"):
                return
        template = spec["template"]
        labels = {
            **template["metadata"]["labels"],
            names.LABEL_POD_NAME: name,
            names.LABEL_POD_INDEX: str(index),
            names.LABEL_REVISION: revision,
        }
        volumes: list[dict[str, Any]] = [
            v for v in template["spec"].get("volumes") or [] if v["name"] not in claims
        ]
        volumes += [
            {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
            for volume, claim in claims.items()
        ]
        self._stage.tell("statefulset", f"makes {name} ({revision})")
        self._api.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    **template["metadata"],
                    "name": name,
                    "labels": labels,
                    "ownerReferences": [_owner(statefulset)],
                },
                "spec": {**template["spec"], "volumes": volumes},
                "status": {"phase": "Pending"},
            }
        )

    def _make_claim(self, statefulset: Object, template: Object, name: str) -> None:
        metadata = template["metadata"]
        policy = statefulset["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        deleted_with = policy.get("whenDeleted") == "Delete"
        spec = template["spec"]
        self._api.create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    **metadata,
                    "name": name,
                    "labels": {
                        **(metadata.get("labels") or {}),
                        **statefulset["spec"]["selector"]["matchLabels"],
                    },
                    "ownerReferences": [_owner(statefulset)] if deleted_with else [],
                },
                "spec": {"storageClassName": "standard", **spec},
                "status": {"phase": "Pending"},
            }
        )

    def _retire_claims(self, statefulset: Object, pod: str) -> None:
        policy = statefulset["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        if policy.get("whenScaled") != "Delete":
            return
        for template in statefulset["spec"].get("volumeClaimTemplates") or []:
            self._api.delete("PersistentVolumeClaim", f"{template['metadata']['name']}-{pod}")


def _owner(statefulset: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": statefulset["metadata"]["name"],
        "uid": statefulset["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
