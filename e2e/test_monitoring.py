"""A real Prometheus with what the chart makes: every panel has data, and alerts fire only when they must."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from e2e.changes import ask_for_restart, cut_off, left_behind, scale, wait_rolled
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
    three: Ensemble, places: Places, prometheus: Prometheus, operator: Operator
) -> None:
    """A roll, a scaling up and down, a stop and a start, another pod of the operator; and TLS elsewhere.

    TLS takes three rolls, in all of which the condition Secured is False.
    """
    secured = places.ensemble()
    secured.change(tls={})
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
    wait_secured(secured, quorum="Secured", clients="Optional")
    three.cluster.kubectl(
        *("--namespace", OPERATOR_NAMESPACE, "rollout", "restart"), f"deployment/{operator.name}"
    )
    three.cluster.kubectl(
        *("--namespace", OPERATOR_NAMESPACE, "rollout", "status"),
        *(f"deployment/{operator.name}", "--timeout=120s"),
        timeout=150,
    )
    operator.wait_working()
    for ensemble in (three, secured):
        ensemble.wait_calm(seconds=30)
        assert prometheus.fired(ensemble.namespace) == set()
    (ends,) = prometheus.ask(
        f'zookeeper_operator_ensemble_certificate_not_after_seconds{{namespace="{secured.namespace}"}}'
    )
    assert float(ends["value"][1]) > time.time()


@dataclass
class Trouble:
    """What goes wrong in one ensemble, and when it was first seen in its status and as an alert."""

    alert: str
    ensemble: Ensemble
    condition: str
    reason: str
    reported: float = 0
    fired: float = 0

    def watch(self, prometheus: Prometheus) -> bool:
        """Whether both have been seen; the times are kept."""
        now = time.monotonic()
        if (
            not self.reported
            and self.ensemble.condition(self.condition).get("reason") == self.reason
        ):
            self.reported = now
        if not self.fired:
            firing = {labels["namespace"] for labels in prometheus.firing(self.alert)}
            self.fired = now if self.ensemble.namespace in firing else 0
        return bool(self.reported and self.fired)


def fill(ensemble: Ensemble, size: int) -> None:
    """A client fills nine tenths of a volume with transactions."""
    with ensemble.client("pod/zk-1") as client:
        client.create("/fill")
        for _ in range(int(0.9 * size) // FILLING):
            client.create("/fill/n-", bytes(FILLING), sequence=True)


def test_alerts_fire_and_end(places: Places, operator: Operator, prometheus: Prometheus) -> None:
    """Four ensembles, each with a trouble of its own, at the same time.

    A certificate of the user's that nothing renews (half a day is left of two months); a volume that a client
    fills; a configuration with which no member starts; and three members of which none reaches another. (The
    kubelet restarts members that answer nothing within a minute, which is how long this alert waits.)
    """
    del operator
    size = 64 << 20
    ending, stopped, lost = (places.ensemble() for _ in range(3))
    filling = places.ensemble(replicas=1, storage={"data": {"size": str(size)}})
    ca = a_ca()
    ending.cluster.apply(secret_of(ending, ca, a_leaf(ending, ca, days=0.5, age=60)))
    ending.change(tls={"quorum": "Disabled", **OWN})
    fill(filling, size)
    stopped.change(config={"metricsProvider.className": "no.such.Provider"})
    troubles = [
        Trouble("ZookeeperCertificateEnding", ending, "Secured", "CertificateExpiring"),
        Trouble("ZookeeperDiskPressure", filling, "StorageHealthy", "DiskPressure"),
        Trouble("ZookeeperRolloutStopped", stopped, "RolledOut", "RolloutStopped"),
        Trouble("ZookeeperNoQuorum", lost, "QuorumHealthy", "MembersNotConnected"),
    ]
    with cut_off(lost, 1, 2, 3), cut_off(lost, 2, 3):
        wait_until(
            "all alerts fire",
            lambda: sum(trouble.watch(prometheus) for trouble in troubles) == len(troubles),
            seconds=600,
            every=2,
            seen=lambda: [(t.alert, bool(t.reported), bool(t.fired)) for t in troubles],
        )
        for trouble in troubles:
            assert trouble.fired - trouble.reported <= due(trouble.alert, noticed=10), trouble
    ending.cluster.apply(secret_of(ending, ca, a_leaf(ending, ca)))
    stopped.change(config={"metricsProvider.className": None})
    for alert in ("ZookeeperNoQuorum", "ZookeeperRolloutStopped", "ZookeeperCertificateEnding"):
        # Members that were cut off for minutes find each other after up to two more.
        prometheus.wait_quiet(alert, seconds=300)
    stopped.wait_settled()
    wait_secured(ending, clients="Optional")


@pytest.mark.long
def test_a_member_that_is_away_leaves_none_to_spare(
    three: Ensemble, prometheus: Prometheus
) -> None:
    """One of three reaches no other for minutes."""
    follower = next(member for member in (1, 2, 3) if member != three.leader())
    with cut_off(three, follower, *({1, 2, 3} - {follower})):
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
