"""Two pods with volumes behind Services, and a client: what a cluster must run, without the operator."""

from typing import Any, Final

from e2e.cluster import Object
from e2e.writer.handle import IMAGE

NAME: Final = "db"
CLIENT: Final = "client"
PODS: Final = ("db-0", "db-1")
_USER: Final = 1000
_PORT: Final = 8080
_LABELS: Final = {"app": NAME}
_SERVE: Final = (
    f"hostname >> /data/index.html; exec python -m http.server {_PORT} --directory /data"
)


def build_workload(namespace: str) -> list[Object]:
    """A StatefulSet with its Services and its disruption budget, which allows no eviction, and the client."""
    mounted = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    ready = {"readinessProbe": {"httpGet": {"path": "/", "port": _PORT}, "periodSeconds": 1}}
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "16Mi"}},
        },
    }
    statefulset = {
        "serviceName": NAME,
        "replicas": len(PODS),
        "selector": {"matchLabels": _LABELS},
        "template": {
            "metadata": {"labels": _LABELS},
            "spec": _pod(["sh", "-c", _SERVE], **mounted, **ready),
        },
        "volumeClaimTemplates": [claim],
    }
    headless = {"clusterIP": "None", "selector": _LABELS, "ports": [{"port": _PORT}]}
    web = {"selector": _LABELS, "ports": [{"port": 80, "targetPort": _PORT}]}
    budget = {"minAvailable": len(PODS), "selector": {"matchLabels": _LABELS}}
    sleep = ["python", "-c", "import threading; threading.Event().wait()"]
    return [
        _object(namespace, "apps/v1", "StatefulSet", NAME, statefulset),
        _object(namespace, "v1", "Service", NAME, headless),
        _object(namespace, "v1", "Service", "web", web),
        _object(namespace, "policy/v1", "PodDisruptionBudget", NAME, budget),
        _object(namespace, "v1", "Pod", CLIENT, _pod(sleep)),
    ]


def _object(namespace: str, api_version: str, kind: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": _LABELS if kind != "Pod" else {}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _pod(command: list[str], **container: Any) -> Object:
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "main",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "command": command,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                **container,
            }
        ],
    }
