"""What is missing, in sentences for whoever can fix it."""

import pytest

from zookeeper_operator.kube.api import RESOURCES, KubeError, Resource
from zookeeper_operator.kube.preflight import describe_obstacle

GRANT = "grant it get, list and watch on them (said the server)."


@pytest.mark.parametrize(
    ("kind", "namespace", "status", "sentence"),
    [
        ("Pod", None, 401, "The API server does not accept our credentials (said the server)."),
        ("Pod", "demo", 403, f"The operator may not list pods in namespace demo; {GRANT}"),
        ("Pod", None, 403, f"The operator may not list pods in all namespaces; {GRANT}"),
        (
            *("StorageClass", "demo", 403),
            f"The operator may not list storageclasses of the cluster; {GRANT}",
        ),
        ("Pod", None, 500, "pods in all namespaces cannot be listed: said the server."),
    ],
)
def test_every_refusal_says_what_to_do(
    kind: str, namespace: str | None, status: int, sentence: str
) -> None:
    error = KubeError(status, "", "said the server")
    assert describe_obstacle(RESOURCES[kind], namespace, error) == sentence


def test_a_kind_that_is_not_served_asks_for_its_definition() -> None:
    missing = KubeError(404, "", "page not found")
    sentence = describe_obstacle(Resource("example.org/v1", "Thing", "things"), None, missing)
    assert "does not serve things of example.org/v1" in sentence
    assert "install the CustomResourceDefinition first" in sentence
