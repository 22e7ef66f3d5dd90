"""Scenes for the planner: an ensemble at rest, and small changes to it.

A scene is made by the planner's own children (so that nothing differs) and by members that all serve; a
test changes what it is about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from zookeeper_operator.api import conditions, reasons
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Action, Apply, Reconfigure
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.forecast.children import as_shown, rollout_status
from zookeeper_operator.ensemble.forecast.election import in_sync, looking, silent
from zookeeper_operator.ensemble.observed import Claim, Observed, Pod
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.ensemble.plan.children import wanted_children
from zookeeper_operator.ensemble.pods import template_marks
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.times import format_time
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.servers import CommittedConfig, Role

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIBIBYTE = 1024**3


def ensemble(spec: Mapping[str, Any] | None = None, **status: Any) -> Ensemble:
    return Ensemble(
        namespace="demo",
        name="zk",
        uid="uid-of-zk",
        generation=1,
        spec=EnsembleSpec.model_validate(spec or {}),
        status={"foundedAt": "2025-12-31T00:00:00Z", "identity": "uid-of-zk", **status},
    )


def reported(leader: int, since: datetime = NOW - timedelta(hours=1)) -> dict[str, Any]:
    """What the status says of a quorum that has held since then."""
    moment = format_time(since)
    healthy = {
        "type": conditions.QUORUM_HEALTHY,
        "status": "True",
        "reason": reasons.SERVING,
        "lastTransitionTime": moment,
    }
    leads = {"id": leader, "pod": f"zk-{leader}", "epoch": 1, "since": moment}
    return {"leader": leads, "conditions": [healthy]}


def pod(member_id: int, revision: str = "new", **changes: Any) -> Pod:
    name = names.member_name("zk", member_id)
    return replace(
        Pod(
            id=member_id,
            name=name,
            uid=f"uid-of-{name}",
            revision=revision,
            ready=True,
            terminating=False,
            ip=f"10.0.0.{member_id}",
        ),
        **changes,
    )


def answers(
    member_id: int,
    leader: int | None,
    view: Iterable[int],
    epoch: int = 1,
    observers: Iterable[int] = (),
) -> Answers:
    zxid, voters = (epoch << 32) + 5, frozenset(view)
    known = Answers(member_id, reachable=True, zxid=zxid, voting_view=voters, version="3.9.4")
    if leader is None:
        return looking(known)
    return in_sync(known, leader=leader, zxid=zxid, voters=voters, observers=frozenset(observers))


def claim(member_id: int, **changes: Any) -> Claim:
    name = names.claim_name("zk", member_id, names.DATA_VOLUME)
    return replace(
        Claim(
            name=name,
            uid=f"uid-of-{name}",
            member_id=member_id,
            volume=names.DATA_VOLUME,
            phase="Bound",
            requested=5 * GIBIBYTE,
            capacity=5 * GIBIBYTE,
            identity="uid-of-zk",
            member=True,
            storage_class="standard",
        ),
        **changes,
    )


def committed(
    owner: Ensemble, roles: Mapping[int, Role], version: int = 0x100000000
) -> CommittedConfig:
    return CommittedConfig(
        version, tuple(owner.server(i, role) for i, role in sorted(roles.items()))
    )


def voting(*ids: int) -> dict[int, Role]:
    return dict.fromkeys(ids, "participant")


def live(body: Object) -> Object:
    """A child as the API server shows it."""
    uid = f"uid-of-{body['kind']}-{body['metadata']['name']}"
    extra: Object = {}
    if body["kind"] == "StatefulSet":
        extra["status"] = rollout_status(1, "new")
    created = format_time(NOW)
    return as_shown(body, uid=uid, created=created, resource_version="1", generation=1, **extra)


def with_children(observed: Observed) -> Observed:
    """The same scene with every child as the planner wants it, over and over until nothing changes."""
    for _ in range(5):
        wanted = [live(stamped(body)) for body in wanted_children(understand(observed))]
        if list(observed.children) == wanted:
            return observed
        observed = replace(observed, children=tuple(wanted))
    raise AssertionError("the children never agree with themselves")


def at_rest(
    size: int = 3,
    spec: Mapping[str, Any] | None = None,
    *,
    leader: int | None = None,
    roles: Mapping[int, Role] | None = None,
) -> Observed:
    """A founded ensemble of `size` members in which nothing is to be done."""
    agreed = roles if roles is not None else voting(*range(1, size + 1))
    votes = [i for i, role in agreed.items() if role == "participant"]
    listed = [i for i, role in agreed.items() if role == "observer"]
    led_by = leader if leader is not None else max(votes)
    owner = ensemble(
        {"replicas": size, "allowEvenReplicas": True, **(spec or {})}, **reported(led_by)
    )
    scene = with_children(
        Observed(
            ensemble=owner,
            now=NOW,
            pods=tuple(pod(i) for i in range(1, size + 1)),
            claims=tuple(claim(i) for i in range(1, size + 1)),
            answers={i: answers(i, led_by, votes, observers=listed) for i in range(1, size + 1)},
            committed=committed(owner, agreed),
            fresh_password="fresh",
            fresh_store_password="fresh-store",
        )
    )
    statefulset = next(c for c in scene.children if c["kind"] == "StatefulSet")
    marks = template_marks(statefulset["spec"]["template"]["metadata"])
    return replace(scene, pods=tuple(replace(p, template=marks) for p in scene.pods))


def edited(observed: Observed, spec: Mapping[str, Any]) -> Observed:
    """The same scene after the user has edited the spec."""
    before = observed.ensemble.spec.model_dump(by_alias=True)
    return replace(
        observed,
        ensemble=replace(
            observed.ensemble, spec=EnsembleSpec.model_validate({**before, **spec}), generation=2
        ),
    )


def joined(size: int, joiner: int, leader: int = 1) -> Observed:
    """`size` voters, and one more pod that has synced as a non-voter."""
    scene = edited(at_rest(size, leader=leader), {"replicas": joiner})
    return with_children(
        replace(
            scene,
            pods=(*scene.pods, pod(joiner)),
            claims=(*scene.claims, claim(joiner, member=False)),
            answers={
                **scene.answers,
                joiner: answers(joiner, leader, range(1, size + 1)),
            },
        )
    )


def handed_over() -> Observed:
    """Three members, the first of which has handed its vote over."""
    return at_rest(3, leader=3, roles={1: "observer", **voting(2, 3)})


def outdated(observed: Observed, *ids: int) -> Observed:
    """The same scene in which these members run an old revision."""
    return replace(
        observed,
        pods=tuple(replace(p, revision="old") if p.id in ids else p for p in observed.pods),
    )


def changed(observed: Observed, member_id: int, **changes: Any) -> Observed:
    """The same scene with one pod in another state."""
    return replace(
        observed,
        pods=tuple(replace(p, **changes) if p.id == member_id else p for p in observed.pods),
    )


def refusing(observed: Observed, *ids: int) -> Observed:
    """The same scene in which nothing listens at these members' addresses, and that for minutes."""
    scene = without_answer(observed, *ids)
    refused = {i: replace(scene.answers[i], refuses=True) for i in ids}
    return replace(scene, answers={**scene.answers, **refused})


