"""What real members serve to Prometheus, of both lines, and what the operator understands of them meanwhile.

`UPDATE_METRICS=1` writes the names of the series to tests/golden/metrics, by which the rules and the
dashboards are checked without servers.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest
from kazoo.client import KazooClient
from monitoring.alerts import all_alerts
from monitoring.dashboards import DASHBOARDS
from tests.integration.member_metrics import record, recorded, scrape, series_of
from tests.integration.processes import another_network
from tests.integration.zookeeper_servers import ZooKeeperServers
from tests.unit.monitoring.expressions import metrics_in
from tests.unit.monitoring.known import operator_series

from zookeeper_operator.cli.top.sample import fetch_samples
from zookeeper_operator.ensemble.build.metrics import CLASS_KEY, PORT_KEY, PROVIDER
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.figures import rates_between
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients

VOTERS: Final = (1, 2, 3)
OBSERVER: Final = 4
PORT: Final = 7000
LINES: Final = ("3.8", "3.9")


def provider(servers: ZooKeeperServers, number: int) -> dict[str, object]:
    """The keys that turn the provider on. Here a server listens on its own address, not on all."""
    return {CLASS_KEY: PROVIDER, PORT_KEY: PORT, "metricsProvider.httpHost": servers[number].ip}


def found(servers: ZooKeeperServers, extra: Mapping[str, object] | None = None) -> None:
    """Three voters and an observer that serve metrics, and a client that has written and read.

    `extra` is what the configuration of the voters says beside.
    """
    lines = [servers[n].line() for n in VOTERS]
    for n in VOTERS:
        servers[n].prepare(lines, founder=True, extra={**provider(servers, n), **(extra or {})})
        servers[n].start()
    servers.wait_until_serving(VOTERS, seconds=90)
    observer = servers[OBSERVER]
    observer.prepare(
        [*lines, observer.line("observer")], founder=False, extra=provider(servers, OBSERVER)
    )
    observer.start()
    servers.wait_until_serving([OBSERVER], seconds=90)
    for n in VOTERS:
        with_client(servers, n)


def with_client(servers: ZooKeeperServers, number: int) -> None:
    """Write and read by one member: only that one counts the requests."""
    client = KazooClient(f"{servers[number].ip}:2181")
    client.start(timeout=30)
    try:
        client.ensure_path("/a")
        client.create("/a/mine", b"x", ephemeral=True)
        for _ in range(20):
            client.set("/a", b"x")
            client.get("/a")
    finally:
        client.stop()
        client.close()


@pytest.fixture(params=LINES, scope="module")
def line(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def members(
    line: str, metered_jars: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ZooKeeperServers]:
    servers = ZooKeeperServers(
        jars=metered_jars[line], directory=tmp_path_factory.mktemp(f"metered-{line}")
    )
    with another_network():
        found(servers)
        yield servers
        servers.stop()


def test_everything_that_is_asked_for_is_served(members: ZooKeeperServers, line: str) -> None:
    texts = [scrape(f"{members[n].ip}:{PORT}") for n in (*VOTERS, OBSERVER)]
    served = series_of(texts)
    if os.environ.get("UPDATE_METRICS"):
        record(line, served)
    panels = (t["expr"] for b in DASHBOARDS for p in b["panels"] for t in p.get("targets", []))
    expressions = (*(alert.expression for alert in all_alerts()), *panels)
    asked = {name for expression in expressions for name in metrics_in(expression)}
    assert asked - set(operator_series()) - {"up"} <= {name for name, _ in served}
    assert {name for name, _ in recorded(line)} >= asked - set(operator_series()) - {"up"}


async def test_the_operator_understands_a_member_with_the_provider(
    members: ZooKeeperServers, line: str
) -> None:
    """Its numbers are decimal fractions then, and the names of summaries are others."""
    client = ZooKeeperClient(DirectAdmin(), DirectClients(), probe_timeout_seconds=5)
    try:
        answers = await client.probe(members.addresses((*VOTERS, OBSERVER)), thorough=True)
    finally:
        await client.close()
    leader = answers[members.leader(VOTERS)]
    assert leader.synced_followers == 3, "the observer follows as well, without a vote"
    assert leader.synced_non_voting_followers == 1
    for answer in answers.values():
        assert answer.serving
        assert answer.exports_metrics is True
        assert answer.connections is not None
        assert answer.version.startswith(line)


async def test_top_reads_every_figure_of_a_member_with_the_provider(
    members: ZooKeeperServers,
) -> None:
    """`kubectl zk top` asks the same members, which have this provider by default."""
    admin = DirectAdmin()
    try:
        voters = members.addresses(VOTERS)
        before = await fetch_samples(admin, voters, clients=True)
        for n in VOTERS:
            await asyncio.to_thread(with_client, members, n)
        after = await fetch_samples(admin, voters, clients=True)
    finally:
        await admin.close()
    for pod, sample in after.items():
        assert sample.figures.problem == ""
        figures = asdict(sample.figures)
        assert [name for name, value in figures.items() if value is None] == [], pod
        rates = rates_between(before[pod].figures, sample.figures)
        assert rates.updates, (pod, rates)
        assert None not in (rates.update_ms, rates.fsync_ms), (pod, rates)
