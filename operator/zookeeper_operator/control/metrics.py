"""All metrics of the operator, in one place and in a registry of their own.

`catalogue()` is the single list: the collectors are made from it, and the table in the
documentation too. Series of an ensemble carry the labels `namespace` and `ensemble`; a scrape
configuration must honour them (`honorLabels: true`), else Prometheus renames them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from zookeeper_operator.control.queue import Result

PREFIX = "zookeeper_operator_"

Type = Literal["counter", "gauge", "histogram"]

_ENSEMBLE = ("namespace", "ensemble")

_QUEUE_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300)
_PASS_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 120)
_PROBE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)


@dataclass(frozen=True)
class Entry:
    """One metric as it is exposed."""

    name: str
    type: Type
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = field(default=(), repr=False)


def _counter(name: str, labels: tuple[str, ...], text: str) -> Entry:
    return Entry(f"{PREFIX}{name}_total", "counter", labels, text)


def _gauge(name: str, labels: tuple[str, ...], text: str) -> Entry:
    return Entry(PREFIX + name, "gauge", labels, text)


def _histogram(name: str, buckets: tuple[float, ...], text: str) -> Entry:
    return Entry(PREFIX + name, "histogram", (), text, buckets)


_CATALOGUE: tuple[Entry, ...] = (
    _gauge("workqueue_depth", (), "Ensembles that wait for a look now."),
    _counter("workqueue_adds", (), "Times an ensemble came to wait for a look."),
    _counter("workqueue_retries", (), "Times an ensemble was put back with a backoff pause."),
    _histogram("workqueue_queue_seconds", _QUEUE_BUCKETS, "How long ensembles waited for a look."),
    _histogram("workqueue_work_seconds", _PASS_BUCKETS, "How long a worker held an ensemble."),
    _gauge(
        "workqueue_oldest_running_seconds",
        (),
        "For how long the oldest look that has not ended is going on; 0 if none is.",
    ),
    _counter("reconciles", ("result",), "Looks that ended, by result: done, error or timeout."),
    _histogram("reconcile_seconds", _PASS_BUCKETS, "How long a look took."),
    _counter(
        "api_requests",
        ("verb", "resource", "code"),
        "Requests to the Kubernetes API, by verb, resource and HTTP status (0: no answer).",
    ),
    _counter(
        "api_writes", ("verb", "kind"), "Writes to the Kubernetes API. At rest this stands still."
    ),
    _counter("probe_failures", ("reason",), "Probes of members that failed, by reason."),
    _histogram("probe_seconds", _PROBE_BUCKETS, "How long the probe of a member took."),
    _gauge("ensemble_ready", _ENSEMBLE, "1 if the ensemble is ready, else 0."),
    _gauge(
        "ensemble_quorum_healthy",
        _ENSEMBLE,
        "1 if a leader serves with a majority, 0 if not; absent while it cannot be known.",
    ),
    _gauge("ensemble_voters", _ENSEMBLE, "Voting members of the committed configuration."),
    _gauge("ensemble_live_voters", _ENSEMBLE, "Voting members that serve and follow the leader."),
    _gauge("ensemble_tolerates", _ENSEMBLE, "Voters that may fail now without losing the quorum."),
    _gauge(
        "ensemble_member_lag",
        (*_ENSEMBLE, "member"),
        "Transactions by which a member is behind the leader.",
    ),
    _gauge("ensemble_epoch", _ENSEMBLE, "Epoch of the current leader."),
    _counter(
        "ensemble_leader_changes", _ENSEMBLE, "Times another member than before was seen leading."
    ),
    _counter("ensemble_elections", _ENSEMBLE, "Elections, by the increments of the epoch."),
    _gauge("lease_leading", (), "1 if this process holds the Lease and works, 0 if it stands by."),
    _counter("watch_drift", (), "Objects of which the watch did not tell what the live list did."),
    _counter(
        "events_emitted", ("type", "reason"), "Kubernetes Events written, by type and reason."
    ),
    _gauge("loop_lag_seconds", (), "How late the event loop was at its last tick."),
)


def catalogue() -> tuple[Entry, ...]:
    """Every metric there is, in the order of the documentation."""
    return _CATALOGUE


@dataclass(frozen=True)
class EnsembleSample:
    """What one look found of an ensemble; None is unknown, and exposed as no series."""

    ready: bool
    quorum_healthy: bool | None
    voters: int
    live_voters: int
    tolerates: int
    epoch: int | None = None
    leader: int | None = None
    lag: Mapping[int, int] = field(default_factory=dict)


class QueueMetrics:
    """The `workqueue.Observer` that measures."""

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

    def passed(self, result: Result, seconds: float) -> None:
        """Count and measure a pass."""
        self._metrics.counter("reconciles").labels(result).inc()
        self._metrics.histogram("reconcile_seconds").observe(seconds)

    def running(self, oldest_seconds: Callable[[], float]) -> None:
        """Ask the queue at every scrape."""
        self._metrics.gauge("workqueue_oldest_running_seconds").set_function(oldest_seconds)


class Metrics:
    """The collectors and what is counted in them. `render` gives the text for a scrape."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nobody asks for
        self.registry = CollectorRegistry(auto_describe=True)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._leaders: dict[tuple[str, str], int] = {}
        self._epochs: dict[tuple[str, str], int] = {}
        self._members: dict[tuple[str, str], frozenset[int]] = {}
        for entry in _CATALOGUE:
            short = entry.name.removeprefix(PREFIX)
            match entry.type:
                case "counter":
                    self._counters[short.removesuffix("_total")] = Counter(
                        entry.name, entry.help, entry.labels, registry=self.registry
                    )
                case "gauge":
                    self._gauges[short] = Gauge(
                        entry.name, entry.help, entry.labels, registry=self.registry
                    )
                case "histogram":
                    self._histograms[short] = Histogram(
                        entry.name,
                        entry.help,
                        entry.labels,
                        registry=self.registry,
                        buckets=entry.buckets,
                    )
        self.queue = QueueMetrics(self)
        for result in ("done", "error", "timeout"):
            self.counter("reconciles").labels(result)  # a rate needs the 0 before the first 1

    def render(self) -> bytes:
        """Everything, in the text format Prometheus scrapes."""
        return generate_latest(self.registry)

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

    def probe(self, seconds: float, failure: str | None = None) -> None:
        """Measure the probe of a member; `failure` is the reason it failed for."""
        self.histogram("probe_seconds").observe(seconds)
        if failure is not None:
            self.counter("probe_failures").labels(failure).inc()

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

    def ensemble(self, namespace: str, name: str, sample: EnsembleSample) -> None:
        """Expose what a look found.

        Elections and leader changes are counted against the last known epoch and leader; the first
        sight of an ensemble counts nothing.
        """
        key = (namespace, name)
        known: dict[str, float | None] = {
            "ensemble_ready": sample.ready,
            "ensemble_quorum_healthy": sample.quorum_healthy,
            "ensemble_voters": sample.voters,
            "ensemble_live_voters": sample.live_voters,
            "ensemble_tolerates": sample.tolerates,
            "ensemble_epoch": sample.epoch,
        }
        for metric, value in known.items():
            if value is None:
                self.gauge(metric).remove(*key)
            else:
                self.gauge(metric).labels(*key).set(value)

        lag = self.gauge("ensemble_member_lag")
        for member in self._members.get(key, frozenset()) - sample.lag.keys():
            lag.remove(*key, str(member))
        for member, behind in sample.lag.items():
            lag.labels(*key, str(member)).set(behind)
        self._members[key] = frozenset(sample.lag)

        elections = self.counter("ensemble_elections").labels(*key)
        if sample.epoch is not None:
            elections.inc(max(sample.epoch - self._epochs.get(key, sample.epoch), 0))
            self._epochs[key] = sample.epoch
        changes = self.counter("ensemble_leader_changes").labels(*key)
        if sample.leader is not None:
            changes.inc(int(self._leaders.get(key, sample.leader) != sample.leader))
            self._leaders[key] = sample.leader

    def forget_ensemble(self, namespace: str, name: str) -> None:
        """Drop every series of an ensemble that is gone, and what was remembered of it."""
        key = (namespace, name)
        for member in self._members.pop(key, frozenset()):
            self.gauge("ensemble_member_lag").remove(*key, str(member))
        for entry in _CATALOGUE:
            if entry.labels == _ENSEMBLE:
                short = entry.name.removeprefix(PREFIX)
                if entry.type == "counter":
                    self.counter(short.removesuffix("_total")).remove(*key)
                else:
                    self.gauge(short).remove(*key)
        self._leaders.pop(key, None)
        self._epochs.pop(key, None)

    def forget_all_ensembles(self) -> None:
        """Drop the series of every ensemble: this process does not lead any more."""
        for namespace, name in tuple(self._members):
            self.forget_ensemble(namespace, name)
