"""A real cert-manager in the cluster: its controllers, built from its Go module, and four resources."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from e2e.cluster import Cluster, Object, run

ROOT: Final = Path(__file__).parents[1]
NAMESPACE: Final = "cert-manager"
_NAME: Final = "cert-manager"
_TOOLS: Final = ROOT / "e2e/kind/offline/tools.sh"


def image() -> str:
    """The image that `cert-manager-image.sh` builds."""
    script = f'. {ROOT / "e2e/kind/versions.sh"}; echo "$cert_manager_image"'
    return run("bash", "-c", script).stdout.strip()


@dataclass(frozen=True)
class CertManager:
    """The cert-manager of the tests."""

    cluster: Cluster

    def install(self) -> None:
        """Create it, and wait until its resources are served and it runs."""
        run(str(ROOT / "e2e/kind/cert-manager-image.sh"), timeout=1200)
        crds = Path(run(str(_TOOLS), "cert-manager-crds").stdout.strip())
        for path in sorted(crds.iterdir()):
            self.cluster.apply(yaml.safe_load(path.read_text(encoding="utf-8")))
        for name in ("certificaterequests", "certificates", "clusterissuers", "issuers"):
            self.cluster.kubectl(
                *("wait", "--for=condition=Established", "--timeout=60s"),
                f"crd/{name}.cert-manager.io",
            )
        self.cluster.apply(*_objects())
        self.cluster.kubectl(
            *("--namespace", NAMESPACE, "rollout", "status", f"deployment/{_NAME}"),
            "--timeout=120s",
        )

    def remove(self) -> None:
        """Delete all of it, the Certificates of all namespaces included."""
        self.cluster.kubectl(
            *("delete", "clusterrolebinding,namespace", _NAME, "--ignore-not-found"), timeout=120
        )
        crds = run(str(_TOOLS), "cert-manager-crds").stdout.strip()
        self.cluster.kubectl("delete", f"--filename={crds}", "--ignore-not-found", timeout=120)

    def issuer(self, namespace: str, name: str = "ca") -> None:
        """Create an issuer of a CA of its own, and wait until it is ready."""
        self.cluster.apply(
            _issuer(namespace, "self-signed", {"selfSigned": {}}),
            {
                "apiVersion": "cert-manager.io/v1",
                "kind": "Certificate",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "isCA": True,
                    "commonName": f"CA of {namespace}",
                    "secretName": name,
                    "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                    "issuerRef": {"name": "self-signed", "kind": "Issuer"},
                },
            },
            _issuer(namespace, name, {"ca": {"secretName": name}}),
        )
        self.cluster.kubectl(
            *("--namespace", namespace, "wait", f"issuer/{name}"),
            *("--for=condition=Ready", "--timeout=120s"),
        )

    def renew(self, namespace: str, name: str) -> None:
        """Have a Certificate issued again now, as `cmctl renew` does."""
        condition = {
            "type": "Issuing",
            "status": "True",
            "reason": "ManuallyTriggered",
            "message": "Certificate re-issuance manually triggered",
        }
        where = ("--namespace", namespace)
        text = self.cluster.kubectl(*where, "get", "certificate", name, "--output=json")
        kept = [c for c in json.loads(text)["status"]["conditions"] if c["type"] != "Issuing"]
        patch = {"status": {"conditions": [*kept, condition]}}
        self.cluster.kubectl(
            *(*where, "patch", "certificate", name, "--subresource=status", "--type=merge"),
            f"--patch={json.dumps(patch)}",
        )


def _issuer(namespace: str, name: str, spec: Object) -> Object:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _objects() -> list[Object]:
    labels = {"app": _NAME}
    account = {"name": _NAME, "namespace": NAMESPACE}
    container = {
        "name": "controllers",
        "image": image(),
        "imagePullPolicy": "Never",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            # It writes Secrets of every namespace; in these tests nothing depends on what else it may do.
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _NAME},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "cluster-admin",
            },
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": account,
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": _NAME,
                        "securityContext": {
                            "runAsNonRoot": True,
                            "runAsUser": 65534,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [container],
                    },
                },
            },
        },
    ]
