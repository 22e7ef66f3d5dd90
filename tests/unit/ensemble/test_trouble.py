"""Why a pod does not come up, when that is certain, and which container is at fault."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.observed import Trouble
from zookeeper_operator.ensemble.trouble import creating_since, member_trouble, sidecar_trouble

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def trouble(status: dict[str, Any]) -> str | None:
    """The reason that is reported of a pod with this status."""
    found = member_trouble(status, NOW)
    return None if found is None else found.reason


def container(state: dict[str, Any], *, restarts: int, ran: float) -> dict[str, Any]:
    """The status of a server that was ended before, after so many seconds."""
    ended = {"exitCode": 1, "startedAt": ago(100 + ran), "finishedAt": ago(100)}
    return {
        "containerStatuses": [
            {
                "name": "zookeeper",
                "ready": False,
                "restartCount": restarts,
                "state": state,
                "lastState": {"terminated": ended},
            }
        ]
    }


@pytest.mark.parametrize(("seconds", "told"), [(1, None), (6, reasons.UNSCHEDULABLE)])
def test_a_pod_without_a_node_is_told_when_the_scheduler_has_had_time(
    seconds: float, told: str | None
) -> None:
    # Seen on kind: a scheduler that knew a pod before its claim said "persistentvolumeclaim not found".
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "lastTransitionTime": ago(seconds),
    }
    assert trouble({"conditions": [scheduled]}) == told


BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"terminated": {"exitCode": 1, "startedAt": ago(3), "finishedAt": ago(1)}}


@pytest.mark.parametrize("state", [BACK_OFF, ENDED, {"running": {"startedAt": ago(2)}}])
def test_a_crash_loop_is_told_in_each_of_its_moments(state: dict[str, Any]) -> None:
    assert trouble(container(state, restarts=3, ran=2)) == reasons.CRASH_LOOPING


@pytest.mark.parametrize(
    ("running", "restarts", "ran"),
    [(2, 1, 2), (61, 3, 2), (2, 3, 3600)],
    ids=["the first time", "it has run on", "it had run for long"],
)
def test_a_server_that_was_ended_is_not_in_a_crash_loop_for_it(
    running: float, restarts: int, ran: float
) -> None:
    state = {"running": {"startedAt": ago(running)}}
    assert trouble(container(state, restarts=restarts, ran=ran)) is None


def test_the_last_words_of_a_server_are_kept_whatever_it_printed_before() -> None:
    """The kubelet keeps 2048 bytes of a log and an Event holds 1000: the cause stands at the end."""
    log = "\n".join([*(f"line {i}" for i in range(220)), "Invalid config: tickTime=abc"])
    server = container(BACK_OFF, restarts=4, ran=2)
    server["containerStatuses"][0]["lastState"]["terminated"]["message"] = log
    found = member_trouble(server, NOW)
    assert found is not None
    assert found.message.startswith("ends again and again, last with exit code 1: … ")
    assert found.message.endswith("Invalid config: tickTime=abc")
    assert len(found.message.encode()) < 1000


def test_a_refused_volume_is_named_with_whose_it_is() -> None:
    owner = "bec388f0-1cc2-4e0b-b3e6-e708ed883bf2"
    said = f"the volume at /data belongs to another ensemble ({owner})"
    ended = {"exitCode": 64, "message": f"{said}\n"}
    found = member_trouble(
        {"containerStatuses": [beside("zookeeper", state={"terminated": ended})]}, NOW
    )
    assert found == Trouble(reasons.FOREIGN_VOLUME, said)


# ---- containers of the user's ----

SERVER: dict[str, Any] = {
    "name": "zookeeper",
    "ready": True,
    "started": True,
    "state": {"running": {"startedAt": ago(3600)}},
}
OUT_OF_MEMORY = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}


def beside(name: str, **state: Any) -> dict[str, Any]:
    return {"name": name, "ready": False, "restartCount": 4, **state}


@pytest.mark.parametrize(
    ("sidecar", "said"),
    [
        (
            beside("shipper", state=BACK_OFF, lastState={"terminated": {"exitCode": 3}}),
            "container shipper: ends again and again, last with exit code 3",
        ),
        (
            beside("shipper", state=BACK_OFF, lastState=OUT_OF_MEMORY),
            "resources.limits.memory in spec.podTemplate.spec.containers",
        ),
        (
            beside("shipper", state={"waiting": {"reason": "ErrImagePull", "message": "denied"}}),
            "cannot be pulled: denied; change its image in spec.podTemplate.spec.containers",
        ),
    ],
)
def test_a_sidecar_is_named_and_is_no_trouble_of_the_member(
    sidecar: dict[str, Any], said: str
) -> None:
    status = {"containerStatuses": [sidecar, SERVER]}
    found = sidecar_trouble(status, NOW)
    assert found is not None
    assert found.reason == reasons.SIDECAR_FAILED
    assert said in found.message
    assert "spec.resources" not in found.message
    assert member_trouble(status, NOW) is None


def test_only_the_server_gets_advice_about_its_own_resources() -> None:
    server = {**SERVER, "ready": False, "state": BACK_OFF, "lastState": OUT_OF_MEMORY}
    found = member_trouble({"containerStatuses": [server]}, NOW)
    assert found is not None
    assert (found.reason, sidecar_trouble({"containerStatuses": [server]}, NOW)) == (
        reasons.OUT_OF_MEMORY,
        None,
    )
    assert found.message.endswith("raise spec.resources.limits.memory")


def test_an_init_container_keeps_the_member_from_coming_up_until_the_server_runs() -> None:
    failing = beside("unpack", state=BACK_OFF, lastState={"terminated": {"exitCode": 1}})
    waits = {
        "name": "zookeeper",
        "ready": False,
        "state": {"waiting": {"reason": "PodInitializing"}},
    }
    blocked = {"initContainerStatuses": [failing], "containerStatuses": [waits]}
    found = member_trouble(blocked, NOW)
    assert found is not None
    assert found.message.startswith("container unpack: ends again and again")
    # One with `restartPolicy: Always` goes on beside the server.
    runs = {"initContainerStatuses": [failing], "containerStatuses": [SERVER]}
    assert member_trouble(runs, NOW) is None
    assert sidecar_trouble(runs, NOW) is not None


# ---- pods of which no container has been started ----

SCHEDULED = {"type": "PodScheduled", "status": "True", "lastTransitionTime": ago(30)}


@pytest.mark.parametrize(
    ("states", "since"),
    [
        ([{"waiting": {"reason": "ContainerCreating"}}] * 2, 30),
        ([{"waiting": {"reason": "PodInitializing"}}], 30),
        ([], 30),
        ([{"waiting": {"reason": "ContainerCreating"}}, {"running": {}}], None),
        ([{"waiting": {"reason": "ImagePullBackOff"}}], None),
    ],
)
def test_a_pod_is_being_created_until_a_container_is_started(
    states: list[dict[str, Any]], since: int | None
) -> None:
    containers = [{"name": f"c{n}", "state": state} for n, state in enumerate(states)]
    found = creating_since({"conditions": [SCHEDULED], "containerStatuses": containers})
    assert found == (None if since is None else NOW - timedelta(seconds=since))
    unplaced = {**SCHEDULED, "status": "False"}
    assert creating_since({"conditions": [unplaced], "containerStatuses": containers}) is None


def pulling(message: str, reason: str) -> dict[str, Any]:
    """The status of a container whose image cannot be pulled."""
    return {"waiting": {"reason": reason, "message": message}}


def test_an_image_that_cannot_be_pulled_names_the_field_to_change_in_the_same_words() -> None:
    back_off = 'Back-off pulling image "zookeeper:9.9.9": ErrImagePull: manifest unknown'
    states = (pulling("manifest unknown", "ErrImagePull"), pulling(back_off, "ImagePullBackOff"))
    server: dict[str, Any] = {"name": "zookeeper", "image": "zookeeper:9.9.9"}
    found = [
        member_trouble({"containerStatuses": [{**server, "state": state}]}, NOW) for state in states
    ]
    said = "the image zookeeper:9.9.9 cannot be pulled: manifest unknown; change "
    fields = "spec.image, spec.version or spec.image.pullSecrets"
    assert found == [Trouble(reasons.IMAGE_PULL_FAILED, said + fields)] * 2
    running = {**server, "state": {"running": {}}}
    side = {"name": "side", "image": "zookeeper:9.9.9", "state": states[0]}
    beside = sidecar_trouble({"containerStatuses": [running, side]}, NOW)
    assert beside is not None
    assert beside.message == f"container side: {said}its image in spec.podTemplate.spec.containers"


# ---- the restore of the first member ----


def restoring(**status: Any) -> dict[str, Any]:
    return {"initContainerStatuses": [{"name": "restore", "ready": False, **status}]}


def ended_with(message: str) -> dict[str, Any]:
    return {"terminated": {"exitCode": 1, "message": message}}


def test_a_restore_that_failed_once_is_told_in_the_words_of_the_program() -> None:
    said = '{"reason": "StorageRefused", "message": "the credentials are wrong"}'
    for status in (
        restoring(state=ended_with(said)),
        restoring(state={"running": {"startedAt": ago(1)}}, lastState=ended_with(said)),
        restoring(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ended_with(said)),
    ):
        assert member_trouble(status, NOW) == Trouble(
            reasons.RESTORE_FAILED,
            "the restore has failed and is tried again: the credentials are wrong (StorageRefused)",
        )


def test_what_is_no_result_of_the_program_is_told_as_it_is() -> None:
    found = member_trouble(restoring(state=ended_with("Killed")), NOW)
    assert found is not None
    assert found.message.endswith("is tried again: Killed")


def test_a_restore_that_runs_or_is_done_is_no_trouble() -> None:
    assert trouble(restoring(state={"running": {"startedAt": ago(600)}})) is None
    assert trouble(restoring(ready=True, state={"terminated": {"exitCode": 0}})) is None


def test_the_image_of_a_restore_is_the_operators() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    found = member_trouble(restoring(state=waiting), NOW)
    assert found is not None
    assert found.reason == reasons.IMAGE_PULL_FAILED
    assert "the image of the operator" in found.message
