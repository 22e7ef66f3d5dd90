"""What becomes of a backup on a real API server, whatever happens to its Job, and to the operator."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.backups import (
    CONTAINERS,
    FAILURES,
    JOB,
    POD,
    RESULT,
    Driver,
    KilledError,
    MortalKube,
    Place,
    settings_of,
)
from tests.integration.stage import NAMESPACE, install_crd
from tests.integration.waiting import until

from zookeeper_operator.backup.names import BACKUPS, LABEL_BACKUP_OF, SCHEDULES
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, KubeError, Object
from zookeeper_operator.kube.client import KubeClient


async def _new_place(kube: KubeClient, request: pytest.FixtureRequest) -> Place:
    await install_crd(kube)
    name = "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[5:55]
    place = Place(kube, name.strip("-"))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.name}}
    await kube.create(NAMESPACE, namespace)
    return place


@pytest.fixture
async def empty(kube: KubeClient, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A namespace of its own, with the controllers of backups and nothing else."""
    place = await _new_place(kube, request)
    options = getattr(request, "param", {})
    place.driver = Driver(kube, settings_of(place.name, **options))
    running = asyncio.create_task(place.driver.run())
    yield place
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.fixture
async def place(empty: Place) -> Place:
    """The same with a healthy ensemble."""
    await empty.create_ensemble()
    return empty


def _conditions(status: Object) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


async def test_a_backup_that_succeeds_says_so_and_leaves_nothing(place: Place) -> None:
    await place.create()
    job = await place.job()
    pod = await place.pod_of(job)
    labels = pod["metadata"]["labels"]
    assert labels[LABEL_BACKUP_OF] == "zk"
    assert names.LABEL_ENSEMBLE not in labels, "no Service or budget may select it"
    for container, phase in zip(CONTAINERS, ("Syncing", "Verifying", "Uploading"), strict=True):
        await place.play(job, container)
        await place.reaches(phase)
    await place.succeed(job)
    status = await place.reaches("Succeeded")
    assert _conditions(status) == {"Complete": ("True", "Stored"), "Verified": ("True", "Restored")}
    assert (status["path"], status["zxid"], status["znodes"]) == (RESULT["path"], "100000005", 12)
    await place.is_cleared()
    assert sorted(await place.events()) == ["Running", "Stored"]


@pytest.mark.parametrize("container", CONTAINERS)
async def test_a_backup_that_fails_says_why(place: Place, container: str) -> None:
    await place.create()
    reason = FAILURES[container]
    message = {"reason": reason, "message": "because of the test"}
    await place.fail(await place.job(), container, message)
    status = await place.reaches("Failed", reason)
    assert status["message"] == "because of the test"
    assert _conditions(status) == {"Complete": ("False", reason), "Verified": ("False", reason)}
    await place.is_cleared()


async def test_a_container_that_says_nothing_fails_too(place: Place) -> None:
    await place.create()
    await place.fail(await place.job(), "verify", "Exception in thread main", code=137)
    status = await place.reaches("Failed", "VerificationFailed")
    assert "exit code 137: Exception in thread main" in status["message"]


async def test_an_inconsistent_copy_is_tried_again_once(place: Place) -> None:
    await place.create()
    torn = {"reason": "InconsistentSnapshot", "message": "torn"}
    first = await place.job()
    await place.fail(first, "agent", torn)

    async def again() -> bool:
        await place.end_pods()
        return bool((await place.job())["metadata"]["uid"] != first["metadata"]["uid"])

    await until(again, seconds=20)
    await place.fail(await place.job(), "agent", torn)
    status = await place.reaches("Failed", "InconsistentSnapshot")
    assert status["attempts"] == 2
    await place.is_cleared()


async def test_a_lost_pod_is_replaced_once(place: Place) -> None:
    await place.create()
    first = await place.job()
    pod = await place.pod_of(first)
    about = pod["metadata"]
    await place.kube.delete(POD, place.name, about["name"], uid=about["uid"])

    async def again() -> bool:
        await place.end_pods()
        return bool((await place.job())["metadata"]["uid"] != first["metadata"]["uid"])

    await until(again, seconds=20)
    await place.succeed(await place.job())
    assert (await place.reaches("Succeeded"))["attempts"] == 2


async def test_a_job_that_is_deleted_is_a_failure(place: Place) -> None:
    await place.create()
    job = await place.job()
    await place.reaches("Syncing")
    await place.kube.delete(JOB, place.name, "zk-backup", uid=job["metadata"]["uid"])
    await place.reaches("Failed", "JobLost")
    await place.is_cleared()


async def test_backups_of_an_ensemble_run_one_at_a_time(place: Place) -> None:
    await place.create("first")
    job = await place.job()
    await place.create("second")
    status = await place.reaches("Pending", "AnotherBackupRuns", name="second")
    assert "backup first" in status["message"]
    await place.succeed(job)
    await place.reaches("Succeeded", name="first")
    await place.reaches("Syncing", name="second")
    second = await place.job()
    assert second["metadata"]["labels"]["zookeeper.ensemble.dev/backup"] == "second"


