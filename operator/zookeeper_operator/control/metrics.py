"""The metrics of the process: what any operator counts, in a registry, and what the board reports.

`CATALOGUE` lists what every operator has. Kinds of resources bring entries of their own: counted ones,
which become collectors here, and reported ones, whose samples are read from the board at every scrape. So
the series of a key vanish with its report, and what is unknown has no series.

Series of an object carry its namespace in a label of their own; a scrape configuration must honour it
(`honorLabels: true`), else Prometheus renames it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.exposition import BoardText
from zookeeper_operator.control.queue import Result
from zookeeper_operator.control.series import PREFIX, Entry, counter, gauge, histogram

_QUEUE_BUCKETS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300)
_RECONCILE_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 120)

CATALOGUE: Final[tuple[Entry, ...]] = (
    gauge("workqueue_depth", (), "Ensembles that wait to be reconciled now."),
    counter("workqueue_adds", (), "Times an ensemble was queued to be reconciled."),
    counter("workqueue_retries", (), "Times an ensemble was put back with a backoff pause."),
    histogram(
        "workqueue_queue_seconds", _QUEUE_BUCKETS, "How long ensembles waited to be reconciled."
    ),
    histogram("workqueue_work_seconds", _RECONCILE_BUCKETS, "How long a worker held an ensemble."),
    gauge(
        "workqueue_oldest_running_seconds",
        (),
        "How long the oldest reconcile that has not ended has been running; 0 if none is.",
    ),
    counter("reconciles", ("result",), "Reconciles that ended, by result: done, error or timeout."),
    histogram("reconcile_seconds", _RECONCILE_BUCKETS, "How long a reconcile took."),
    counter(
        "api_requests",
        ("verb", "resource", "code"),
        "Requests to the Kubernetes API, by verb, resource and HTTP status (0: no answer).",
    ),
    counter(
        "api_writes",
        ("verb", "kind"),
        "Writes to the Kubernetes API. Constant while all ensembles are idle.",
    ),
    gauge("lease_leading", (), "1 if this process holds the Lease and works, 0 if it stands by."),
    counter(
        "watch_drift", (), "Objects whose change the live list showed and the watch did not report."
    ),
    counter("events_emitted", ("type", "reason"), "Kubernetes Events written, by type and reason."),
    gauge("loop_lag_seconds", (), "How late the event loop was at its last tick."),
)


class QueueMetrics:
    """The `QueueListener` that measures."""

    def __init__(self, metrics: "Metrics") -> None:
        self._metrics = metrics

    def added(self) -> None:
        """Count an add."""
        self._metrics.counter("workqueue_adds").inc()

    def depth(self, waiting: int) -> None:
        """Set the depth."""
        self._metrics.gauge("workqueue_depth").set(waiting)

    def retried(self) -> None:
        """Count a retry."""
        self._metrics.counter("workqueue_retries").inc()

    def started(self, waited_seconds: float) -> None:
        """Measure the queue latency."""
        self._metrics.histogram("workqueue_queue_seconds").observe(waited_seconds)

    def finished(self, worked_seconds: float) -> None:
        """Measure the work duration."""
        self._metrics.histogram("workqueue_work_seconds").observe(worked_seconds)

    def reconciled(self, result: Result, seconds: float) -> None:
        """Count and measure a reconcile."""
        self._metrics.counter("reconciles").labels(result).inc()
        self._metrics.histogram("reconcile_seconds").observe(seconds)

    def running(self, oldest_seconds: Callable[[], float]) -> None:
        """Ask the queue at every scrape."""
        self._metrics.gauge("workqueue_oldest_running_seconds").set_function(oldest_seconds)


class Metrics:
    """The collectors and what is counted in them. `render` gives the text for a scrape."""

    def __init__(
        self, board: Board, *, counted: Sequence[Entry] = (), reported: Sequence[Entry] = ()
    ) -> None:
        """Expose the catalogue, the `counted` entries, and the `reported` ones from the board.

        Raises:
            ValueError: two of them have the same name.
        """
        names = [entry.name for entry in (*CATALOGUE, *counted, *reported)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"metrics are described twice: {', '.join(twice)}")
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that is not needed
        self.registry = CollectorRegistry(auto_describe=True)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for entry in (*CATALOGUE, *counted):
            self._add(entry)
        self._reported = BoardText(board, reported)
        self.queue = QueueMetrics(self)
        for result in ("done", "error", "timeout"):
            self.counter("reconciles").labels(result)  # a rate needs the 0 before the first 1

    def render(self) -> bytes:
        """Everything, in the text format Prometheus scrapes."""
        return generate_latest(self.registry) + self._reported.render().encode()

    def counter(self, name: str) -> Counter:
        """A counter by its name in the catalogue, without prefix and `_total`."""
        return self._counters[name]

    def gauge(self, name: str) -> Gauge:
        """A gauge by its name in the catalogue, without prefix."""
        return self._gauges[name]

    def histogram(self, name: str) -> Histogram:
        """A histogram by its name in the catalogue, without prefix."""
        return self._histograms[name]

    def api_request(self, verb: str, resource: str, code: int) -> None:
        """Count a request to the Kubernetes API; `code` 0 when no answer came."""
        self.counter("api_requests").labels(verb, resource, str(code)).inc()

    def api_write(self, verb: str, kind: str) -> None:
        """Count a write to the Kubernetes API."""
        self.counter("api_writes").labels(verb, kind).inc()

    def leading(self, leading: bool) -> None:  # noqa: FBT001 -- has the shape of `on_change`
        """Whether this process leads; fits `LeaseElector(on_change=…)`."""
        self.gauge("lease_leading").set(leading)

    def drift(self, objects: int) -> None:
        """Count objects of which the watch has lost sight."""
        self.counter("watch_drift").inc(objects)

    def event(self, event_type: str, reason: str) -> None:
        """Count an Event written to the Kubernetes API."""
        self.counter("events_emitted").labels(event_type, reason).inc()

    def loop_lag(self, seconds: float) -> None:
        """How late the loop was; fits `HealthServer(on_lag=…)`."""
        self.gauge("loop_lag_seconds").set(seconds)

    def _add(self, entry: Entry) -> None:
        short = entry.name.removeprefix(PREFIX)
        arguments = (entry.name, entry.help, entry.labels)
        match entry.type:
            case "counter":
                made = Counter(*arguments, registry=self.registry)
                self._counters[short.removesuffix("_total")] = made
            case "gauge":
                self._gauges[short] = Gauge(*arguments, registry=self.registry)
            case "histogram":
                self._histograms[short] = Histogram(
                    *arguments, registry=self.registry, buckets=entry.buckets
                )
