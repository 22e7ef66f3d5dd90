"""One sentence for whatever the API server refuses."""

import pytest

from zookeeper_operator.cli.failure import Failure, explain, missing_right
from zookeeper_operator.kube.api import KubeError


def test_a_failure_is_told_on_one_line() -> None:
    assert Failure("first\n  second").format_message() == "first second"


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (0, "https://x cannot be reached: refused", "https://x cannot be reached: refused"),
        (401, "Unauthorized", "the cluster does not accept these credentials"),
        (404, "page not found", "the cluster does not know zookeeperensembles.zookeeper.ensemble"),
        (500, "etcd is away", "the API server says: etcd is away"),
    ],
)
def test_what_a_refusal_means(status: int, message: str, said: str) -> None:
    assert explain(KubeError(status, "", message)).startswith(said)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            (
                'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the '
                'namespace "demo"'
            ),
            'a right is missing: "jane" may not list pods in namespace demo',
        ),
        (
            (
                'x is forbidden: User "jane" cannot get resource "zookeeperensembles" in API group '
                '"zookeeper.ensemble.dev" at the cluster scope'
            ),
            (
                'a right is missing: "jane" may not get zookeeperensembles.zookeeper.ensemble.dev in '
                "the whole cluster"
            ),
        ),
    ],
)
def test_which_right_is_missing(message: str, said: str) -> None:
    assert missing_right(message) == said
    assert explain(KubeError(403, "Forbidden", message)) == said


def test_not_everything_forbidden_is_a_missing_right() -> None:
    assert missing_right("admission webhook denied the request") == ""
    assert explain(KubeError(403, "Forbidden", "exceeded quota")) == (
        "it is forbidden: exceeded quota"
    )
