"""Every query of every panel, and every rule, asked of a real Prometheus that scrapes real members.

The series of the operator are those of an ensemble of the unit tests: the process itself is scraped in
e2e/test_alerts.py.
"""

import itertools
import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from monitoring.__main__ import CHART
from monitoring.alerts import all_alerts
from monitoring.dashboards import DASHBOARDS
from tests.integration.processes import Process, another_network
from tests.integration.test_member_metrics import PORT, VOTERS, found, with_client
from tests.integration.zookeeper_servers import ZooKeeperServers
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key
from zookeeper_operator.control.metrics import Metrics
from zookeeper_operator.control.series import Sample
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.ensemble.series import COUNTED, REPORTED, Elections, build_samples

API: Final = "http://127.0.0.1:9090/api/v1/query"
OPERATOR_PORT: Final = 8081
OFTEN: Final = {"snapCount": 20}
"""Snapshots are written all the time: a mean over what does not happen is no number."""
PLACES: Final = {"$namespace": "demo", "$ensemble": "zk", "$__rate_interval": "20s"}

PANELS: Final = tuple(
    (board["uid"], panel["title"], target["expr"])
    for board in DASHBOARDS
    for panel in board["panels"]
    for target in panel.get("targets", [])
)


@dataclass(frozen=True)
class Report:
    """What the operator reports of an ensemble."""

    samples: tuple[Sample, ...]

    async def probe(self) -> bool:
        return False


def operator_metrics() -> Metrics:
    """The metrics of an operator that has done everything once."""
    board = Board()
    metrics = Metrics(board, counted=COUNTED, reported=REPORTED)
    secured = EnsembleUnderTest({"replicas": 3, "tls": {}})
    secured.rest()
    calm = secured.world.observed
    answers = {i: replace(a, data_bytes=9, log_bytes=9) for i, a in calm.answers.items()}
    scene = replace(calm, answers=answers, now=datetime.now(UTC))
    samples = build_samples(build_plan(scene), Elections(1, 1))
    board.post(Key("ZookeeperEnsemble", "demo", "zk"), Report(samples))
    metrics.leading(leading=True)
    metrics.api_request("get", "pods", 200)
    metrics.api_write("apply", "Service")
    metrics.event("Normal", "LeaderChanged")
    metrics.loop_lag(0.01)
    metrics.queue.started(0.1)
    metrics.queue.reconciled("done", 0.1)
    metrics.counter("probe_failures").labels("timeout").inc()
    metrics.histogram("probe_seconds").observe(0.1)
    return metrics


class _Handler(BaseHTTPRequestHandler):
    metrics: Metrics

    def do_GET(self) -> None:
        self.metrics.queue.started(0.1)  # a rate needs something that goes on
        self.metrics.queue.reconciled("done", 0.1)
        self.metrics.histogram("probe_seconds").observe(0.1)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(self.metrics.render())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def configuration(servers: ZooKeeperServers) -> dict[str, Any]:
    members = [
        {
            "targets": [f"{servers[n].ip}:{PORT}"],
            "labels": {"namespace": "demo", "ensemble": "zk", "member": str(n)},
        }
        for n in VOTERS
    ]
    operators = [{"targets": [f"127.0.0.1:{OPERATOR_PORT}"], "labels": {"namespace": "operators"}}]
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(CHART / "rules.yaml")],
        "scrape_configs": [
            {"job_name": "zookeeper", "static_configs": members},
            {"job_name": "operator", "honor_labels": True, "static_configs": operators},
        ],
    }


def ask(expression: str) -> list[Mapping[str, Any]]:
    """The series that an expression gives now."""
    for place, value in PLACES.items():
        expression = expression.replace(place, value)
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{API}?{query}", timeout=10) as answer:  # noqa: S310 -- of this process
        found: dict[str, Any] = json.load(answer)
    series: list[Mapping[str, Any]] = found["data"]["result"]
    return series


def wait_until_scraped(seconds: float) -> None:
    """Wait until everything was scraped for as long as a rate looks back."""
    end = time.monotonic() + seconds
    while True:
        try:
            if len(ask("min_over_time(up[15s]) == 1 and count_over_time(up[15s]) > 8")) == 4:
                return
        except OSError:
            pass
        assert time.monotonic() < end, "Prometheus has not scraped everything"
        time.sleep(1)


@pytest.fixture(scope="module")
def _prometheus(
    metered_jars: Mapping[str, Path],
    prometheus_tools: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    directory = tmp_path_factory.mktemp("prometheus")
    servers = ZooKeeperServers(jars=metered_jars["3.9"], directory=directory / "members")
    (directory / "members").mkdir()
    with another_network():
        found(servers, OFTEN)
        handler = type("Handler", (_Handler,), {"metrics": operator_metrics()})
        operator = ThreadingHTTPServer(("127.0.0.1", OPERATOR_PORT), handler)
        threading.Thread(target=operator.serve_forever, daemon=True).start()
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(configuration(servers)))
        process = Process(
            "prometheus",
            [
                str(prometheus_tools / "prometheus"),
                f"--config.file={directory / 'prometheus.yaml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                "--web.listen-address=127.0.0.1:9090",
            ],
            directory=directory,
        )
        process.start()
        stop = threading.Event()
        writer = threading.Thread(target=_write, args=(servers, stop))
        writer.start()
        try:
            wait_until_scraped(120)
            yield
        finally:
            stop.set()
            writer.join()
            process.kill()
            operator.shutdown()
            operator.server_close()
            servers.stop()


def _write(servers: ZooKeeperServers, stop: threading.Event) -> None:
    for number in itertools.cycle(VOTERS):
        if stop.wait(2):
            return
        with_client(servers, number)


@pytest.mark.usefixtures("_prometheus")
def test_every_query_of_every_panel_returns_data() -> None:
    empty = []
    for uid, title, expression in PANELS:
        numbers = [s for s in ask(expression) if s["value"][1] != "NaN"]
        if not numbers:
            empty.append((uid, title, expression))
    assert empty == []


@pytest.mark.usefixtures("_prometheus")
def test_the_choices_of_a_dashboard_have_values() -> None:
    (choice,) = ask("count by (namespace, ensemble) (zookeeper_operator_ensemble_voters)")
    assert choice["metric"] == {"namespace": "demo", "ensemble": "zk"}


@pytest.mark.usefixtures("_prometheus")
def test_the_rules_are_evaluated_and_none_fires() -> None:
    assert ask("ALERTS") == []
    for alert in all_alerts():
        ask(alert.expression)  # an expression that cannot be evaluated is an error
