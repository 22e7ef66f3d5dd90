"""Ensembles as a page sees them: the operator's status, pods, and what the members answer."""

from dataclasses import replace
from typing import Any

from zookeeper_operator.cli.page.picture import Scene
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.zookeeper.answers import Answers

STATUS: dict[str, Any] = {
    "summary": "Serving",
    "nextAction": "nothing to do",
    "observedGeneration": 1,
    "leader": {"id": 2, "pod": "zk-2", "epoch": 1, "since": "2026-01-01T00:00:00Z"},
    "quorum": {"voters": 3, "live": 3, "needed": 2, "tolerates": 1, "summary": "3/3"},
    "members": [
        {
            "id": i,
            "pod": f"zk-{i}",
            "role": "leader" if i == 2 else "follower",
            "state": "broadcast",
            "serving": True,
            "epoch": 1,
            "lag": 0,
            "restartReason": "",
        }
        for i in (1, 2, 3)
    ],
}


def body(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "demo", "name": "zk", "uid": "u", "generation": 1},
        "spec": {"replicas": 3, "version": "3.9.5"},
        "status": {**STATUS, **status},
    }


def pod(member: int, **more: Any) -> Pod:
    made = Pod(member, f"zk-{member}", f"pod-{member}", "r", ready=True, terminating=False)
    return replace(made, ip=f"10.0.0.{member}", node=f"node-{member}", answered=True, **more)


def answer(member: int, leader: int = 2, epoch: int = 1) -> Answers:
    leads = member == leader
    return Answers(
        member,
        reachable=True,
        leader_id=leader,
        is_leader=leads,
        server_state="leader" if leads else "follower",
        peer_state=("leading" if leads else "following") + " - broadcast",
        zxid=epoch << 32 | 7,
        voting_view=frozenset({1, 2, 3}),
        connections=member,
        version="3.9.5",
    )


def looking(member: int) -> Answers:
    return Answers(member, reachable=True, problem="not currently serving requests", denies=True)


def silent(member: int) -> Answers:
    return Answers(member, reachable=False, problem="no answer within 3 s")


def scene(answers: dict[int, Answers] | None = None, **more: Any) -> Scene:
    found = {i: answer(i) for i in (1, 2, 3)} if answers is None else answers
    made = Scene(body(), tuple(pod(i) for i in (1, 2, 3)), found)
    return replace(made, **more)
