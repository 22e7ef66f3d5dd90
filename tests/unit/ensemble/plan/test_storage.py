"""What is reported about the volumes."""

from dataclasses import replace

from tests.unit.ensemble.plan.scenes import (
    GIBIBYTE,
    at_rest,
    claim,
)

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.observed import Observed, StorageClass
from zookeeper_operator.ensemble.plan import build_plan


def filled(scene: Observed, member_id: int, *, data: float, log: float) -> Observed:
    """A member says how much it has on its disks, in GiB."""
    answer = replace(
        scene.answers[member_id],
        data_bytes=int(data * GIBIBYTE),
        log_bytes=int(log * GIBIBYTE),
    )
    return replace(scene, answers={**scene.answers, member_id: answer})


def test_a_filling_disk_is_told() -> None:
    plan = build_plan(filled(at_rest(3), 2, data=0.5, log=4))
    assert plan.storage.reason == reasons.DISK_PRESSURE
    assert "data-zk-2 is filled to 90% of its 5Gi" in plan.storage.message
    assert "spec.storage.data.size" in plan.storage.message


def test_a_filling_volume_of_logs_is_told_however_much_room_the_data_have() -> None:
    scene = at_rest(3, {"storage": {"data": {"size": "5Gi"}, "log": {"size": "5Gi"}}})
    logs = tuple(claim(i, name=f"datalog-zk-{i}", volume=names.LOG_VOLUME) for i in (1, 2, 3))
    scene = replace(scene, claims=(*scene.claims, *logs))
    assert build_plan(filled(scene, 2, data=3, log=3)).storage.state is True
    plan = build_plan(filled(scene, 2, data=0.1, log=4.5))
    assert plan.storage.reason == reasons.DISK_PRESSURE
    assert "datalog-zk-2 is filled to 90% of its 5Gi" in plan.storage.message
    assert "spec.storage.log.size" in plan.storage.message


def test_a_claim_that_has_no_volume_yet_is_binding() -> None:
    scene = at_rest(3)
    classes = {"standard": StorageClass("standard", expandable=True, default=True)}
    waiting = (claim(1, phase="Pending", capacity=0), *scene.claims[1:])
    plan = build_plan(replace(scene, claims=waiting, storage_classes=classes))
    assert (plan.storage.state, plan.storage.reason) == (None, reasons.BINDING)
    assert "data-zk-1" in plan.storage.message
