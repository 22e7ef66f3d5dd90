"""`kubectl zk recover` before anything is changed: what may be lost, and whether it is possible."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.disasters import disaster
from tests.unit.ensemble.plan.scenes import at_rest

from zookeeper_operator.api import reasons
from zookeeper_operator.cli.backup import recover
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.ensemble.observed import FormerVolume, Observed

BODY = {
    "metadata": {"name": "zk", "namespace": "demo", "uid": "uid-of-zk"},
    "status": {
        "members": [{"id": 1, "zxid": "0x100000001"}, {"id": 2, "zxid": "0x100000009"}, {"id": 3}]
    },
}


async def rehearse(monkeypatch: pytest.MonkeyPatch, scene: Observed | None) -> Any:
    """What the command finds out, if this is observed."""
    asked: list[Any] = []

    class Reader:
        def __init__(self, *_: object) -> None:
            pass

        async def observe(self, body: object, edited: Any) -> Observed | None:
            asked.append(edited["metadata"]["annotations"]["zookeeper.ensemble.dev/recover"])
            if scene is None:
                return None
            return replace(scene, ensemble=replace(scene.ensemble, recover=asked[0]))

    monkeypatch.setattr(recover, "Reader", Reader)
    request = "2/uid-of-zk-2"
    return await recover._rehearse(None, None, BODY, request, 2)  # type: ignore[arg-type]


def test_it_is_said_what_may_be_lost() -> None:
    said = recover.describe_loss(BODY, 2)
    assert "other members (1, 3) have acknowledged without it is lost" in said
    assert "0x100000009" in said


async def test_a_recovery_that_is_possible_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rehearse(monkeypatch, disaster(2)) is None


async def test_what_may_return_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = FormerVolume("pv-1", "data-zk-1", "Released")
    refused = await rehearse(monkeypatch, replace(disaster(2), former_volumes=(volume,)))
    assert refused.reason == reasons.LOST_MEMBERS_MAY_RETURN
    assert "pv-1" in refused.message


async def test_a_user_who_may_not_list_volumes_leaves_that_to_the_operator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await rehearse(monkeypatch, replace(disaster(2), former_volumes=None)) is None


async def test_an_ensemble_that_serves_has_nothing_to_recover(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Failure, match="nothing to recover: member 1, 2, 3 serves"):
        await rehearse(monkeypatch, at_rest(3))


async def test_an_ensemble_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure, match="just been deleted"):
        await rehearse(monkeypatch, None)
