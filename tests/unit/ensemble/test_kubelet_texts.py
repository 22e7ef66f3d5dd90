"""Two texts about the same trouble are the same text."""

import pytest

from zookeeper_operator.ensemble.kubelet_texts import settled_text

PULL = (
    'failed to pull and unpack image "docker.io/library/zookeeper:9.9.9": failed to resolve reference: '
    "dial tcp: lookup registry-1.docker.io on 10.96.0.10:53: "
    "read udp 10.244.0.7:{port}->10.96.0.10:53: i/o timeout"
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(PULL.format(port=39211), PULL.format(port=51034), id="a random port"),
        pytest.param(
            PULL.format(port=39211),
            f'Back-off pulling image "zookeeper:9.9.9": ErrImagePull: {PULL.format(port=41)}',
            id="two messages that take turns",
        ),
        pytest.param(
            "read tcp [fd00::7]:40001->[fd00::a]:443: connection reset",
            "read tcp [fd00::7]:40002->[fd00::a]:443: connection reset",
            id="a random port of IPv6",
        ),
        pytest.param(
            "back-off 10s restarting failed container=zookeeper pod=zk-1_demo"
            "(0b1e5c9e-4f43-4f8e-9a51-0c5f0a3a9f10)",
            "back-off 2m40s restarting failed container=zookeeper pod=zk-1_demo"
            "(aa1e5c9e-4f43-4f8e-9a51-0c5f0a3a9f11)",
            id="a back-off time and an id",
        ),
        pytest.param(
            "toomanyrequests: request id 3f0c8c1e5a7b4d2f9e6a1b2c3d4e5f60, retry in 1.2s",
            "toomanyrequests: request id 4f0c8c1e5a7b4d2f9e6a1b2c3d4e5f61, retry in 950ms",
            id="the id of a request",
        ),
        pytest.param(
            "the webhook did not answer within 1m3.2s",
            "the webhook did not answer within 57s",
            id="a duration",
        ),
        pytest.param(
            "2026-11-26T09:47:54.123Z ERROR no space left",
            "2026-11-26T09:48:24,456Z ERROR no space left",
            id="a time",
        ),
    ],
)
def test_what_changes_each_time_is_left_out(one: str, other: str) -> None:
    assert settled_text(one) == settled_text(other)


@pytest.mark.parametrize(
    "text",
    [
        "0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient memory.",
        "docker.io/library/zookeeper@sha256:" + "0123456789abcdef" * 4 + ": not found",
        "dial tcp 192.0.2.1:443: connect: connection refused",
        'configmap "zk-config-0123456789abcdef" not found',
        "exceeded quota: small, requested: requests.cpu=500m, used: requests.cpu=1500m",
        'MountVolume.MountDevice failed for volume "pvc-0b1e5c9e-4f43-4f8e-9a51-0c5f0a3a9f10" : rpc error',
    ],
)
def test_what_tells_the_cause_stays(text: str) -> None:
    assert settled_text(text) == text
