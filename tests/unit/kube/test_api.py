"""Where objects are in the Kubernetes API."""

import pytest

from zookeeper_operator.kube.api import RESOURCES


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "path"),
    [
        ("Pod", "demo", "zk-1", "/api/v1/namespaces/demo/pods/zk-1"),
        ("Pod", "demo", None, "/api/v1/namespaces/demo/pods"),
        ("Pod", None, None, "/api/v1/pods"),
        ("StatefulSet", "demo", "zk", "/apis/apps/v1/namespaces/demo/statefulsets/zk"),
        ("StorageClass", None, "fast", "/apis/storage.k8s.io/v1/storageclasses/fast"),
        ("StorageClass", "demo", "fast", "/apis/storage.k8s.io/v1/storageclasses/fast"),
        ("Secret", "../a", "b?c/d", "/api/v1/namespaces/..%2Fa/secrets/b%3Fc%2Fd"),
    ],
)
def test_the_path_of_an_object(
    kind: str, namespace: str | None, name: str | None, path: str
) -> None:
    assert RESOURCES[kind].path(namespace, name) == path


def test_only_kinds_of_kubernetes_itself_and_of_cert_manager() -> None:
    groups = {r.api_version.partition("/")[0] for r in RESOURCES.values() if "/" in r.api_version}
    assert all(
        group in {"apps", "batch", "policy", "cert-manager.io"} or group.endswith(".k8s.io")
        for group in groups
    )
