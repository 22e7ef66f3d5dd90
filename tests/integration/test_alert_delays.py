"""How soon alerts fire in a real Prometheus, by the clock: it scrapes the history of each as it happens.

Alerts that take longer than a quarter of an hour have their delay tested by the clock of promtool only, in
test_alerts.py.
"""

import json
import logging
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from monitoring.__main__ import CHART
from tests.integration.alert_delays import ALERTS, FIRING, begins, due, history
from tests.integration.processes import Process, another_network
from tests.integration.timelines import STEP_SECONDS, Phase, Rising, Value

SCRAPE_SECONDS: Final = 5
HEALTHY_SECONDS: Final = 60
LONGEST_SECONDS: Final = 16 * 60
ABSENT: Final = "ZookeeperOperatorAbsent"
"""It asks whether nothing of the operator is there: so it has a Prometheus of its own."""
TIMED: Final = tuple(name for name in FIRING if due(name) <= LONGEST_SECONDS)
_NAMESPACE: Final = re.compile(r'namespace="[^"]*"')
_TIMES: Final = ("_timestamp_seconds{", "_not_after_seconds{")


class Histories:
    """The histories of some alerts, each in a namespace of its own, from now on."""

    def __init__(self, names: Sequence[str]) -> None:
        self.troubled = time.time() + HEALTHY_SECONDS
        self._phases = {name: history(name) for name in names}

    def page(self) -> str:
        """What is true now, as a scrape reads it."""
        now = time.time() - self.troubled
        lines = [line for name in self._phases for line in self._lines(name, now)]
        return "\n".join([*lines, ""])

    def _lines(self, name: str, now: float) -> Iterator[str]:
        phases, place = self._phases[name], f'namespace="{name.lower()}"'
        at = now + begins(phases)  # by the clock of the history
        state, began = _phase_at(phases, at)
        for series, value in state.items():
            number = _value(phases, series, value, at, began)
            if any(part in series for part in _TIMES):
                number += self.troubled - begins(phases)
            yield f"{_NAMESPACE.sub(place, series)} {number:f}"


def _phase_at(phases: Sequence[Phase], at: float) -> tuple[Mapping[str, Value], float]:
    """What is true at a time of a history, and since when."""
    began = 0.0
    for phase in phases[:-1]:
        if at < began + phase.seconds:
            return phase.state, began
        began += phase.seconds
    return phases[-1].state, began


def _value(phases: Sequence[Phase], series: str, value: Value, at: float, began: float) -> float:
    """A value now: what rises goes on from where it was, at the pace of the histories."""
    if not isinstance(value, Rising):
        return value
    before = phases[0].state.get(series) if began else None
    start = value.start
    if isinstance(before, Rising):
        start = before.start + before.by * began / STEP_SECONDS
    elif before is not None:
        start = before
    return start + value.by * (at - began) / STEP_SECONDS


@contextmanager
def prometheus(tools: Path, directory: Path, target: str, port: int) -> Iterator[str]:
    """A Prometheus that scrapes one target, with the rules of the chart; its address."""
    often = f"{SCRAPE_SECONDS}s"
    content = {
        "global": {"scrape_interval": often, "evaluation_interval": often},
        "rule_files": [str(CHART / "rules.yaml")],
        "scrape_configs": [
            {"job_name": "all", "honor_labels": True, "static_configs": [{"targets": [target]}]}
        ],
    }
    directory.mkdir()
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(content))
    process = Process(
        "prometheus",
        [
            *(str(tools / "prometheus"), f"--config.file={directory / 'prometheus.yaml'}"),
            *(
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ),
        ],
        directory=directory,
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()


@contextmanager
def scraped(tools: Path, directory: Path, histories: Histories, port: int) -> Iterator[str]:
    """A Prometheus that scrapes them; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(histories.page().encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port + 1), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with prometheus(tools, directory, f"127.0.0.1:{port + 1}", port) as address:
            yield address
    finally:
        server.shutdown()
        server.server_close()


def firings(address: str) -> Iterator[tuple[str, str | None, float]]:
    """Each alert and namespace for which it has fired, and when it first did: the time of the evaluation."""
    times = 'timestamp(ALERTS{alertstate="firing"})[30m:5s]'
    expression = f"min by (alertname, namespace) (min_over_time({times}))"
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=30) as answer:  # noqa: S310 -- of this process
        found: dict[str, Any] = json.load(answer)
    for series in found["data"]["result"]:
        labels = series["metric"]
        yield labels["alertname"], labels.get("namespace"), float(series["value"][1])


def first_firings(address: str) -> dict[str, float]:
    """When the alert of each history first fired."""
    return {
        name: at for name, namespace, at in firings(address) if namespace in {None, name.lower()}
    }


@pytest.mark.long
@pytest.mark.timeout(2000)
def test_alerts_fire_in_their_own_time_and_two_scrapes(
    prometheus_tools: Path, tmp_path: Path
) -> None:
    """Not before their own time either. What an expression itself waits for is in `UNTIL_TRUE`."""
    with another_network():
        together = Histories([name for name in TIMED if name != ABSENT])
        alone = Histories([ABSENT])
        with (
            scraped(prometheus_tools, tmp_path / "all", together, 9090) as address,
            scraped(prometheus_tools, tmp_path / "absent", alone, 9190) as other,
        ):
            # The last scrape and evaluation take their time as well.
            latest = max(due(name, scrape=SCRAPE_SECONDS) for name in TIMED) + SCRAPE_SECONDS
            time.sleep(HEALTHY_SECONDS + latest)
            fired = {
                **{n: at - together.troubled for n, at in first_firings(address).items()},
                **{n: at - alone.troubled for n, at in first_firings(other).items() if n == ABSENT},
            }
    late = {
        name: (round(fired.get(name, float("inf")), 1), due(name, scrape=SCRAPE_SECONDS))
        for name in TIMED
    }
    told = [f"{name} {seen} of {limit:g} s" for name, (seen, limit) in sorted(late.items())]
    logging.getLogger("alerts").info("fired after: %s", ", ".join(told))
    assert {name: times for name, times in late.items() if times[0] > times[1]} == {}
    early = {n: fired[n] for n in TIMED if fired[n] < ALERTS[n].lasting_seconds}
    assert early == {}
