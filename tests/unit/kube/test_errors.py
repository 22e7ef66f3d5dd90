"""Which error an answer of the API server is."""

import errno
import ssl

import pytest

from zookeeper_operator.kube.api import KubeError, NamespaceEndingError, Object
from zookeeper_operator.kube.errors import MissingObjectError, refusal, unreachable


@pytest.mark.parametrize(
    ("status", "body", "type_"),
    [
        (404, {"reason": "NotFound", "details": {"name": "zk"}}, MissingObjectError),
        (404, {"reason": "NotFound", "details": {}}, KubeError),
        (404, {"message": "404 page not found"}, KubeError),
        (409, {"reason": "Conflict", "details": {"name": "zk"}}, KubeError),
        (403, {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}, NamespaceEndingError),
        (403, {"details": {"causes": [{"reason": "FieldValueInvalid"}]}}, KubeError),
        (403, {"details": {"causes": 7}}, KubeError),
        (403, {"details": "NamespaceTerminating"}, KubeError),
    ],
)
def test_refusals_are_told_apart(status: int, body: Object, type_: type[KubeError]) -> None:
    error = refusal(status, body)
    assert type(error) is type_
    assert error.status == status


def test_a_refusal_has_the_words_of_the_server() -> None:
    error = refusal(422, {"reason": "Invalid", "message": "spec.ports[0]: Invalid value"})
    assert (error.reason, error.message) == ("Invalid", "spec.ports[0]: Invalid value")
    assert str(refusal(500, {})) == "error (500): no message"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionError("refused"), "refused"),
        (TimeoutError(), "no answer in time"),
        (ConnectionError(), "ConnectionError()"),
        (
            OSError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 443)"),
            "Connection refused",
        ),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
    ],
)
def test_no_answer_has_status_0_and_says_why(error: Exception, why: str) -> None:
    found = unreachable("https://kube", error)
    assert (found.status, found.reason) == (0, "Unreachable")
    assert found.message == f"https://kube cannot be reached: {why}"
