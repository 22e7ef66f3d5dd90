"""What a backup does next, in the states that a real cluster rarely shows."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.backup.values import NOW, backup

from zookeeper_operator.backup.decide import Situation, decide
from zookeeper_operator.backup.names import ANNOTATION_ATTEMPT, LABEL_BACKUP, LABEL_BACKUP_UID
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import format_time

HEALTHY: Object = {
    "metadata": {"name": "zk"},
    "status": {
        "foundedAt": format_time(NOW),
        "quorum": {"voters": 3, "live": 3},
        "conditions": [{"type": "QuorumHealthy", "status": "True"}],
    },
}
STATES: Object = {
    "running": {"running": {}},
    "waiting": {"waiting": {"reason": "PodInitializing"}},
    "done": {"terminated": {"exitCode": 0, "message": ""}},
    "torn": {
        "terminated": {"exitCode": 1, "message": '{"reason":"InconsistentSnapshot","message":"m"}'}
    },
    "broken": {"terminated": {"exitCode": 1, "message": "no JSON"}},
    "killed": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
}


def job(*, of: str = "uid-of-first", attempt: int = 1, ended: str = "", reason: str = "") -> Object:
    conditions = [{"type": ended, "status": "True", "reason": reason}] if ended else []
    return {
        "metadata": {
            "name": "zk-backup",
            "uid": f"job-{attempt}",
            "creationTimestamp": format_time(NOW),
            "labels": {LABEL_BACKUP_UID: of, LABEL_BACKUP: of.removeprefix("uid-of-")},
            "annotations": {ANNOTATION_ATTEMPT: str(attempt)},
        },
        "status": {"conditions": conditions},
    }


def pod(*states: str) -> Object:
    named = zip(("sync", "verify", "agent"), states, strict=False)
    found = [{"name": name, "state": STATES[state]} for name, state in named]
    return {
        "metadata": {"creationTimestamp": format_time(NOW)},
        "status": {"initContainerStatuses": found[:2], "containerStatuses": found[2:]},
    }


def test_a_healthy_ensemble_is_backed_up() -> None:
    found = decide(Situation(backup(), NOW, ensemble=HEALTHY))
    assert (found.start, found.status.phase, found.status.attempts) == (1, "Syncing", 1)


def test_memory_is_named_as_the_cause() -> None:
    found = decide(Situation(backup(), NOW, job=job(), pods=(pod("killed"),)))
    assert (found.status.phase, found.status.reason) == ("Failed", "OutOfMemory")
    assert "resources.limits.memory" in found.status.message


def test_an_interrupted_retry_goes_on_where_it_was() -> None:
    """Killed between the status and the delete of the Job; and between the delete and the next Job."""
    first = Situation(
        backup(), NOW, ensemble=HEALTHY, job=job(), pods=(pod("done", "done", "torn"),)
    )
    again = decide(first)
    assert (again.status.reason, again.status.attempts, again.stop) == ("TryingAgain", 1, "job-1")
    later = Situation(
        backup(status=again.status), NOW, ensemble=HEALTHY, job=job(), pods=first.pods
    )
    assert decide(later) == again
    gone = Situation(backup(status=again.status), NOW, ensemble=HEALTHY)
    assert decide(gone).start == 2


def test_there_is_no_third_attempt() -> None:
    torn = pod("done", "done", "torn")
    found = decide(Situation(backup(), NOW, HEALTHY, job=job(attempt=2), pods=(torn,)))
    assert (found.status.phase, found.status.reason) == ("Failed", "InconsistentSnapshot")


def test_the_second_attempt_has_its_own_time_to_wait() -> None:
    waited = NOW + timedelta(minutes=70)
    first = decide(Situation(backup(), waited))
    assert first.status.reason == "WaitedTooLong"
    trying = {"phase": "Pending", "reason": "TryingAgain", "attempts": 1}
    assert decide(Situation(backup(status=trying), waited)).status.phase == "Pending"


def test_the_ensemble_is_not_asked_about_a_job_that_runs() -> None:
    """A backup that has begun is not given up because a member is lost meanwhile."""
    found = decide(Situation(backup(), NOW, ensemble=None, job=job(), pods=(pod("running"),)))
    assert found.status.phase == "Syncing"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_what_has_ended_stays_so(phase: str) -> None:
    done = backup(status={"phase": phase})
    found = decide(Situation(done, NOW, ensemble=HEALTHY, job=job(), pods=(pod("running"),)))
    assert (found.status, found.start, found.stop) == (done.status, None, "job-1")
    other = decide(Situation(done, NOW, ensemble=HEALTHY, job=job(of="uid-of-other")))
    assert other.stop is None, "the Job of another backup"


_JOBS = st.none() | st.builds(
    job,
    of=st.sampled_from(["uid-of-first", "uid-of-other"]),
    attempt=st.integers(1, 2),
    ended=st.sampled_from(["", "Complete", "Failed"]),
    reason=st.sampled_from(["", "DeadlineExceeded"]),
)
_PODS = st.lists(st.sampled_from(sorted(STATES)), min_size=0, max_size=3).map(lambda s: pod(*s))
_STATUS = st.fixed_dictionaries(
    {"phase": st.sampled_from([None, "Pending", "Syncing", "Uploading", "Succeeded", "Failed"])},
    optional={"attempts": st.integers(1, 2)},
)


@settings(max_examples=400, deadline=None)
@given(_JOBS, st.lists(_PODS, max_size=1), _STATUS, st.booleans(), st.integers(0, 20_000))
def test_two_jobs_never_run_and_none_is_left(
    there: Object | None,
    pods: list[Object],
    status: Object,
    healthy: bool,  # noqa: FBT001 -- drawn
    seconds: int,
) -> None:
    of = backup(status=status)
    now = NOW + timedelta(seconds=seconds)
    found = decide(Situation(of, now, HEALTHY if healthy else None, there, tuple(pods)))
    ours = there is not None and there["metadata"]["labels"][LABEL_BACKUP_UID] == "uid-of-first"
    if found.start is not None:
        assert there is None
        assert healthy
        assert found.start <= (status.get("attempts") or 0) + 1
    if found.stop is not None:
        assert ours, "only its own Job is deleted"
        assert found.status.phase in {"Succeeded", "Failed", "Pending"}
    if found.status.phase in {"Succeeded", "Failed"} and ours:
        assert found.stop is not None, "a Job outlives its backup"
    if found.status.phase == "Failed" and not of.done:
        assert found.status.reason
        assert found.status.message
    if found.status.phase == "Succeeded" and not of.done:
        assert found.status.path
