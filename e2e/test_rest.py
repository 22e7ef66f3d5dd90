"""A healthy ensemble is left alone: no write while it is idle, none by a restart of the operator."""

import os
import time

import pytest
from e2e.cluster import OPERATOR_NAMESPACE, Cluster, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Operator, Places

pytestmark = pytest.mark.alone  # the operator counts all its writes, whatever ensemble they are for

REST_SECONDS = int(os.environ.get("E2E_REST_SECONDS", "60"))


def test_nothing_is_written_at_rest_whatever_clients_do(
    three: Ensemble, module_places: Places, operator: Operator
) -> None:
    """No write storms: a minute with no write but the Lease's; E2E_REST_SECONDS sets longer.

    One ensemble has no clients. Those of the other write all the time: zxid, lag and connections change, and
    the status is not written for that.
    """
    # It stays until the end: its deletion would be work for the operator in the next test.
    busy = module_places.ensemble(replicas=3, namespace=module_places.lasting_namespace())
    with busy.counting() as writer:
        busy.wait_calm(seconds=5)
        three.wait_calm()
        writes, before = operator.writes(), [written(three), written(busy)]
        time.sleep(REST_SECONDS)  # not a wait: the time itself is what is tested
        assert operator.writes() == writes
        assert [written(three), written(busy)] == before
        assert writer.stop().lost == 0


def written(ensemble: Ensemble) -> tuple[dict[str, str], int]:
    """What would show a write to an ensemble: the versions of its objects, and how many Events there are."""
    versions = {k: v for k, v in ensemble.versions().items() if "writer" not in k}
    return versions, len(ensemble.events())


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
    """How many reconciles the process has completed."""
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
