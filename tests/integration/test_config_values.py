"""The values that keys of zoo.cfg take, by what real servers make of them."""

import time

import pytest
from tests.integration.zookeeper_servers import ZooKeeperServer, ZooKeeperServers

from zookeeper_operator.api.schema.known_keys import problem_of

_INVALID_CONFIGURATION = 2


def ended(server: ZooKeeperServer) -> int | None:
    """How a server has ended by itself; None if it still runs after a while."""
    deadline = time.monotonic() + 60
    while server.running and time.monotonic() < deadline:
        time.sleep(0.05)
    return server.exit_code


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tickTime", "banana"),
        ("tickTime", "0"),
        ("initLimit", "0"),
        ("syncLimit", ""),
        ("maxClientCnxns", "60.5"),
        ("autopurge.purgeInterval", "1h"),
        ("quorum.cnxn.threads.size", "many"),
        ("jvm.pause.sleep.time.ms", "x"),
        ("localSessionsEnabled", "yes"),
        ("syncEnabled", "1"),
    ],
)
def test_what_is_refused_would_end_a_server(
    zookeeper: ZooKeeperServers, key: str, value: str
) -> None:
    assert problem_of(key, value) is not None
    zookeeper.stop()
    server = zookeeper[1]
    server.prepare([server.line()], founder=True, extra={key: value})
    server.start()
    assert ended(server) == _INVALID_CONFIGURATION, server.log()


def test_the_least_session_timeout_must_not_be_above_the_largest(
    zookeeper: ZooKeeperServers,
) -> None:
    zookeeper.stop()
    server = zookeeper[1]
    extra = {"minSessionTimeout": 5001, "maxSessionTimeout": 5000}
    server.prepare([server.line()], founder=True, extra=extra)
    server.start()
    assert ended(server) == _INVALID_CONFIGURATION, server.log()


EXTREMES: dict[str, str | int] = {
    "tickTime": 100,
    "initLimit": 10_000,
    "syncLimit": "+10000",
    "minSessionTimeout": -1,
    "maxClientCnxns": 0,
    "autopurge.purgeInterval": 0,
    "autopurge.snapRetainCount": 3,
    "snapCount": 2,
    "commitLogCount": 500,
    "preAllocSize": 0,
    "snapSizeLimitInKb": -1,
    "fsync.warningthresholdms": 0,
    "cnxTimeout": 1,
    "globalOutstandingLimit": 1,
    "nio.numWorkerThreads": 0,
    "commitProcessor.numWorkerThreads": 0,
    "forceSync": "no",
    "leaderServes": "yes",
    "localSessionsEnabled": "TRUE",
    "fips-mode": "false",
    "tikTime": "banana",
}


def test_a_server_serves_with_what_is_let_in(zookeeper: ZooKeeperServers) -> None:
    assert {k: p for k, v in EXTREMES.items() if (p := problem_of(k, v)) is not None} == {}
    zookeeper.stop()
    server = zookeeper[1]
    server.prepare([server.line()], founder=True, extra=EXTREMES)
    server.start()
    zookeeper.wait_until_serving([1])
