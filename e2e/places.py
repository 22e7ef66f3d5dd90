"""Where tests work: the installed operator, and namespaces with ensembles in them."""

import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from e2e.cluster import OPERATOR_NAMESPACE, Cluster, run, wait_until
from e2e.ensembles import Ensemble, manifest

RUN: Final = (
    os.environ.get("E2E_RUN") or os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
)[:5]
"""The same in all processes that share the cluster; what others have left is removed."""
LABEL: Final = "zookeeper-operator-e2e"
SOURCE_PEERS: Final = [
    {"namespaceSelector": {}, "podSelector": {"matchLabels": {"kind": "ZookeeperMember"}}}
]
"""Members of the operator of pravega: they lack the label by which the chart lets our operator connect."""
KEEP: Final = bool(os.environ.get("E2E_KEEP"))


@dataclass(frozen=True)
class Operator:
    """The operator as its chart installed it."""

    cluster: Cluster
    name: str = "zookeeper-operator"

    def install(self, root: Path) -> None:
        """Install a checkout by its chart, or upgrade the installed operator to it."""
        image = run(str(root / "e2e/kind/operator-image.sh"), timeout=600).stdout.split()[-1]
        self.cluster.kubectl(
            "apply", "--server-side", "--force-conflicts", f"--filename={root / 'crds'}"
        )
        run(
            *("helm", "upgrade", "--install", "zookeeper-operator"),
            str(root / "charts/zookeeper-operator"),
            *("--kube-context", self.cluster.context),
            *("--namespace", OPERATOR_NAMESPACE, "--create-namespace"),
            # The tag stays the same when the image changes: the annotation makes a running operator take it.
            *("--set", "image.tag=dev", "--set-string", f"podAnnotations.image={image}"),
            *("--set", "certManager.enabled=true"),
            *("--set-json", f"networkPolicy.sourcePeers={json.dumps(SOURCE_PEERS)}"),
            *("--wait", "--timeout", "3m"),
            timeout=240,
        )
        self.cluster.kubectl(
            *("label", "namespace", OPERATOR_NAMESPACE, "--overwrite"),
            "pod-security.kubernetes.io/enforce=restricted",
        )

    def pods(self) -> list[dict[str, Any]]:
        """Its pods that are not being deleted."""
        found = self.cluster.list(
            "pods", OPERATOR_NAMESPACE, selector="app.kubernetes.io/name=zookeeper-operator"
        )
        return [p for p in found if not p["metadata"].get("deletionTimestamp")]

    def is_gone(self) -> bool:
        """Whether no pod of it is left, not even one that is being deleted and still works."""
        return not self.cluster.list(
            "pods", OPERATOR_NAMESPACE, selector="app.kubernetes.io/name=zookeeper-operator"
        )

    def leading_pod(self) -> str:
        """The pod that holds the Lease."""
        lease = self.cluster.get("lease", self.name, OPERATOR_NAMESPACE)
        holder = str((lease or {}).get("spec", {}).get("holderIdentity") or "")
        names = [p["metadata"]["name"] for p in self.pods()]
        return next((name for name in names if name in holder), "")

    def kill(self) -> None:
        """End the working process abruptly, as a dying node does."""
        self.cluster.delete(
            "pod", self.leading_pod(), OPERATOR_NAMESPACE, "--force", "--grace-period=0"
        )

    def wait_working(self, *, seconds: float = 60) -> None:
        """Wait until one of its pods is ready and holds the Lease."""
        wait_until("a ready operator holds the Lease", self._works, seconds=seconds)

    def _works(self) -> bool:
        leading = self.leading_pod()
        return any(
            p["metadata"]["name"] == leading
            and all(c["ready"] for c in p["status"].get("containerStatuses") or [{"ready": False}])
            for p in self.pods()
        )

    def metrics(self) -> dict[str, float]:
        """Its metrics: values by name and labels."""
        text = self.cluster.http(OPERATOR_NAMESPACE, self.leading_pod(), 8081, "metrics")
        samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def writes(self) -> dict[str, float]:
        """How often it wrote to the Kubernetes API since it started, the Lease left out."""
        return {
            name: value
            for name, value in self.metrics().items()
            if name.startswith("zookeeper_operator_api_writes_total") and "Lease" not in name
        }


@dataclass
class Places:
    """Namespaces, and ensembles that tests of a module share as long as they leave them healthy."""

    cluster: Cluster
    label: str
    _shared: dict[str, Ensemble] = field(default_factory=dict)
    _own: list[str] = field(default_factory=list)
    _lasting: list[str] = field(default_factory=list)
    _used: set[str] = field(default_factory=set)
    _failed: set[str] = field(default_factory=set)
    _count: int = 0

    def namespace(self) -> str:
        """A new namespace, under the strictest Pod Security standard; removed after the test."""
        name = self._make()
        self._own.append(name)
        return name

    def lasting_namespace(self) -> str:
        """A new namespace for several tests of a module; removed after the last one."""
        name = self._make()
        self._lasting.append(name)
        return name

    def ensemble(self, *, replicas: int = 3, namespace: str = "", **spec: Any) -> Ensemble:
        """A new ensemble that serves, in a namespace of its own unless one is named."""
        made = Ensemble(self.cluster, namespace or self.namespace())
        self.cluster.apply(manifest(made.namespace, replicas=replicas, **spec))
        made.wait_settled()
        return made

    def shared(self, *, replicas: int = 3, **spec: Any) -> Ensemble:
        """An ensemble that serves and may be shared: leave it as you found it."""
        key = f"{replicas} {sorted(spec.items())}"
        found = self._shared.get(key)
        if found is None:
            namespace = self._make()
            found = self._shared[key] = Ensemble(self.cluster, namespace)
            self.cluster.apply(manifest(namespace, replicas=replicas, **spec))
        self._used.add(found.namespace)
        found.wait_settled()
        return found

    def in_use(self) -> list[str]:
        """Where the current test works."""
        return [*self._own, *sorted(self._used)]

    def give_up(self) -> None:
        """A test has failed: no other test may use what it leaves behind."""
        self._failed.update(self.in_use())
        for key, ensemble in list(self._shared.items()):
            if ensemble.namespace in self._used:
                del self._shared[key]
                self._remove(ensemble.namespace)

    def end_test(self) -> None:
        """Remove what belongs to one test alone."""
        for name in self._own:
            self._remove(name)
        self._own.clear()
        self._used.clear()

    def end(self) -> None:
        """Remove everything."""
        for ensemble in self._shared.values():
            self._remove(ensemble.namespace)
        for name in self._lasting:
            self._remove(name)

    def _make(self) -> str:
        self._count += 1
        name = f"e2e-{self.label}-{RUN}-{self._count}"
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "labels": {LABEL: RUN, "pod-security.kubernetes.io/enforce": "restricted"},
                },
            }
        )
        return name

    def _remove(self, namespace: str) -> None:
        if not (KEEP and namespace in self._failed):
            self.cluster.delete("namespace", namespace, "", "--ignore-not-found")
