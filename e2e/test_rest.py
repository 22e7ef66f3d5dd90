"""An ensemble that is well is left alone: no write at rest, none by a restart of the operator."""

import os
import time

import pytest
from e2e.cluster import OPERATOR_NAMESPACE, Cluster, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Operator, Places, Rest

REST_SECONDS = int(os.environ.get("E2E_REST_SECONDS", "60"))
LONG_REST_SECONDS = int(os.environ.get("E2E_LONG_REST_SECONDS", "600"))


def check_rest(operator: Operator, ensemble: Ensemble, seconds: float) -> None:
    """No object changes, and the operator counts no write but the Lease's."""
    before = ensemble.wait_calm()
    writes = operator.writes()
    events = len(ensemble.events())
    time.sleep(seconds)  # not a wait: the time itself is what is tested
    assert ensemble.versions() == before
    assert len(ensemble.events()) == events
    assert operator.writes() == writes


def test_at_rest_nothing_is_written(three: Ensemble, operator: Operator) -> None:
    """Pain 29 (write storms): a minute without one write but the Lease's; E2E_REST_SECONDS sets longer."""
    check_rest(operator, three, REST_SECONDS)


@pytest.mark.timeout(2 * LONG_REST_SECONDS + 300)
def test_at_rest_for_ten_minutes_nothing_is_written(resting: Rest) -> None:
    """Ten minutes and more of resyncs, restarts of the operator and noise of others: nothing is touched.

    The time runs while other tests do. If something did happen to the ensemble, its Events say so, and the
    time begins anew.
    """
    ensemble = resting.ensemble
    if len(ensemble.events()) != resting.events:
        resting = Rest.begin(ensemble)
    time.sleep(max(resting.since + LONG_REST_SECONDS - time.monotonic(), 0))
    assert ensemble.versions() == resting.versions
    assert len(ensemble.events()) == resting.events


def test_clients_that_write_cause_no_write_of_ours(three: Ensemble, operator: Operator) -> None:
    """Pain 29 (write storms): zxid, lag and connections move; the status is not written for it."""
    with three.counting() as writer:
        three.wait_calm(seconds=5)
        before, writes = three.versions(), operator.writes()
        time.sleep(25)  # two probes and more
        assert operator.writes() == writes
        after = three.versions()
        assert {k: v for k, v in after.items() if "writer" not in k} == {
            k: v for k, v in before.items() if "writer" not in k
        }
        assert writer.stop().lost == 0


def test_a_restart_of_the_operator_changes_nothing(three: Ensemble, operator: Operator) -> None:
    """A new process finds everything as it must be: no child and no status is written, no pod restarted."""
    before, restarts = three.wait_calm(seconds=5), three.restarts()
    events = len(three.events())
    old = operator.leading_pod()
    operator.kill()
    wait_until(
        "another pod holds the Lease", lambda: operator.leading_pod() not in {"", old}, seconds=60
    )
    operator.wait_working()
    wait_until("it has looked at the ensemble", lambda: looks(operator) > 0, seconds=60)
    time.sleep(5)  # the writes that must not come would come now
    assert operator.writes() == {}
    assert three.versions() == before
    assert three.restarts() == restarts
    assert len(three.events()) == events


def looks(operator: Operator) -> float:
    """How many looks the process has ended well."""
    return operator.metrics().get('zookeeper_operator_reconciles_total{result="done"}', 0)


def test_an_operator_that_ends_passes_on_within_seconds(
    cluster: Cluster, places: Places, operator: Operator
) -> None:
    """A second operator process takes over when the first ends, and acts."""
    scale = ("--namespace", OPERATOR_NAMESPACE, "scale", f"deployment/{operator.name}")
    ensemble = places.shared(replicas=1)
    cluster.kubectl(*scale, "--replicas=2")
    try:
        wait_until("both run", lambda: len(operator.pods()) == len(("one", "other")), seconds=30)
        cluster.kubectl(
            *("--namespace", OPERATOR_NAMESPACE, "rollout", "status"),
            *(f"deployment/{operator.name}", "--timeout=60s"),
            timeout=90,
        )
        first = operator.leading_pod()
        cluster.delete("pod", first, OPERATOR_NAMESPACE)
        since = time.monotonic()
        wait_until(
            "the other one holds the Lease",
            lambda: operator.leading_pod() not in {"", first},
            seconds=30,
            every=0.2,
        )
        print(f"taken over after {time.monotonic() - since:.1f} s")
        cluster.delete("configmap", "zk-connection", ensemble.namespace)
        wait_until(
            "it acts",
            lambda: cluster.get("configmap", "zk-connection", ensemble.namespace),
            seconds=20,
        )
    finally:
        cluster.kubectl(*scale, "--replicas=1")
        operator.wait_working()
