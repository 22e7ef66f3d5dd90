"""A real Prometheus with what the chart makes: every panel has data, and alerts fire and end as they must.

Each test looks at its own ensembles alone: these tests mostly wait, and run beside others.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pytest
from e2e.backups import API, SMALL, STORAGE, claim, create
from e2e.changes import cut_off, frozen, happens
from e2e.cluster import Object, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Operator, Places
from e2e.prometheus import SCRAPE_SECONDS, Prometheus, due
from e2e.test_tls import OWN, a_ca, a_leaf, secret_of, wait_secured
from monitoring.dashboards import DASHBOARDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

FILLING: Final = 900_000
"""Bytes of a znode; ZooKeeper takes less than a MiB."""
# They have a value only after something that does not happen here.
WITHOUT_DATA: Final = frozenset(
    {"Writing a snapshot, mean", "Probes that failed", "Events", "Certificate"}
)

SNAPSHOT_WRITES: Final = 30
BACKUPS: Final = "often"
STARTING_SECONDS: Final = 10
BACKUP_SECONDS: Final = 90
OVERDUE_SECONDS: Final = STARTING_SECONDS + 2 * BACKUP_SECONDS
"""After its time a backup is missed: it may begin late, wait, and take its time."""


@pytest.fixture(scope="module")
def unsaved(module_places: Places, prometheus: Prometheus) -> Ensemble:
    """An ensemble with a backup each minute, for which there is no volume.

    It is there from the beginning of the module on: the alert takes a quarter of an hour.
    """
    del prometheus  # it sees all of it
    ensemble = module_places.ensemble(replicas=1, namespace=module_places.lasting_namespace())
    backups: Object = {
        "ensembleRef": {"name": ensemble.name},
        "storage": STORAGE,
        "resources": SMALL,
        "timeout": f"{BACKUP_SECONDS}s",
        "verify": "Checksum",
    }
    spec = {
        "schedule": "* * * * *",
        "startingDeadlineSeconds": STARTING_SECONDS,
        "template": {"spec": backups},
    }
    create(ensemble, API, "ZookeeperBackupSchedule", BACKUPS, spec)
    return ensemble


def panels(ensemble: Ensemble) -> Iterator[tuple[str, str]]:
    """Every query of every panel, with the title of the panel and an ensemble chosen."""
    places = {"$namespace": ensemble.namespace, "$ensemble": ensemble.name}
    for board in DASHBOARDS:
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"].replace("$__rate_interval", "1m")
                for place, value in places.items():
                    expression = expression.replace(place, value)
                yield panel["title"], expression


def has_number(prometheus: Prometheus, expression: str) -> bool:
    """Whether an expression gives a number; a mean over what has not happened is none."""
    return any(series["value"][1] != "NaN" for series in prometheus.ask(expression))


@pytest.mark.usefixtures("unsaved")
def test_every_query_of_every_panel_returns_data(scraped: Ensemble, prometheus: Prometheus) -> None:
    """Of both dashboards; those about what does not happen here are left out."""
    scraped.write("/seen", "by Prometheus")

    def empty() -> list[str]:
        return [
            title
            for title, expression in panels(scraped)
            if title not in WITHOUT_DATA and not prometheus.ask(expression)
        ]

    wait_until("every panel has data", lambda: not empty(), seconds=120, every=5, seen=empty)


@pytest.mark.long
@pytest.mark.usefixtures("unsaved")
def test_every_query_of_every_panel_without_exception(
    places: Places, prometheus: Prometheus
) -> None:
    """An ensemble with TLS that writes snapshots all the time, and of which a member becomes silent."""
    ensemble = places.ensemble(tls={}, config={"snapCount": "20"})
    wait_secured(ensemble, clients="Optional")
    prometheus.wait_seen(ensemble)
    empty = dict.fromkeys(panels(ensemble))

    def all_seen() -> bool:
        with ensemble.client(f"pod/{ensemble.pod_name(ensemble.leader())}") as client:
            client.ensure_path("/seen")
            for number in range(SNAPSHOT_WRITES):
                client.set("/seen", b"%d" % number)
        for panel in [panel for panel in empty if has_number(prometheus, panel[1])]:
            del empty[panel]
        return not empty

    with frozen(ensemble, ensemble.followers()[0]):
        happens("every panel has data", all_seen, seconds=60)
    wait_until("every panel has had data", all_seen, seconds=300, every=5, seen=lambda: [*empty])


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
            self.fired = now if prometheus.firing(self.alert, self.ensemble.namespace) else 0
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
    for trouble in troubles:
        # Members that were cut off for minutes find each other after up to two more.
        if trouble.ensemble != filling:
            prometheus.wait_quiet(trouble.alert, trouble.ensemble.namespace, seconds=300)
    stopped.wait_settled()
    wait_secured(ending, clients="Optional")


def test_members_of_an_image_without_the_provider_serve(places: Places) -> None:
    """3.8.6 comes without it where the images are made from package registries: a warning says so."""
    ensemble = places.ensemble(replicas=1, version="3.8.6")
    if "starts without metrics" not in ensemble.cluster.logs(ensemble.namespace, "zk-1"):
        assert ensemble.condition("SpecValid")["reason"] == "Valid"
    else:
        ensemble.wait_condition("SpecValid", "True", "MetricsUnavailable")


def test_only_those_that_are_named_reach_the_metrics(
    scraped: Ensemble, prometheus: Prometheus
) -> None:
    """spec.metrics.from restarts nobody, and the NetworkPolicy follows it."""
    pods = scraped.pod_uids()
    scraped.change(metrics={"from": [{"podSelector": {"matchLabels": {"app": "nobody"}}}]})
    scraped.wait_settled()
    policy = scraped.cluster.get("networkpolicy", "zk", scraped.namespace)
    assert policy is not None
    (rule,) = [r for r in policy["spec"]["ingress"] if r["ports"][0]["port"] == 7000]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "nobody"}}}]
    assert scraped.pod_uids() == pods
    assert prometheus.ask("vector(1)")


@pytest.mark.long
def test_a_backup_that_is_overdue_fires(unsaved: Ensemble, prometheus: Prometheus) -> None:
    """From the time at which the first backup must be there; it ends with the first that is."""
    alert = "ZookeeperBackupOverdue"
    wait_until(
        "it fires",
        lambda: prometheus.firing(alert, unsaved.namespace),
        seconds=OVERDUE_SECONDS + due(alert, noticed=180),
        every=5,
        seen=lambda: schedule_of(unsaved).get("status"),
    )
    (labels,) = prometheus.firing(alert, unsaved.namespace)
    assert (labels["ensemble"], labels["schedule"]) == (unsaved.name, BACKUPS)
    fired = prometheus.fired_at(alert, unsaved.namespace) - overdue_since(unsaved)
    # A schedule is looked at at each of its times.
    print(f"fired {fired:.0f} s after the backup was overdue")
    assert due(alert, noticed=0) - 2 * SCRAPE_SECONDS <= fired <= due(alert, noticed=70)
    claim(unsaved)
    prometheus.wait_quiet(alert, unsaved.namespace, seconds=300)
    unsaved.wait_condition("BackupRecent", "True", "RecentAndVerified", seconds=60)


def schedule_of(ensemble: Ensemble) -> Object:
    """The schedule of its backups."""
    found = ensemble.cluster.get("zookeeperbackupschedule", BACKUPS, ensemble.namespace)
    assert found is not None
    return found


def overdue_since(ensemble: Ensemble) -> float:
    """Since when the first backup of the schedule is overdue: its time is the first minute that begins."""
    text = schedule_of(ensemble)["metadata"]["creationTimestamp"]
    created = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    return (created // 60 + 1) * 60 + OVERDUE_SECONDS
