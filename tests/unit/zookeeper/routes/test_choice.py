"""Which route is taken with which settings."""

from typing import Literal

import pytest

from zookeeper_operator.settings import Settings
from zookeeper_operator.zookeeper.routes.choice import goes_through_api_server


@pytest.mark.parametrize(
    ("reach", "kubeconfig", "expected"),
    [
        ("auto", "", False),
        ("auto", "/home/me/.kube/config", True),
        ("addresses", "/home/me/.kube/config", False),
        ("api-server", "", True),
    ],
)
def test_a_kubeconfig_means_outside_unless_the_settings_say_otherwise(
    reach: Literal["auto", "addresses", "api-server"], kubeconfig: str, *, expected: bool
) -> None:
    assert goes_through_api_server(Settings(reach=reach, kubeconfig=kubeconfig)) is expected
