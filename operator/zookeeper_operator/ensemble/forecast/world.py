"""The world the planner decides about, as a value: what it observes, and the little that it cannot.

Pure. The other modules of this package change it, each by one seam: `children`, `claims`, `pods` and
`election`; `effects` puts them together. Nothing here decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.stamp import stamped
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.plan import understand
from zookeeper_operator.ensemble.plan.children import wanted_children
from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.diff import first_difference
from zookeeper_operator.zookeeper.servers import CommittedConfig


class Revision(NamedTuple):
    """A pod template of a StatefulSet, and the name that Kubernetes gives this revision."""

    statefulset: str
    template: Object
    name: str


@dataclass(frozen=True)
class World:
    """What the next reconcile observes, and what none can observe.

    Attributes:
        observed: What the next reconcile observes.
        config: What the members have on disk, readable or not; None before the first quorum.
        zxid: Their last transaction.
        empty: Members without a database: they have no vote until they have synced.
        frozen: Members whose process runs and answers nothing.
        revisions: Every template that was applied: the same template gets the same revision again.
        created: How many objects were created or changed; makes uids and resource versions.
        news: What happened by itself since it was last read.
        elections: How often a leader was elected.
    """

    observed: Observed
    config: CommittedConfig | None = None
    zxid: int = 0
    empty: frozenset[int] = frozenset()
    frozen: frozenset[int] = frozenset()
    revisions: tuple[Revision, ...] = ()
    created: int = 0
    news: tuple[str, ...] = ()
    elections: int = 0

    @property
    def leader(self) -> int | None:
        """The member that leads, by its own answer."""
        return next(
            (a.id for a in self.observed.answers.values() if a.serving and a.is_leader), None
        )

    @property
    def serving(self) -> frozenset[int]:
        """The members that serve clients."""
        return frozenset(i for i, a in self.observed.answers.items() if a.serving)

    def with_observed(self, **changes: Any) -> "World":
        """The same world, in which the next reconcile observes something else."""
        return replace(self, observed=replace(self.observed, **changes))

    def with_answers(self, changes: Mapping[int, Any]) -> "World":
        """The same world with other answers of some members."""
        return self.with_observed(answers={**self.observed.answers, **changes})

    def with_news(self, news: str) -> "World":
        """The same world with one more thing that happened."""
        return replace(self, news=(*self.news, news))

    def name(self, member_id: int) -> str:
        """The pod of a member."""
        return names.member_name(self.observed.ensemble.name, member_id)


def find_world(observed: Observed, before: Observed) -> World:
    """The world as it is now.

    `before` is the same observation with the spec that the live objects were built from.
    """
    world = World(observed, config=observed.committed, revisions=_known_revisions(observed, before))
    zxids = (a.zxid or 0 for a in observed.answers.values())
    return replace(world, zxid=max(find_config(world).version, *zxids, 0))


def _known_revisions(observed: Observed, before: Observed) -> tuple[Revision, ...]:
    wanted = {
        body["metadata"]["name"]: stamped(body)
        for body in wanted_children(understand(before))
        if body["kind"] == "StatefulSet"
    }
    return tuple(
        Revision(name, _applied_template(live, wanted.get(name)), revision)
        for live in observed.children
        if live["kind"] == "StatefulSet"
        for name in [live["metadata"]["name"]]
        for revision in [str((live.get("status") or {}).get("updateRevision") or "")]
    )


def _applied_template(live: Object, wanted: Object | None) -> Object:
    """The template as it was applied, without what the API server has filled in."""
    template: Object = live["spec"]["template"]
    if wanted is None or _stamp(wanted) != _stamp(live):
        return template
    applied: Object = wanted["spec"]["template"]
    # One that differs in what was applied has been edited since; that is another revision.
    return applied if first_difference(applied, template) is None else template


def _stamp(body: Object) -> object:
    return (body["metadata"].get("annotations") or {}).get(names.ANNOTATION_APPLIED)


def find_config(world: World) -> CommittedConfig:
    """Who the members are: what they have on disk, else what they are given to start from."""
    if world.config is not None:
        return world.config
    published = understand(world.observed).membership
    return CommittedConfig(published.version, published.servers)
