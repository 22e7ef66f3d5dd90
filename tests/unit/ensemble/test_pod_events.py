"""What Events say about pods that cannot be created or started, and when none is read."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import NOW, at_rest, pod
from tests.unit.ensemble.store import Store

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.pod_events import (
    fetch_refused,
    refusal_of,
    start_trouble_of,
    with_start_trouble,
)
from zookeeper_operator.kube.api import KubeError, Object, Resource
from zookeeper_operator.kube.times import format_micro_time, format_time

QUOTA = (
    'create Pod zk-1 in StatefulSet zk failed error: pods "zk-1" is forbidden: exceeded quota: small, '
    "requested: pods=1, used: pods=0, limited: pods=0"
)
CREATED = "create Pod zk-1 in StatefulSet zk successful"
MOUNT = 'MountVolume.SetUp failed for volume "certs" : secret "zk-certs" not found'


def event(
    reason: str, message: str = "", *, ago: float = 0, uid: str = "uid", **more: Any
) -> Object:
    return {
        "kind": "Event",
        "metadata": {"namespace": "demo", "name": f"{reason}-{ago}-{uid}"},
        "involvedObject": {"uid": uid},
        "reason": reason,
        "message": message,
        "lastTimestamp": format_time(NOW - timedelta(seconds=ago)),
        **more,
    }


def statefulset() -> Object:
    return next(c for c in at_rest().children if c["kind"] == "StatefulSet")


class CountingStore(Store):
    """Counts the lists of Events."""

    lists = 0

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        self.lists += resource.kind == "Event"
        return await super().list(resource, namespace, labels=labels, fields=fields)


class WithoutRight(Store):
    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        raise KubeError(403, "Forbidden", "events is forbidden")


# ---- pods that are refused ----


def test_the_words_of_the_api_server_are_kept() -> None:
    found = refusal_of("zk-1", [event("FailedCreate", QUOTA)])
    assert found is not None
    assert found.reason == reasons.POD_REFUSED
    assert found.message.startswith('cannot be created: pods "zk-1" is forbidden: exceeded quota')


@pytest.mark.parametrize(
    ("events", "refused"),
    [
        ([event("FailedCreate", QUOTA, ago=60), event("SuccessfulCreate", CREATED, ago=9)], False),
        ([event("FailedCreate", QUOTA, ago=9), event("SuccessfulCreate", CREATED, ago=60)], True),
        ([event("FailedCreate", QUOTA), event("SuccessfulCreate", CREATED)], False),
        ([event("FailedCreate", QUOTA.replace("zk-1", "zk-10"))], False),
        ([event("FailedCreate", f"(combined from similar events): {QUOTA}")], True),
        (
            [
                event(
                    "FailedCreate",
                    'create Claim data-zk-1 for Pod zk-1 in StatefulSet zk failed error: "data-zk-1" no',
                )
            ],
            True,
        ),
        ([event("Other", QUOTA)], False),
    ],
)
def test_the_last_attempt_to_create_a_pod_counts(events: list[Object], *, refused: bool) -> None:
    assert (refusal_of("zk-1", events) is not None) is refused


def test_events_of_the_newer_api_have_their_time_elsewhere() -> None:
    old = event("FailedCreate", QUOTA, ago=60)
    made = event("SuccessfulCreate", CREATED, lastTimestamp=None, eventTime=format_micro_time(NOW))
    again = event(
        "FailedCreate",
        QUOTA,
        lastTimestamp=None,
        series={"lastObservedTime": format_micro_time(NOW + timedelta(seconds=1))},
    )
    assert refusal_of("zk-1", [made, old]) is None
    assert refusal_of("zk-1", [made, old, again]) is not None


async def test_events_are_read_only_while_a_pod_is_missing() -> None:
    owner = statefulset()
    about = event("FailedCreate", QUOTA, uid=owner["metadata"]["uid"])
    store = CountingStore([about, event("FailedCreate", QUOTA, uid="another")])
    pods = at_rest().pods
    assert await fetch_refused(store, "demo", [owner], pods) == {}
    assert store.lists == 0
    found = await fetch_refused(store, "demo", [owner], pods[1:])
    assert (store.lists, list(found)) == (1, ["zk-1"])


async def test_without_the_right_to_read_events_nothing_is_known_of_them() -> None:
    assert await fetch_refused(WithoutRight([]), "demo", [statefulset()], ()) == {}


# ---- pods that are not started ----


@pytest.mark.parametrize(
    ("events", "reason", "said"),
    [
        ([event("FailedMount", MOUNT)], reasons.MOUNT_FAILED, "zk-certs"),
        (
            [
                event("FailedMount", MOUNT, ago=60),
                event("FailedMount", "Unable to attach or mount volumes: timed out waiting for x"),
            ],
            reasons.MOUNT_FAILED,
            "zk-certs",
        ),
        (
            [event("FailedAttachVolume", "Multi-Attach error for volume")],
            reasons.MOUNT_FAILED,
            "FailedAttachVolume: Multi-Attach",
        ),
        (
            [event("FailedCreatePodSandBox", "failed to set up network")],
            reasons.SANDBOX_FAILED,
            "network",
        ),
    ],
)
def test_what_keeps_the_containers_from_being_started_is_named(
    events: list[Object], reason: str, said: str
) -> None:
    found = start_trouble_of(events, NOW - timedelta(seconds=70))
    assert found is not None
    assert found.reason == reason
    assert said in found.message


@pytest.mark.parametrize(
    "events",
    [
        [],
        [event("FailedMount", MOUNT, ago=60), event("Pulling", "image")],
        [event("FailedAttachVolume", "not yet", ago=60), event("SuccessfulAttachVolume", "done")],
        [event("Scheduled", "assigned")],
        [event("FailedMount", "no relationship found between node and claim", ago=66)],
    ],
)
def test_what_has_passed_is_no_trouble(events: list[Object]) -> None:
    assert start_trouble_of(events, NOW - timedelta(seconds=70)) is None


@pytest.mark.parametrize(("seconds", "lists"), [(None, 0), (9, 0), (11, 1)])
async def test_events_of_a_pod_are_read_when_it_has_been_created_for_some_time(
    seconds: float | None, lists: int
) -> None:
    since = None if seconds is None else NOW - timedelta(seconds=seconds)
    one = pod(1, ready=False, creating_since=since)
    store = CountingStore([event("FailedMount", MOUNT, uid=one.uid)])
    (found,) = await with_start_trouble(store, "demo", [one], NOW)
    assert store.lists == lists
    assert (found.trouble is not None) is bool(lists)
