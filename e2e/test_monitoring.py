"""A real Prometheus with what the chart makes: every panel has data, and alerts fire only when they must."""

import time
from collections.abc import Iterator
from typing import Final

import pytest
from e2e.changes import ask_for_restart, frozen, left_behind, scale, wait_rolled
from e2e.cluster import OPERATOR_NAMESPACE, Cluster, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Operator, Places
from e2e.prometheus import SCRAPE_SECONDS, Prometheus
from e2e.test_tls import OWN, a_ca, a_leaf, secret_of, wait_secured
from e2e.versions import without_installed
from monitoring.alerts import all_alerts
from monitoring.dashboards import DASHBOARDS

pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(1500)]

WAIT_SECONDS: Final = {"30s": 30, "1m": 60, "2m": 120, "3m": 180, "5m": 300, "": 0}
LASTING: Final = {alert.name: alert.lasting for alert in all_alerts()}
FILLING: Final = 900_000
"""Bytes of a znode; ZooKeeper takes less than a MiB."""
BEHIND: Final = 1500
"""Transactions; the alert is about more than 1000."""
RETRANSMIT_SECONDS: Final = 120
"""After how long at most TCP sends again what was lost."""
# They have a value only after something that does not happen here.
WITHOUT_DATA: Final = frozenset(
    {"Writing a snapshot, mean", "Probes that failed", "Events", "Certificate"}
)


def due(alert: str, *, noticed: float = 30) -> float:
    """How long an alert may take: its own time, two scrapes, and what the operator takes to notice."""
    return WAIT_SECONDS[LASTING[alert]] + 2 * SCRAPE_SECONDS + noticed


@pytest.fixture(scope="module")
def prometheus(cluster: Cluster) -> Iterator[Prometheus]:
    found = Prometheus(cluster)
    found.install()
    yield found
    found.remove()


@pytest.fixture
def three(places: Places, operator: Operator, prometheus: Prometheus) -> Ensemble:
    """An ensemble that Prometheus has seen to serve."""
    del operator
    ensemble = places.ensemble()
    here = f'namespace="{ensemble.namespace}"'
    wait_until(
        "Prometheus sees the ensemble",
        lambda: (
            prometheus.ask(f"zookeeper_operator_ensemble_ready{{{here}}} == 1")
            and len(prometheus.ask(f'up{{{here},ensemble="zk"}} == 1')) == 3
        ),
        seconds=60,
    )
    return ensemble


def test_every_query_of_every_panel_returns_data(three: Ensemble, prometheus: Prometheus) -> None:
    """Of both dashboards, with the ensemble chosen."""
    three.write("/seen", "by Prometheus")
    places = {"$namespace": three.namespace, "$ensemble": three.name, "$__rate_interval": "1m"}

    def empty() -> list[str]:
        found = []
        for board in DASHBOARDS:
            for panel in board["panels"]:
                for target in panel.get("targets", []):
                    expression = target["expr"]
                    for place, value in places.items():
                        expression = expression.replace(place, value)
                    if panel["title"] not in WITHOUT_DATA and not prometheus.ask(expression):
                        found.append(panel["title"])
        return found

    wait_until("every panel has data", lambda: not empty(), seconds=120, every=5, seen=empty)


def test_ordinary_work_sets_off_no_alert(
    three: Ensemble, prometheus: Prometheus, operator: Operator
) -> None:
    """A roll, a scaling up and down, a stop and a start, and another pod of the operator."""
    pods = three.pod_uids()
    ask_for_restart(three)
    wait_rolled(three, pods)
    for replicas in (5, 3):
        scale(three, replicas)
        three.wait_settled()
    three.change(stopped=True)
    wait_until("it is stopped", lambda: not three.pods(), seconds=120)
    three.change(stopped=False)
    three.wait_settled()
    three.cluster.kubectl(
        *("--namespace", OPERATOR_NAMESPACE, "rollout", "restart"), f"deployment/{operator.name}"
    )
    three.cluster.kubectl(
        *("--namespace", OPERATOR_NAMESPACE, "rollout", "status"),
        *(f"deployment/{operator.name}", "--timeout=120s"),
        timeout=150,
    )
    operator.wait_working()
    three.wait_calm(seconds=30)
    assert prometheus.fired(three.namespace) == set()


def test_tls_sets_off_no_alert(three: Ensemble, prometheus: Prometheus) -> None:
    """Three rolls, in all of which the condition Secured is False, and what follows from them."""
    three.change(tls={})
    wait_secured(three, quorum="Secured", clients="Optional")
    three.wait_calm(seconds=30)
    assert prometheus.fired(three.namespace) == set()
    (ends,) = prometheus.ask(
        f'zookeeper_operator_ensemble_certificate_not_after_seconds{{namespace="{three.namespace}"}}'
    )
    assert float(ends["value"][1]) > time.time()


def test_a_lost_quorum_fires_and_ends(three: Ensemble, prometheus: Prometheus) -> None:
    """Two of three members are frozen: they answer nothing, as on nodes that are cut off."""
    with frozen(three, 1, 2):
        labels = prometheus.wait_firing(
            "ZookeeperNoQuorum", seconds=due("ZookeeperNoQuorum", noticed=90)
        )
        assert (labels["namespace"], labels["ensemble"]) == (three.namespace, "zk")
        assert labels["severity"] == "critical"
    prometheus.wait_quiet("ZookeeperNoQuorum")