async def test_a_backup_waits_for_the_ensemble(empty: Place) -> None:
    await empty.create()
    await empty.reaches("Pending", "EnsembleNotFound")
    await empty.create_ensemble(quorum={"voters": 3, "needed": 2, "live": 2})
    await empty.reaches("Pending", "QuorumNotWhole")
    walking = {
        "type": "Secured",
        "status": "False",
        "reason": "EnablingTLS",
        "message": "member 2 is next",
        "lastTransitionTime": "2026-11-26T00:00:00Z",
    }
    await empty.report(conditions=[walking])
    await empty.reaches("Pending", "TlsChanging")
    assert not await empty.left()
    await empty.report()
    await empty.reaches("Syncing")


async def test_a_backup_does_not_wait_for_ever(empty: Place) -> None:
    await empty.create(timeout="2s")
    status = await empty.reaches("Failed", "WaitedTooLong")
    assert "the ensemble zk does not exist" in status["message"]


async def test_a_backup_that_takes_too_long_ends(place: Place) -> None:
    await place.create(timeout="3s")
    await place.reaches("Failed", "TimedOut")
    await place.is_cleared()


async def test_a_service_account_needs_consent(place: Place) -> None:
    await place.create(serviceAccountName="powerful")
    status = await place.reaches("Failed", "ServiceAccountRefused")
    assert "backups.serviceAccounts={powerful}" in status["message"]
    assert not await place.left()


@pytest.mark.parametrize("empty", [{"backup_service_accounts": ("uploader",)}], indirect=True)
async def test_an_allowed_service_account_is_used(place: Place) -> None:
    await place.create(serviceAccountName="uploader")
    spec = (await place.job())["spec"]["template"]["spec"]
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("uploader", False)


async def test_what_is_stored_goes_with_a_backup_that_asks_for_it(place: Place) -> None:
    await place.create(deletionPolicy="Delete")
    await place.succeed(await place.job())
    await place.reaches("Succeeded")
    await place.is_cleared()
    live = await place.kube.get(BACKUPS, place.name, "first")
    assert live is not None
    await place.kube.delete(BACKUPS, place.name, "first", uid=live["metadata"]["uid"])
    prune = await place.job(f"prune-{live['metadata']['uid']}")
    config = await place.kube.get(RESOURCES["ConfigMap"], place.name, prune["metadata"]["name"])
    assert config is not None
    assert RESULT["path"] in config["data"]["task.json"]
    await place.finish(prune)

    async def gone() -> bool:
        return await place.kube.get(BACKUPS, place.name, "first") is None

    await until(gone, seconds=20)
    await place.is_cleared()


async def test_what_is_stored_goes_also_if_the_status_did_not_say_so_yet(empty: Place) -> None:
    """The backup is deleted after its Job has stored everything, and before the operator has seen that."""
    place = empty
    await place.create_ensemble()
    await place.create(deletionPolicy="Delete")
    job = await place.job()
    assert place.driver is not None
    async with place.driver.pausing():
        await place.succeed(job)

        async def complete() -> bool:
            live = await place.job()
            conditions = live["status"].get("conditions") or []
            return any((c["type"], c["status"]) == ("Complete", "True") for c in conditions)

        await until(complete, seconds=20)
        live = await place.kube.get(BACKUPS, place.name, "first")
        assert live is not None
        await place.kube.delete(BACKUPS, place.name, "first", uid=live["metadata"]["uid"])
    await place.job(f"prune-{live['metadata']['uid']}")


async def test_a_job_starts_with_what_is_true_when_it_starts(place: Place) -> None:
    """What an attempt has left that came to no Job is of another time."""
    await place.create("first")
    job = await place.job()
    second = await place.create("second")
    name = f"zk-backup-{second['metadata']['uid'][:8]}"
    left = place.body(RESOURCES["ConfigMap"], name, data={"task.json": "old"}, immutable=True)
    await place.kube.create(RESOURCES["ConfigMap"], left)
    await place.succeed(job)
    await place.reaches("Syncing", name="second")
    live = await place.kube.get(RESOURCES["ConfigMap"], place.name, name)
    assert live is not None
    assert json.loads(live["data"]["task.json"])["backup"] == "second"


async def test_a_backup_is_deleted_at_once_where_nothing_is_stored(place: Place) -> None:
    await place.create(deletionPolicy="Delete")
    await place.job()
    live = await place.kube.get(BACKUPS, place.name, "first")
    assert live is not None
    assert live["metadata"]["finalizers"]
    await place.kube.delete(BACKUPS, place.name, "first", uid=live["metadata"]["uid"])

    async def gone() -> bool:
        await place.end_pods()
        return await place.kube.get(BACKUPS, place.name, "first") is None

    await until(gone, seconds=20)
    await place.is_cleared()


