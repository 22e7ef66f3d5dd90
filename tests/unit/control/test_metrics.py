"""Every metric that is promised is exposed."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from zookeeper_operator.control.metrics import PREFIX, EnsembleSample, Metrics, catalogue
from zookeeper_operator.control.queue import WorkQueue, work

SAMPLE = EnsembleSample(
    ready=True,
    quorum_healthy=True,
    voters=3,
    live_voters=3,
    tolerates=1,
    epoch=4,
    leader=2,
    lag={1: 0, 2: 0, 3: 7},
)
WHERE = {"namespace": "demo", "ensemble": "zk"}


def exposed(metrics: Metrics) -> dict[str, list[dict[str, str]]]:
    """The labels of every series, by name."""
    series: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            series.setdefault(sample.name, []).append(sample.labels)
    return series


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(PREFIX + name, labels)


def exercise(metrics: Metrics) -> None:
    metrics.api_request("get", "pods", 200)
    metrics.api_write("apply", "StatefulSet")
    metrics.probe(0.02)
    metrics.probe(1.5, failure="timeout")
    metrics.leading(leading=True)
    metrics.drift(2)
    metrics.event("Warning", "QuorumLost")
    metrics.loop_lag(0.1)
    metrics.ensemble("demo", "zk", SAMPLE)


def test_every_entry_of_the_catalogue_is_exposed_with_its_labels() -> None:
    metrics = Metrics()
    exercise(metrics)
    series = exposed(metrics)
    for entry in catalogue():
        name = f"{entry.name}_sum" if entry.type == "histogram" else entry.name
        assert name in series, name
        assert all(set(labels) == set(entry.labels) for labels in series[name]), name


def test_nothing_is_exposed_that_the_catalogue_does_not_list() -> None:
    metrics = Metrics()
    exercise(metrics)
    families = {
        (f"{family.name}_total" if family.type == "counter" else family.name, family.type)
        for family in text_string_to_metric_families(metrics.render().decode())
    }
    assert families == {(entry.name, entry.type) for entry in catalogue()}


def test_the_names_follow_the_conventions_of_prometheus() -> None:
    for entry in catalogue():
        assert entry.name.startswith(PREFIX)
        assert entry.name.endswith("_total") == (entry.type == "counter")
        assert entry.help.endswith(".")
        assert bool(entry.buckets) == (entry.type == "histogram")
    assert len({entry.name for entry in catalogue()}) == len(catalogue())


def test_two_instances_share_nothing() -> None:
    one, two = Metrics(), Metrics()
    one.drift(3)
    assert value(two, "watch_drift_total") == 0


def test_elections_and_leader_changes_count_from_the_second_sight_on() -> None:
    metrics = Metrics()
    metrics.ensemble("demo", "zk", SAMPLE)
    assert value(metrics, "ensemble_elections_total", **WHERE) == 0
    assert value(metrics, "ensemble_leader_changes_total", **WHERE) == 0
    unknown = EnsembleSample(ready=False, quorum_healthy=None, voters=3, live_voters=0, tolerates=0)
    metrics.ensemble("demo", "zk", unknown)
    later = EnsembleSample(
        ready=True, quorum_healthy=True, voters=3, live_voters=3, tolerates=1, epoch=6, leader=3
    )
    metrics.ensemble("demo", "zk", later)
    metrics.ensemble("demo", "zk", later)
    assert value(metrics, "ensemble_elections_total", **WHERE) == 2
    assert value(metrics, "ensemble_leader_changes_total", **WHERE) == 1


def test_what_is_unknown_has_no_series() -> None:
    metrics = Metrics()
    metrics.ensemble("demo", "zk", SAMPLE)
    metrics.ensemble(
        "demo",
        "zk",
        EnsembleSample(
            ready=False, quorum_healthy=None, voters=3, live_voters=0, tolerates=0, lag={1: 5}
        ),
    )
    assert value(metrics, "ensemble_quorum_healthy", **WHERE) is None
    assert value(metrics, "ensemble_epoch", **WHERE) is None
    assert value(metrics, "ensemble_ready", **WHERE) == 0
    assert value(metrics, "ensemble_member_lag", **WHERE, member="1") == 5
    assert value(metrics, "ensemble_member_lag", **WHERE, member="3") is None


def test_an_ensemble_that_is_gone_leaves_no_series() -> None:
    metrics = Metrics()
    metrics.ensemble("demo", "zk", SAMPLE)
    metrics.ensemble("demo", "other", SAMPLE)
    metrics.forget_ensemble("demo", "zk")
    metrics.forget_ensemble("demo", "never seen")
    series = [labels for found in exposed(metrics).values() for labels in found]
    assert WHERE.items() not in [labels.items() for labels in series]
    assert not any(labels.get("ensemble") == "zk" for labels in series)
    assert any(labels.get("ensemble") == "other" for labels in series)
    metrics.forget_all_ensembles()
    series = [labels for found in exposed(metrics).values() for labels in found]
    assert not any("ensemble" in labels for labels in series)


@pytest.mark.looptime
async def test_the_queue_is_measured() -> None:
    metrics = Metrics()
    queue = WorkQueue[str](random=lambda: 0.5, observer=metrics.queue)
    queue.add("bad")
    queue.add("slow")
    assert value(metrics, "workqueue_depth") == 2

    async def handle(key: str) -> float | None:
        if key == "bad":
            raise ZeroDivisionError
        await asyncio.sleep(100)
        return None

    running = asyncio.create_task(work(queue, handle, workers=2, timeout=5))
    await asyncio.sleep(0.5)
    assert value(metrics, "workqueue_depth") == 0
    assert value(metrics, "workqueue_oldest_running_seconds") == 0.5
    assert value(metrics, "reconciles_total", result="error") == 1
    await asyncio.sleep(5)
    assert value(metrics, "reconciles_total", result="timeout") == 1
    assert value(metrics, "reconciles_total", result="done") == 0
    queue.close()
    await running
    retries = value(metrics, "workqueue_retries_total")
    assert retries is not None
    assert retries >= 2
    assert value(metrics, "workqueue_work_seconds_count") == value(
        metrics, "workqueue_queue_seconds_count"
    )
    assert value(metrics, "workqueue_oldest_running_seconds") == 0
