"""A backup that is overdue, from the schedule to the alert: the operator's process, and a real Prometheus."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from tests.integration.alert_delays import ALERTS, SCRAPES
from tests.integration.stage import Stage
from tests.integration.test_alert_delays import SCRAPE_SECONDS, firings, prometheus

from zookeeper_operator.backup.names import SCHEDULES
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import parse_time

SPEC: Final[Object] = {"replicas": 3, "storage": {"data": {"size": "1Gi"}}}
ALERT: Final = "ZookeeperBackupOverdue"
STARTING_SECONDS: Final = 10
BACKUP_SECONDS: Final = 60
OVERDUE: Final = timedelta(seconds=STARTING_SECONDS + 2 * BACKUP_SECONDS)
"""After its time a backup is missed: it may begin late, wait, and take its time."""
LOOK_SECONDS: Final = 65
"""A schedule is looked at at each of its times."""


def schedule(place: str) -> Object:
    """A backup each minute, onto a volume that is not there."""
    template: Object = {
        "ensembleRef": {"name": "zk"},
        "storage": {"persistentVolumeClaim": {"claimName": "nowhere"}},
        "timeout": f"{BACKUP_SECONDS}s",
    }
    return {
        "apiVersion": SCHEDULES.api_version,
        "kind": SCHEDULES.kind,
        "metadata": {"namespace": place, "name": "often"},
        "spec": {
            "schedule": "* * * * *",
            "startingDeadlineSeconds": STARTING_SECONDS,
            "template": {"spec": template},
        },
    }


@pytest.mark.long
@pytest.mark.timeout(1500)
async def test_a_backup_that_is_overdue_fires(
    stage: Stage, prometheus_tools: Path, tmp_path: Path
) -> None:
    """Counted from the time at which the first one must be there, whatever the operator says of it."""
    (place,) = await stage.namespaces("overdue")
    operator = stage.operator(place, namespaces=place)
    operator.start()
    await stage.create(place, SPEC)
    await stage.settled([place], seconds=180)
    with prometheus(
        prometheus_tools, tmp_path / "prometheus", f"127.0.0.1:{operator.port}", 9290
    ) as address:
        made = await stage.kube.create(SCHEDULES, schedule(place))
        created = parse_time(made["metadata"]["creationTimestamp"])
        assert created is not None
        first = created.replace(second=0) + timedelta(minutes=1)
        missed = (first + OVERDUE).timestamp()
        own = ALERTS[ALERT].lasting_seconds
        limit = own + SCRAPES * SCRAPE_SECONDS + LOOK_SECONDS
        async with asyncio.timeout(60 + OVERDUE.total_seconds() + limit + 60):
            while not (fired := fired_at(address, place)):  # noqa: ASYNC110 -- it tells nobody
                await asyncio.sleep(SCRAPE_SECONDS)
    logging.getLogger("alerts").info("fired %.1f s after a backup was missed", fired - missed)
    assert own <= fired - missed <= limit
    assert operator.tracebacks() == []


def fired_at(address: str, place: str) -> float:
    """When the alert of an ensemble first fired; 0 if it has not."""
    try:
        found = [
            at for name, namespace, at in firings(address) if (name, namespace) == (ALERT, place)
        ]
    except OSError:
        return 0  # Prometheus is starting
    return min(found, default=0)
