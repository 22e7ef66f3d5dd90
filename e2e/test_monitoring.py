"""A real Prometheus during ordinary work, and without an operator: only the alerts that are due fire."""

import time
from pathlib import Path
from typing import Final

import pytest
from e2e.changes import ask_for_restart, cut_off, left_behind, scale, wait_rolled
from e2e.cluster import OPERATOR_NAMESPACE, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Operator, Places
from e2e.prometheus import Prometheus, due
from e2e.test_tls import wait_secured
from e2e.versions import ROOT, WATCHED, unpack_checkout, without_installed

pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(1500)]

BEHIND: Final = 1500
"""Transactions; the alert is about more than 1000."""
RETRANSMIT_SECONDS: Final = 120
"""After how long at most TCP sends again what was lost."""


def test_ordinary_work_sets_off_no_alert(
    scraped: Ensemble, places: Places, prometheus: Prometheus, operator: Operator
) -> None:
    """A roll, a scaling up and down, a stop and a start, another pod of the operator; and TLS elsewhere.

    TLS takes three rolls, in all of which the condition Secured is False.
    """
    secured = places.ensemble()
    secured.change(tls={})
    pods = scraped.pod_uids()
    ask_for_restart(scraped)
    wait_rolled(scraped, pods)
    for replicas in (5, 3):
        scale(scraped, replicas)
        scraped.wait_settled()
    scraped.change(stopped=True)
    wait_until("it is stopped", lambda: not scraped.pods(), seconds=120)
    scraped.change(stopped=False)
    scraped.wait_settled()
    wait_secured(secured, quorum="Secured", clients="Optional")
    scraped.cluster.kubectl(
        *("--namespace", OPERATOR_NAMESPACE, "rollout", "restart"), f"deployment/{operator.name}"
    )
    scraped.cluster.kubectl(
        *("--namespace", OPERATOR_NAMESPACE, "rollout", "status"),
        *(f"deployment/{operator.name}", "--timeout=120s"),
        timeout=150,
    )
    operator.wait_working()
    for ensemble in (scraped, secured):
        ensemble.wait_calm(seconds=30)
        assert prometheus.fired(ensemble.namespace) == set()
    (ends,) = prometheus.ask(
        f'zookeeper_operator_ensemble_certificate_not_after_seconds{{namespace="{secured.namespace}"}}'
    )
    assert float(ends["value"][1]) > time.time()


@pytest.mark.long
def test_an_upgrade_of_the_operator_sets_off_no_alert(
    places: Places, prometheus: Prometheus, operator: Operator, tmp_path: Path
) -> None:
    """From an older version, by its own chart, to this one: the rules are those of this one all the time."""
    older = unpack_checkout(WATCHED, tmp_path)
    try:
        operator.install(older)
        operator.wait_working()
        ensemble = places.ensemble()
        prometheus.wait_seen(ensemble)
        pods = ensemble.pod_uids()
    finally:
        operator.install(ROOT)
        operator.wait_working()
    # As long as an alert about the operator or the quorum waits, and some scrapes more.
    time.sleep(due("ZookeeperOperatorAbsent"))
    ensemble.wait_calm(seconds=30)
    assert ensemble.pod_uids() == pods
    assert prometheus.fired(ensemble.namespace) == set()


@pytest.mark.long
def test_a_member_that_is_away_leaves_none_to_spare(
    scraped: Ensemble, prometheus: Prometheus
) -> None:
    """One of three reaches no other for minutes."""
    follower = next(member for member in (1, 2, 3) if member != scraped.leader())
    with cut_off(scraped, follower, *({1, 2, 3} - {follower})):
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
    scraped: Ensemble, prometheus: Prometheus, operator: Operator
) -> None:
    """Nothing else does: the members serve on, and what they report is still there."""
    with without_installed(operator):
        prometheus.wait_firing("ZookeeperOperatorAbsent", seconds=due("ZookeeperOperatorAbsent"))
        assert prometheus.firing("ZookeeperNoQuorum") == []
        assert scraped.read("/") == ""
    prometheus.wait_quiet("ZookeeperOperatorAbsent")