async def test_the_spec_of_a_backup_cannot_be_changed(place: Place) -> None:
    await place.create()
    change = place.body(BACKUPS, "first", spec={"verify": "Checksum"})
    with pytest.raises(KubeError, match="the spec of a backup cannot be changed"):
        await place.kube.merge_patch(BACKUPS, change)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"storage": {}}, "exactly one of s3 and persistentVolumeClaim"),
        (
            {"storage": {"persistentVolumeClaim": {"claimName": "a"}, "s3": {"bucket": "abc"}}},
            "exactly one of s3 and persistentVolumeClaim",
        ),
        (
            {"storage": {"s3": {"bucket": "abc", "prefix": "../x"}}},
            "prefix must be a relative path",
        ),
        (
            {"storage": {"s3": {"bucket": "abc", "endpoint": "http://a:b@c"}}},
            "endpoint must be a URL",
        ),
        ({"storage": {"persistentVolumeClaim": {"claimName": "a", "subPath": "/x"}}}, "subPath"),
        ({"timeout": "soon"}, "timeout must be a duration"),
    ],
)
async def test_what_no_backup_can_be(kube: KubeClient, spec: dict[str, Any], message: str) -> None:
    await install_crd(kube)
    with pytest.raises(KubeError, match=message):
        await Place(kube, "default").create("refused", **spec)


async def _schedule(place: Place, **spec: Any) -> None:
    template = {
        "ensembleRef": {"name": "zk"},
        "storage": {"persistentVolumeClaim": {"claimName": "backups"}},
    }
    asked = {"schedule": "0 0 1 1 *", "template": {"spec": template}, **spec}
    await place.kube.create(SCHEDULES, place.body(SCHEDULES, "nightly", spec=asked))


async def _is_on_time(place: Place, status: str, reason: str) -> Object:
    found: Object = {}

    async def so() -> bool:
        nonlocal found
        live = await place.kube.get(SCHEDULES, place.name, "nightly") or {}
        found = live.get("status") or {}
        return ("OnTime", (status, reason)) in _conditions({"conditions": [], **found}).items()

    await until(so, seconds=20)
    return found


async def test_a_schedule_creates_a_backup_and_says_how_it_went(place: Place) -> None:
    await _schedule(place, immediate=True)
    status = await _is_on_time(place, "Unknown", "FirstBackup")
    job = await place.job()
    name = job["metadata"]["labels"]["zookeeper.ensemble.dev/backup"]
    assert name.startswith("nightly-20")
    await place.succeed(job)
    await place.reaches("Succeeded", name=name)
    status = await _is_on_time(place, "True", "RecentAndVerified")
    assert status["lastVerified"]["name"] == status["lastSuccessful"]["name"] == name
    assert status["nextScheduleTime"].endswith("-01-01T00:00:00Z")
    body = await place.kube.get(BACKUPS, place.name, name)
    assert body is not None
    assert "ownerReferences" not in body["metadata"], "it outlives its schedule"


async def test_a_schedule_reports_a_failure(place: Place) -> None:
    await _schedule(place, immediate=True)
    job = await place.job()
    await place.fail(job, "agent", {"reason": "StorageFull", "message": "no room"})
    await _is_on_time(place, "False", "LastFailed")


async def test_a_suspended_schedule_creates_nothing(place: Place) -> None:
    await _schedule(place, immediate=True, suspend=True)
    status = await _is_on_time(place, "Unknown", "Suspended")
    assert not await place.kube.list(BACKUPS, place.name)
    assert "lastScheduleTime" not in status


async def test_a_schedule_that_is_none_says_so(place: Place) -> None:
    await _schedule(place, timeZone="Europe/Atlantis")
    await _is_on_time(place, "False", "InvalidSchedule")


async def test_an_operator_that_is_killed_after_a_write(
    kube: KubeClient, request: pytest.FixtureRequest
) -> None:
    """After each of its writes, the first time it comes to it: the backup ends as without that."""
    place = await _new_place(kube, request)
    await place.create_ensemble()
    await place.create(deletionPolicy="Delete")
    await _carry(place, MortalKube(kube))
    for number in itertools.count(1):
        live = await kube.get(BACKUPS, place.name, "first")
        assert live is not None
        await kube.apply(BACKUPS, place.body(BACKUPS, "first"))  # takes the finalizer off
        await kube.delete(BACKUPS, place.name, "first", uid=live["metadata"]["uid"])
        await place.is_cleared()
        await place.create(deletionPolicy="Delete")
        mortal = MortalKube(kube)
        mortal.left = number
        status = await _carry(place, mortal)
        assert _conditions(status)["Complete"] == ("True", "Stored")
        assert status["attempts"] == 1
        if mortal.left > 0:
            break  # it had written all it had to
    assert number >= 6


async def _carry(place: Place, mortal: MortalKube) -> Object:
    """A whole backup, by an operator that is started again when it is killed."""
    driver = Driver(mortal, settings_of(place.name))
    for _ in range(60):
        try:
            await driver.reconcile()
        except KilledError:
            driver = Driver(mortal, settings_of(place.name))
        status = await place.status()
        job = await place.kube.get(JOB, place.name, "zk-backup")
        if job is not None and not job["metadata"].get("deletionTimestamp"):
            await place.succeed(job)
        await place.end_pods()
        if status.get("phase") == "Succeeded" and job is None and not await place.left():
            return status
        await asyncio.sleep(0.2)
    raise AssertionError(f"{mortal.left}: {await place.status()}, {await place.left()}")
