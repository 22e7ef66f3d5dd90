"""One ensemble that the planner runs in the model of `ensemble.forecast`, with all that can break.

What breaks is done to the model here, and every plan is checked against the planner's promises before the
model carries it out. How Kubernetes and ZooKeeper behave is the model's; with clocks, networks and an API
server it is the simulation's.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.ensemble.plan.promises import check_action, check_order, check_phases
from tests.unit.ensemble.plan.scenes import NOW, at_rest

from zookeeper_operator.api import reasons
from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Action, Reconfigure
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.forecast.effects import act, wait
from zookeeper_operator.ensemble.forecast.election import find_able, lose, silent
from zookeeper_operator.ensemble.forecast.pods import remove_pods
from zookeeper_operator.ensemble.forecast.world import World, find_config, find_world
from zookeeper_operator.ensemble.observed import (
    Claim,
    Observed,
    Pod,
    Refusal,
    StorageClass,
    Trouble,
)
from zookeeper_operator.ensemble.plan import Plan, build_plan
from zookeeper_operator.ensemble.pods import config_of
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import CommittedConfig

BROKEN = "broken"
"""The tag of an image that no pod comes up with."""

CLASSES = {"standard": StorageClass("standard", expandable=True, default=True)}
FRESH_KEYS = (fresh_private_key(), fresh_private_key())

IN_TROUBLE = Trouble(reasons.IMAGE_PULL_FAILED, "no such image")


class EnsembleUnderTest:
    """One ensemble, from its first apply on."""

    def __init__(self, spec: Mapping[str, Any], *, restart_to_grow: bool = False) -> None:
        self.spec = dict(spec)
        self.restart_to_grow = restart_to_grow
        self.refuses_demotions = False
        self.sizes: list[int] = []
        ensemble = Ensemble(
            namespace="demo",
            name="zk",
            uid="uid-of-zk",
            generation=1,
            spec=EnsembleSpec.model_validate(self.spec),
        )
        self.world = World(
            Observed(
                ensemble,
                now=NOW,
                storage_classes=CLASSES,
                fresh_password="fresh",
                fresh_login_password="fresh of the operator",
                fresh_store_password="fresh-store",
                fresh_keys=FRESH_KEYS,
            )
        )

    @classmethod
    def at_rest(cls, size: int, *, leader: int | None = None) -> "EnsembleUnderTest":
        """A founded ensemble of `size` members in which nothing is to be done."""
        ensemble = cls({"replicas": size, "allowEvenReplicas": True})
        scene = at_rest(size, leader=leader)
        statefulset = scene.child("StatefulSet", "zk")
        assert statefulset is not None
        config = config_of(statefulset["spec"]["template"]["spec"])
        pods = tuple(replace(pod, config=config) for pod in scene.pods)
        scene = replace(
            scene,
            pods=pods,
            storage_classes=CLASSES,
            fresh_keys=FRESH_KEYS,
            fresh_login_password="fresh of the operator",
        )
        ensemble.world = find_world(scene, scene)
        ensemble.sizes = [size]
        return ensemble

    # ---- how it stands ----

    @property
    def config(self) -> CommittedConfig | None:
        return self.world.config

    @property
    def pods(self) -> dict[int, Pod]:
        return {pod.id: pod for pod in self.world.observed.pods}

    @property
    def claims(self) -> dict[str, Claim]:
        return {claim.name: claim for claim in self.world.observed.claims}

    def child(self, kind: str, name: str) -> Object | None:
        return self.world.observed.child(kind, name)

    def voters(self) -> frozenset[int]:
        return find_config(self.world).voters

    def able(self) -> frozenset[int]:
        return find_able(self.world)

    # ---- the planner ----

    def plan(self) -> Plan:
        return build_plan(self.world.observed)

    def carry_out(self, plan: Plan) -> None:
        """Do what a plan says, after a check that it may."""
        check_order(plan)
        for action in plan.actions:
            check_action(self.world, action)
            self._carry_out(action)
        if plan.rollout.state is True:
            self.world = self.world.with_observed(refusal=None)

    def _carry_out(self, action: Action) -> None:
        if self.refuses_demotions and isinstance(action, Reconfigure) and _demotes(action):
            refusal = Refusal("no rights", NOW, handing_over=action.joining[0].id)
            self.world = self.world.with_observed(refusal=refusal)
            return
        self._become(act(self.world, action))

    def _become(self, world: World) -> None:
        if world.config is not None and world.config != self.config:
            self.sizes.append(len(world.config.voters))
        check_phases(world)
        self.world = world

    # ---- what happens by itself ----

    def tick(self) -> None:
        """Let Kubernetes and ZooKeeper take one step."""
        if self.restart_to_grow:
            self._let_growth_wait()
        before = {pod.uid for pod in self.pods.values()}
        self._become(wait(self.world))
        self._break_new_pods(before)
        refusal = self.world.observed.refusal
        if refusal is not None:
            earlier = replace(refusal, at=NOW - timedelta(seconds=5))
            self.world = self.world.with_observed(refusal=earlier)

    def _let_growth_wait(self) -> None:
        """A volume grows only while no pod uses it."""
        used = self.pods.keys()
        self._change_claims(
            lambda c: replace(c, file_system_resize_pending=c.resizing and c.member_id in used)
        )

    def _break_new_pods(self, before: set[str]) -> None:
        """A pod that was created with the broken image does not come up."""
        observed = self.world.observed

        def breaks(pod: Pod) -> bool:
            name = names.statefulset_name("zk", pod.component)
            body = observed.child("StatefulSet", name)
            assert body is not None
            image: str = body["spec"]["template"]["spec"]["containers"][0]["image"]
            return image.endswith(BROKEN)

        pods = tuple(
            replace(p, trouble=IN_TROUBLE) if p.uid not in before and breaks(p) else p
            for p in observed.pods
        )
        self.world = self.world.with_observed(pods=pods)

    def run(self, *, passes: int) -> None:
        """Let the planner decide again and again, and what it decides take effect."""
        for _ in range(passes):
            self.carry_out(self.plan())
            self.tick()

    def rest(self, *, passes: int = 400) -> Plan:
        """Leave it alone until nothing is left to do, and nothing happens by itself.

        Raises:
            AssertionError: it does not come to rest.
        """
        for _ in range(passes):
            plan, before = self.plan(), self.world.observed
            self.carry_out(plan)
            self.tick()
            if plan.settled and self.world.observed == before:
                return plan
        raise AssertionError(f"it does not come to rest: {plan.next_action}")

    # ---- faults ----

    def lose_pod(self, member_id: int) -> None:
        """A pod ends, for whatever reason; its StatefulSet creates it again."""
        self.world = remove_pods(self.world, {member_id})

    def freeze(self, member_id: int) -> None:
        """A member's process stops answering, and its pod stays."""
        world = lose(self.world, {member_id}).with_answers({member_id: silent(member_id)})
        self.world = replace(world, frozen=world.frozen | {member_id})

    def thaw(self) -> None:
        """Every frozen member goes on."""
        self.world = replace(self.world, frozen=frozenset())

    def lose_volume(self, name: str) -> None:
        """The volume of a claim is gone."""
        self._change_claims(lambda c: replace(c, phase="Lost") if c.name == name else c)

    def restore_volumes(self) -> None:
        """The volumes that were gone, and that nobody has replaced, are there again."""
        self._change_claims(lambda c: replace(c, phase="Bound") if c.phase == "Lost" else c)

    def _change_claims(self, change: Callable[[Claim], Claim]) -> None:
        claims = tuple(map(change, self.world.observed.claims))
        self.world = self.world.with_observed(claims=claims)

    def refuse_demotions(self, *, refuse: bool) -> None:
        """The ensemble refuses to take votes away, or allows it again."""
        self.refuses_demotions = refuse
        if not refuse:
            self.world = self.world.with_observed(refusal=None)

    # ---- people ----

    def edit(self, spec: Mapping[str, Any]) -> None:
        """Change the spec."""
        self.spec = {**self.spec, **spec}
        self._change_ensemble(spec=EnsembleSpec.model_validate(self.spec))

    def roll(self) -> None:
        """Ask for a restart of every member."""
        self._change_ensemble(restarted_at=self.world.observed.ensemble.restarted_at + "x")

    def _change_ensemble(self, **changes: Any) -> None:
        ensemble = self.world.observed.ensemble
        changed = replace(ensemble, generation=ensemble.generation + 1, **changes)
        self.world = self.world.with_observed(ensemble=changed)


def _demotes(action: Reconfigure) -> bool:
    observers = {s.id for s in action.joining if s.role == "observer"}
    return bool(observers & action.based_on.voters)