def without_pod(observed: Observed, member_id: int) -> Observed:
    """The same scene in which this member has no pod, though its StatefulSet has stood for a long time."""
    stood = {"creationTimestamp": format_time(NOW - timedelta(days=1))}
    children = tuple(
        {**c, "metadata": {**c["metadata"], **stood}} if c["kind"] == "StatefulSet" else c
        for c in observed.children
    )
    return replace(
        observed,
        children=children,
        pods=tuple(p for p in observed.pods if p.id != member_id),
        answers={**observed.answers, member_id: silent(member_id)},
    )


def without_answer(observed: Observed, *ids: int) -> Observed:
    """The same scene in which these members do not answer and have not been ready for minutes."""
    told = {i: silent(i) if i in ids else a for i, a in observed.answers.items()}
    scene = replace(observed, answers=told)
    for member_id in ids:
        scene = changed(scene, member_id, ready=False, unready_since=NOW - timedelta(minutes=5))
    return scene


def without_leader(observed: Observed) -> Observed:
    """The same scene in which the leader has given up a follower that still says that it follows."""
    return replace(
        observed,
        answers={
            i: replace(a, synced_followers=len(observed.answers) - 2, synced_non_voting_followers=0)
            if a.is_leader
            else a
            for i, a in observed.answers.items()
        },
    )


def disruptive(actions: Iterable[Action]) -> list[Action]:
    return [action for action in actions if action.disruptive]


def applied(actions: Iterable[Action], kind: str) -> list[Object]:
    return [a.body for a in actions if isinstance(a, Apply) and a.body["kind"] == kind]


def reconfigurations(actions: Iterable[Action]) -> list[Reconfigure]:
    return [a for a in actions if isinstance(a, Reconfigure)]
