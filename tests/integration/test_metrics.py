"""Every metric that the process publishes is set by the process, after what it measures has happened."""

from typing import Final

import pytest
from tests.integration.proxy import Call, Fault, Refuse
from tests.integration.stage import Stage
from tests.integration.waiting import until

from zookeeper_operator.control.metrics import CATALOGUE
from zookeeper_operator.control.series import PREFIX, Entry
from zookeeper_operator.ensemble.series import COUNTED, REPORTED
from zookeeper_operator.kube.api import Object

SPEC: Final[Object] = {
    "replicas": 3,
    "storage": {"ephemeral": True},
    "config": {"maxCnxns": 500},
}
# 0 is their value when nothing is wrong and nothing is under way.
OFTEN_ZERO: Final = frozenset(
    f"{PREFIX}{name}"
    for name in (
        *("workqueue_depth", "workqueue_oldest_running_seconds", "watch_drift_total"),
        *("ensemble_stopped", "ensemble_paused", "ensemble_member_lag", "loop_lag_seconds"),
        "ensemble_outdated_members",
        *("ensemble_leader_changes_total", "ensemble_elections_total"),
    )
)

# No volume is provisioned on this control plane, so no claim has a size.
WITHOUT_VOLUMES: Final = frozenset(
    f"{PREFIX}ensemble_volume_{name}_bytes" for name in ("used", "capacity")
)

# Counted only while port 2181 waits to be closed: tests/unit/ensemble and e2e/test_tls.py.
ONLY_WHILE_CLOSING: Final = frozenset({f"{PREFIX}ensemble_plain_clients"})


def series_of(entry: Entry) -> str:
    """What the samples of a metric begin with."""
    suffixes = {"counter": "_total", "histogram": "_count", "gauge": ""}
    return entry.name.removesuffix("_total") + suffixes[entry.type]


async def test_every_metric_is_set_by_what_it_measures(stage: Stage) -> None:
    """A create of which one write fails once, a member that does not answer, and an ensemble with TLS."""
    proxy = await stage.proxy()
    (place,) = await stage.namespaces("metrics")
    refused: list[Call] = []

    def decide(call: Call) -> Fault | None:
        if call.write and call.resource == "statefulsets" and not refused:
            refused.append(call)
            return Refuse(500)
        return None

    proxy.decide = decide
    operator = stage.operator(
        "metrics",
        proxy=proxy,
        namespaces=place,
        namespace=place,
        probe_seconds="1",
        leader_election="true",
    )
    operator.start()
    await stage.create(place, SPEC)
    await stage.settled([place])
    stage.farm.lie(place, member_2="silent")

    # Its first members wait for certificates that no kubelet mounts; that it is there is enough.
    await stage.create(place, {**SPEC, "tls": {}}, name="secured")
    unset: list[str] = []

    async def all_set() -> bool:
        found = await operator.metrics()
        unset[:] = [
            name
            for name in map(series_of, (*CATALOGUE, *COUNTED, *REPORTED))
            if not any(
                value or name in OFTEN_ZERO
                for key, value in found.items()
                if key.partition("{")[0] == name
            )
        ]
        return set(unset) == WITHOUT_VOLUMES | ONLY_WHILE_CLOSING

    try:
        await until(all_set, seconds=20)
    except TimeoutError:
        pytest.fail(f"never set: {unset}")
    assert refused
    assert operator.tracebacks() == []