def test_a_stopped_rollout_fires(three: Ensemble, prometheus: Prometheus) -> None:
    """A configuration with which no member starts."""
    three.change(config={"metricsProvider.className": "no.such.Provider"})
    three.wait_condition("RolledOut", "False", "RolloutStopped", seconds=180)
    prometheus.wait_firing("ZookeeperRolloutStopped", seconds=due("ZookeeperRolloutStopped"))
    three.change(config={"metricsProvider.className": None})
    three.wait_settled()
    prometheus.wait_quiet("ZookeeperRolloutStopped")


@pytest.mark.long
def test_a_member_that_is_away_leaves_none_to_spare(
    three: Ensemble, prometheus: Prometheus
) -> None:
    """One of three answers nothing for minutes."""
    follower = next(member for member in (1, 2, 3) if member != three.leader())
    with frozen(three, follower):
        prometheus.wait_firing(
            "ZookeeperNoTolerance", seconds=due("ZookeeperNoTolerance", noticed=90)
        )
        assert prometheus.firing("ZookeeperNoQuorum") == []
    prometheus.wait_quiet("ZookeeperNoTolerance")


@pytest.mark.long
@pytest.mark.usefixtures("operator")
def test_a_member_that_falls_behind_fires(places: Places, prometheus: Prometheus) -> None:
    """What the leader sends to a follower is lost; they would give each other up after 20 minutes."""
    ensemble = places.ensemble(config={"syncLimit": "600"})
    follower = ensemble.followers()[0]
    with left_behind(ensemble, follower):
        with ensemble.client(f"pod/{ensemble.pod_name(ensemble.leader())}") as client:
            client.create("/behind")
            for result in [client.set_async("/behind", b"%d" % n) for n in range(BEHIND)]:
                result.get(timeout=60)
        labels = prometheus.wait_firing(
            "ZookeeperMemberLagging", seconds=due("ZookeeperMemberLagging")
        )
        assert (labels["namespace"], labels["ensemble"], labels["member"]) == (
            ensemble.namespace,
            ensemble.name,
            str(follower),
        )
        assert prometheus.firing("ZookeeperNoQuorum") == []
    prometheus.wait_quiet("ZookeeperMemberLagging", seconds=RETRANSMIT_SECONDS + 60)
    assert ensemble.read("/behind", member=follower) == str(BEHIND - 1)


def test_a_volume_that_is_almost_full_fires(places: Places, prometheus: Prometheus) -> None:
    """A client fills the transaction log."""
    size = 64 << 20
    ensemble = places.ensemble(replicas=1, storage={"data": {"size": str(size)}})
    with ensemble.client("pod/zk-1") as client:
        client.create("/fill")
        for _ in range(int(0.9 * size) // FILLING):
            client.create("/fill/n-", bytes(FILLING), sequence=True)
    ensemble.wait_condition("StorageHealthy", "False", "DiskPressure", seconds=360)
    labels = prometheus.wait_firing("ZookeeperDiskPressure", seconds=due("ZookeeperDiskPressure"))
    assert labels["namespace"] == ensemble.namespace


def test_a_certificate_that_ends_fires_until_it_is_renewed(
    three: Ensemble, prometheus: Prometheus
) -> None:
    """One of the user's, which nothing renews: half a day is left of two months."""
    ca = a_ca()
    three.cluster.apply(secret_of(three, ca, a_leaf(three, ca, days=0.5, age=60)))
    three.change(tls={"quorum": "Disabled", **OWN})
    three.wait_condition("Secured", "False", "CertificateExpiring", seconds=60)
    labels = prometheus.wait_firing(
        "ZookeeperCertificateEnding", seconds=due("ZookeeperCertificateEnding")
    )
    assert labels["ensemble"] == three.name
    three.cluster.apply(secret_of(three, ca, a_leaf(three, ca)))
    wait_secured(three, clients="Optional")
    prometheus.wait_quiet("ZookeeperCertificateEnding")


def test_an_operator_that_is_gone_fires(
    three: Ensemble, prometheus: Prometheus, operator: Operator
) -> None:
    """Nothing else does: the members serve on, and what they report is still there."""
    with without_installed(operator):
        prometheus.wait_firing("ZookeeperOperatorAbsent", seconds=due("ZookeeperOperatorAbsent"))
        assert prometheus.firing("ZookeeperNoQuorum") == []
        assert three.read("/") == ""
    prometheus.wait_quiet("ZookeeperOperatorAbsent")


def test_members_of_an_image_without_the_provider_serve(places: Places) -> None:
    """3.8.6 comes without it where the images are made from package registries: a warning says so."""
    ensemble = places.ensemble(replicas=1, version="3.8.6")
    if "starts without metrics" not in ensemble.cluster.logs(ensemble.namespace, "zk-1"):
        assert ensemble.condition("SpecValid")["reason"] == "Valid"
    else:
        ensemble.wait_condition("SpecValid", "True", "MetricsUnavailable")


def test_only_those_that_are_named_reach_the_metrics(
    three: Ensemble, prometheus: Prometheus
) -> None:
    """spec.metrics.from restarts nobody, and the NetworkPolicy follows it."""
    pods = three.pod_uids()
    three.change(metrics={"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}]})
    three.wait_settled()
    policy = three.cluster.get("networkpolicy", "zk", three.namespace)
    assert policy is not None
    (rule,) = [r for r in policy["spec"]["ingress"] if r["ports"][0]["port"] == 7000]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "nobody"}}}]
    assert three.pod_uids() == pods
    assert prometheus.ask("vector(1)")
