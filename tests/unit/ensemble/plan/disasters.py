"""Scenes of a disaster: all members but one have lost their volumes, and of the recovery that follows."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.ensemble.plan.scenes import (
    NOW,
    answers,
    applied,
    at_rest,
    changed,
    claim,
    live,
)

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import build_plan
from zookeeper_operator.kube.times import format_time
from zookeeper_operator.zookeeper.servers import CommittedConfig


def disaster(
    survivor: int = 2, size: int = 3, *, since: timedelta = timedelta(minutes=3)
) -> Observed:
    """All members but one have lost their volumes: theirs are new, and they say that they are empty."""
    scene = at_rest(size)
    others = [i for i in range(1, size + 1) if i != survivor]
    for member_id in others:
        scene = changed(scene, member_id, never_ready=True, uid=f"second-uid-of-zk-{member_id}")
    lost = {
        "type": conditions.QUORUM_HEALTHY,
        "status": "False",
        "reason": reasons.VOLUME_LOST,
        "lastTransitionTime": format_time(NOW - since),
    }
    told = {
        i: replace(answers(i, None, ()), database="kept" if i == survivor else "none")
        for i in range(1, size + 1)
    }
    claims = tuple(
        claim(i) if i == survivor else claim(i, uid=f"second-uid-of-data-zk-{i}", member=None)
        for i in range(1, size + 1)
    )
    status = {**scene.ensemble.status, "conditions": [lost], "leader": None}
    pods = tuple(replace(p, ready=False, unready_since=NOW - since) for p in scene.pods)
    return asking(
        replace(
            scene,
            ensemble=replace(scene.ensemble, status=status),
            answers=told,
            claims=claims,
            pods=pods,
            committed=None,
        ),
        survivor,
    )


def asking(scene: Observed, survivor: int, uid: str = "") -> Observed:
    recover = f"{survivor}/{uid or f'uid-of-zk-{survivor}'}"
    return replace(scene, ensemble=replace(scene.ensemble, recover=recover))


def published(scene: Observed) -> Observed:
    """The same scene after the membership of its plan was applied."""
    new = {
        body["metadata"]["name"]: live(body)
        for body in applied(build_plan(scene).actions, "ConfigMap")
    }
    assert "zk-membership" in new
    children = tuple(
        new.get(c["metadata"]["name"], c) if c["kind"] == "ConfigMap" else c for c in scene.children
    )
    return replace(scene, children=children)


def restarted(scene: Observed, *ids: int) -> Observed:
    """The same scene, in which these pods have come back."""
    for member_id in ids:
        scene = changed(scene, member_id, uid=f"third-uid-of-zk-{member_id}")
    return scene


def leading(scene: Observed, survivor: int, version: int) -> Observed:
    """The survivor leads, and has committed this version of the list."""
    only = CommittedConfig(version, (scene.ensemble.server(survivor),))
    told = {**scene.answers, survivor: answers(survivor, survivor, [survivor], epoch=2)}
    return replace(changed(scene, survivor, ready=True), answers=told, committed=only)
