"""A tiny world for the planner: what it asks for happens, one tick later, and things break in between.

It knows pods, claims, one committed configuration and who leads; no time, no network, no API server. It
holds every plan against the promises of the planner before it carries it out. The real loop in a world
with all its weather is the simulation's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.unit.ensemble.plan.scenes import NOW, answers, claim, committed, live, silent

from zookeeper_operator.api import reasons
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import (
    Action,
    Apply,
    Delete,
    Reconfigure,
    ReplaceMember,
    RestartMember,
)
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.membership import read_membership
from zookeeper_operator.ensemble.observed import (
    Claim,
    Observed,
    Pod,
    Refusal,
    StorageClass,
    Trouble,
)
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.hashes import content_hash
from zookeeper_operator.kube.quantity import parse_quantity
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.servers import CommittedConfig, majority

BROKEN = "broken"
"""The tag of an image that no pod comes up with."""

CLASSES = {"standard": StorageClass("standard", expandable=True, default=True)}
IN_TROUBLE = Trouble(reasons.IMAGE_PULL_FAILED, "no such image")


class PromiseBrokenError(AssertionError):
    """A plan does what the planner promises never to do."""


@dataclass
class World:
    """One ensemble, from its first apply on."""

    spec: dict[str, Any]
    restarted_at: str = ""
    generation: int = 1
    children: dict[tuple[str, str], Object] = field(default_factory=dict)
    pods: dict[int, Pod] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    up: set[int] = field(default_factory=set)
    frozen: set[int] = field(default_factory=set)
    config: CommittedConfig | None = None
    leader: int | None = None
    epoch: int = 0
    refusing: bool = False
    refusal: Refusal | None = None
    restart_to_grow: bool = False
    founded: bool = False
    sizes: list[int] = field(default_factory=list)
    _pods_made: int = 0

    # ---- what the planner sees ----

    def ensemble(self) -> Ensemble:
        return Ensemble(
            namespace="demo",
            name="zk",
            uid="uid-of-zk",
            generation=self.generation,
            spec=EnsembleSpec.model_validate(self.spec),
            restarted_at=self.restarted_at,
            status={"foundedAt": "2026-01-01T00:00:00Z" if self.founded else None},
        )

    def observe(self) -> Observed:
        return Observed(
            ensemble=self.ensemble(),
            now=NOW,
            children=tuple(self.children.values()),
            pods=tuple(self.pods[i] for i in sorted(self.pods)),
            claims=tuple(self.claims[name] for name in sorted(self.claims)),
            answers={i: self._answers(i) for i, p in self.pods.items() if not p.terminating},
            committed=self.config if self.has_quorum() else None,
            storage_classes=CLASSES,
            refusal=self.refusal,
            fresh_password="fresh",
        )

    def plan(self) -> Plan:
        return build_plan(self.observe())

    def voters(self) -> frozenset[int]:
        """Who votes: by what is committed, or, before that, by what the pods start from."""
        if self.config is not None:
            return self.config.voters
        published = self.children.get(("ConfigMap", "zk-membership"))
        if published is None:
            return frozenset()
        servers = read_membership(published).servers
        return frozenset(s.id for s in servers if s.role == "participant")

    def live(self) -> frozenset[int]:
        return frozenset(self.voters() & (self.up - self.frozen))

    def has_quorum(self) -> bool:
        return self.leader is not None and len(self.live()) >= majority(len(self.voters()))

    def _answers(self, member_id: int) -> Answers:
        if member_id not in self.up - self.frozen:
            return silent(member_id)
        leader = self.leader if self.has_quorum() else None
        return answers(member_id, leader, self.voters(), self.epoch)

    # ---- what the planner does ----

    def carry_out(self, plan: Plan) -> None:
        """Do what a plan says, after looking whether it may."""
        check_order(plan)
        for action in plan.actions:
            self._check(action)
            self._carry_out(action)

    def _check(self, action: Action) -> None:
        match action:
            case RestartMember() | ReplaceMember() if action.member_id in self.live():
                left = self.live() - {action.member_id}
                # One voter alone cannot be spared; of two, neither can unless it may hand over.
                spared = len(self.voters()) == 1 or (
                    len(self.voters()) == 2 and self.refusal is not None
                )
                if len(left) < majority(len(self.voters())) and not spared:
                    raise PromiseBrokenError(f"{action}: no majority is left")
            case Reconfigure():
                self._check_reconfiguration(action)
            case Apply() if action.body["kind"] == "StatefulSet":
                kept = set(_ids(action.body))
                if self.config and not self.spec.get("stopped"):
                    dropped = {
                        i
                        for i in self.config.ids - kept
                        if names.component_of(i) == _component(action.body)
                    }
                    if dropped:
                        raise PromiseBrokenError(
                            f"members {dropped} lose their pods before they left"
                        )
            case _:
                pass

    def _check_reconfiguration(self, action: Reconfigure) -> None:
        assert self.config is not None
        if action.based_on != self.config or not self.has_quorum():
            raise PromiseBrokenError(f"{action}: decided on what is not so")
        new = reconfigured(self.config, action)
        if len(new.voters ^ self.config.voters) > 1:
            raise PromiseBrokenError(f"{action}: more than one vote changes at once")
        if len(new.voters & self.up - self.frozen) < majority(len(new.voters)):
            raise PromiseBrokenError(f"{action}: the new configuration has no live majority")
        if not (new.voters - self.config.voters) <= self.up - self.frozen:
            raise PromiseBrokenError(f"{action}: a vote for a member that is not in sync")

    def _carry_out(self, action: Action) -> None:
        match action:
            case Apply() if action.body["kind"] == "PersistentVolumeClaim":
                self._apply_claim(action.body)
            case Apply():
                body = action.body
                shown = live(body)
                if body["kind"] == "StatefulSet":
                    shown["status"]["updateRevision"] = content_hash(body["spec"]["template"])
                self.children[body["kind"], body["metadata"]["name"]] = shown
            case Delete():
                assert self.children[action.kind, action.name]["metadata"]["uid"] == action.uid
                del self.children[action.kind, action.name]
            case RestartMember():
                self._end(action.member_id, action.uid)
            case ReplaceMember():
                for name, uid in action.claims:
                    assert self.claims[name].uid == uid
                    del self.claims[name]
                if action.pod is not None:
                    self._end(action.member_id, action.pod[1])
            case Reconfigure():
                self._reconfigure(action)

    def _apply_claim(self, body: Object) -> None:
        name = body["metadata"]["name"]
        mark = body["metadata"]["annotations"][names.ANNOTATION_MEMBER] == "true"
        size = body.get("spec", {}).get("resources", {}).get("requests", {}).get("storage")
        old = self.claims[name]
        asked = parse_quantity(size) if size else old.requested
        assert asked >= old.requested, "the API server refuses to shrink a claim"
        self.claims[name] = replace(
            old, member=mark, requested=asked, resizing=asked > old.capacity
        )

    def _end(self, member_id: int, uid: str) -> None:
        assert self.pods[member_id].uid == uid
        self.pods[member_id] = replace(self.pods[member_id], terminating=True, ready=False)
        self.up.discard(member_id)
        self._elect()

    def _reconfigure(self, action: Reconfigure) -> None:
        assert self.config is not None
        demoted = {s.id for s in action.joining if s.role == "observer"} & self.config.voters
        if self.refusing and demoted:
            self.refusal = Refusal("no rights", NOW, demotion=True)
            return
        self.config = reconfigured(self.config, action)
        self.sizes.append(len(self.config.voters))
        self._elect()

    # ---- what happens by itself ----

    def tick(self) -> None:
        """Let Kubernetes and ZooKeeper take one step."""
        ready = {i for i in self.up - self.frozen if self.has_quorum()}
        self.pods = {
            i: replace(p, ready=i in ready) for i, p in self.pods.items() if not p.terminating
        }
        wanted = {i: s for s in self._statefulsets() for i in _ids(s)}
        for member_id in set(self.pods) - set(wanted):
            if ("StatefulSet", _owner(member_id)) in self.children:
                del self.pods[member_id]
                self.lose(member_id)
        for member_id, pod in self.pods.items():
            if pod.trouble is None and member_id not in self.frozen:
                self.up.add(member_id)
        for member_id, statefulset in wanted.items():
            if member_id not in self.pods:
                self._make_pod(member_id, statefulset)
        self._grow()
        self._elect()
        if self.has_quorum():
            self.founded = True

    def lose(self, member_id: int) -> None:
        """A pod ends, for whatever reason; its StatefulSet makes it anew."""
        self.pods.pop(member_id, None)
        self.up.discard(member_id)
        self.frozen.discard(member_id)
        self._elect()

    def _statefulsets(self) -> list[Object]:
        return [body for (kind, _), body in self.children.items() if kind == "StatefulSet"]

    def _make_pod(self, member_id: int, statefulset: Object) -> None:
        self._pods_made += 1
        template = statefulset["spec"]["template"]
        broken = template["spec"]["containers"][0]["image"].endswith(BROKEN)
        name = names.member_name("zk", member_id)
        self.pods[member_id] = Pod(
            id=member_id,
            name=name,
            uid=f"pod-{self._pods_made}",
            revision=statefulset["status"]["updateRevision"],
            ready=False,
            terminating=False,
            phase="Pending",
            trouble=IN_TROUBLE if broken else None,
        )
        for asked in statefulset["spec"].get("volumeClaimTemplates") or []:
            size = parse_quantity(asked["spec"]["resources"]["requests"]["storage"])
            found = claim(
                member_id,
                requested=size,
                capacity=size,
                member=False,
                uid=f"claim-{self._pods_made}",
                identity=asked["metadata"]["labels"][names.LABEL_IDENTITY],
            )
            old = self.claims.setdefault(found.name, found)
            self.claims[found.name] = replace(old, file_system_resize_pending=False)

    def _grow(self) -> None:
        for name, old in self.claims.items():
            if old.resizing:
                self.claims[name] = replace(
                    old,
                    resizing=False,
                    capacity=old.requested,
                    file_system_resize_pending=self.restart_to_grow,
                )

    def _elect(self) -> None:
        able = self.live()
        if not able or len(able) < majority(len(self.voters())):
            self.leader = None
        elif self.leader not in able:
            self.leader = max(able)
            self.epoch += 1
        if self.config is None and self.leader is not None:
            roles = dict.fromkeys(self.voters(), "participant")
            self.config = committed(self.ensemble(), roles)  # type: ignore[arg-type]
            self.sizes.append(len(roles))

    # ---- people ----

    def edit(self, spec: Mapping[str, Any]) -> None:
        self.spec = {**self.spec, **spec}
        self.generation += 1

    def rest(self, *, passes: int = 400) -> Plan:
        """Leave it alone until nothing is left to do.

        Raises:
            AssertionError: it does not come to rest.
        """
        for _ in range(passes):
            plan = self.plan()
            if plan.settled:
                return plan
            self.carry_out(plan)
            self.tick()
        raise AssertionError(f"it does not come to rest: {plan.next_action}")


def check_order(plan: Plan) -> None:
    """At most one disruptive action, and that the last one."""
    if any(action.disruptive for action in plan.actions[:-1]):
        raise PromiseBrokenError(f"more than one thing at a time: {plan.actions}")


def reconfigured(config: CommittedConfig, action: Reconfigure) -> CommittedConfig:
    """What is committed after a step."""
    changed = {server.id: server for server in action.joining}
    kept = {s.id: s for s in config.servers if s.id not in action.leaving}
    servers = {**kept, **changed}
    return CommittedConfig(config.version + 1, tuple(servers[i] for i in sorted(servers)))


def _component(statefulset: Object) -> str:
    component: str = statefulset["metadata"]["labels"][names.LABEL_COMPONENT]
    return component


def _ids(statefulset: Object) -> range:
    spec = statefulset["spec"]
    first: int = spec["ordinals"]["start"]
    return range(first, first + spec["replicas"])


def _owner(member_id: int) -> str:
    return names.statefulset_name("zk", names.component_of(member_id))
