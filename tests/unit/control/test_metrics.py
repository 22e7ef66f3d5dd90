"""Every metric that is described is exposed, and nothing else."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.controller import Key
from zookeeper_operator.control.metrics import CATALOGUE, Metrics
from zookeeper_operator.control.queue import WorkQueue
from zookeeper_operator.control.series import PREFIX, Sample, counter, gauge, histogram
from zookeeper_operator.control.work import work

WARMTH = gauge("kettle_warmth", ("namespace", "kettle"), "How warm the water is.")
BOILED = counter("kettle_boiled", ("namespace", "kettle"), "Times the water has boiled.")
SPILLS = counter("spills", ("where",), "Spills, by place.")
POURING = histogram("pouring_seconds", (1, 2), "How long pouring took.")
ONE = Key("Kettle", "kitchen", "one")
TWO = Key("Kettle", "kitchen", "two")


class Kettle:
    """A report with samples and nothing to probe."""

    def __init__(self, name: str, *, boiled: int, warmth: float | None = None) -> None:
        where = ("kitchen", name)
        self._samples = [Sample(BOILED.name, where, boiled)]
        if warmth is not None:
            self._samples.append(Sample(WARMTH.name, where, warmth))

    @property
    def samples(self) -> Sequence[Sample]:
        return self._samples

    async def probe(self) -> bool:
        return False


def kettles() -> tuple[Metrics, Board]:
    board = Board()
    return Metrics(board, counted=(SPILLS, POURING), reported=(WARMTH, BOILED)), board


def exposed(metrics: Metrics) -> dict[str, list[dict[str, str]]]:
    """The labels of every series, by name."""
    series: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            series.setdefault(sample.name, []).append(sample.labels)
    return series


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(PREFIX + name, labels)


def reported(metrics: Metrics, name: str, kettle: str) -> float | None:
    """The value that a scrape has of one kettle."""
    families = text_string_to_metric_families(metrics.render().decode())
    found = [
        sample.value
        for family in families
        for sample in family.samples
        if (sample.name, sample.labels.get("kettle")) == (PREFIX + name, kettle)
    ]
    assert len(found) <= 1
    return found[0] if found else None


def exercise(metrics: Metrics, board: Board) -> None:
    metrics.api_request("get", "pods", 200)
    metrics.api_write("apply", "StatefulSet")
    metrics.leading(leading=True)
    metrics.drift(2)
    metrics.event("Warning", "QuorumLost")
    metrics.loop_lag(0.1)
    metrics.counter("spills").labels("floor").inc()
    metrics.histogram("pouring_seconds").observe(1.5)
    board.post(ONE, Kettle("one", boiled=1, warmth=90))


ENTRIES = (*CATALOGUE, SPILLS, POURING, WARMTH, BOILED)


def test_every_entry_is_exposed_with_its_labels() -> None:
    metrics, board = kettles()
    exercise(metrics, board)
    series = exposed(metrics)
    for entry in ENTRIES:
        name = f"{entry.name}_sum" if entry.type == "histogram" else entry.name
        assert name in series, name
        assert all(set(labels) == set(entry.labels) for labels in series[name]), name


def test_nothing_is_exposed_that_no_entry_describes() -> None:
    metrics, board = kettles()
    exercise(metrics, board)
    families = {
        (f"{family.name}_total" if family.type == "counter" else family.name, family.type)
        for family in text_string_to_metric_families(metrics.render().decode())
    }
    assert families == {(entry.name, entry.type) for entry in ENTRIES}


def test_the_names_follow_the_conventions_of_prometheus() -> None:
    for entry in ENTRIES:
        assert entry.name.startswith(PREFIX)
        assert entry.name.endswith("_total") == (entry.type == "counter")
        assert entry.help.endswith(".")
        assert bool(entry.buckets) == (entry.type == "histogram")
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=f"metrics are described twice: {BOILED.name}"):
        Metrics(Board(), counted=(BOILED,), reported=(BOILED,))


def test_two_instances_share_nothing() -> None:
    one, two = Metrics(Board()), Metrics(Board())
    one.drift(3)
    assert value(two, "watch_drift_total") == 0


def test_the_last_report_is_exposed_and_what_is_unknown_has_no_series() -> None:
    metrics, board = kettles()
    board.post(ONE, Kettle("one", boiled=1, warmth=90))
    assert reported(metrics, "kettle_warmth", "one") == 90
    assert reported(metrics, "kettle_boiled_total", "one") == 1
    board.post(ONE, Kettle("one", boiled=3))
    assert reported(metrics, "kettle_warmth", "one") is None
    assert reported(metrics, "kettle_boiled_total", "one") == 3


def test_a_key_that_is_gone_leaves_no_series() -> None:
    metrics, board = kettles()
    board.post(ONE, Kettle("one", boiled=1, warmth=90))
    board.post(TWO, Kettle("two", boiled=1, warmth=20))
    board.remove(ONE)
    left = [labels for found in exposed(metrics).values() for labels in found if "kettle" in labels]
    assert left == [{"namespace": "kitchen", "kettle": "two"}] * 2


@pytest.mark.looptime
async def test_the_queue_is_measured() -> None:
    metrics = Metrics(Board())
    queue = WorkQueue[str](random=lambda: 0.5, listener=metrics.queue)
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
