"""The facts about an adoption: where the walk stands, and how many of our members have pods.

Pure, and it decides nothing but how many pods of ours there are.
"""

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Basis, ScaleSource
from zookeeper_operator.ensemble.adoption import presence
from zookeeper_operator.ensemble.adoption.presence import order_voters
from zookeeper_operator.ensemble.adoption.rivals import find_taken_ids
from zookeeper_operator.ensemble.adoption.source import SourcePods
from zookeeper_operator.ensemble.adoption.walk import Walk
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.zookeeper.servers import Server


def find_walk(situation: Situation) -> Walk | None:
    """Where the walk stands; None if who the members are is not known for certain."""
    observed, quorum = situation.observed, situation.quorum
    committed, adopt = observed.committed, situation.ensemble.spec.adopt
    if committed is None or adopt is None or not quorum.healthy:
        return None
    source = tuple(server.id for server in find_voters(situation))
    own = {i for i in committed.voters if not situation.ensemble.is_foreign(i)}
    ids = {*source, *committed.ids, *(pod.id for pod in observed.pods)}
    running = find_running(situation)
    first = situation.ensemble.first_id
    return Walk(
        source=source,
        ours=tuple(sorted({*range(first, first + len(source)), *own})),
        voters=committed.voters,
        live=frozenset(i for i in ids if quorum.in_sync(i, observed.answers)),
        kept=find_kept(situation, running),
        running=running,
        gate=adopt.proceed,
    )


def hosted_while_adopting(situation: Situation, *, live: int) -> int:
    """How many of our voters have pods: one more as soon as all that have one are in sync.

    As many as the source has voters, whatever the spec asks for: that is done when the adoption has ended.
    """
    first = situation.ensemble.first_id
    last = names.FIRST_OBSERVER_ID - 1
    wanted = min(len(find_voters(situation)), last - first + 1)
    committed = situation.observed.committed
    if committed is not None and (taken := find_taken_ids(situation.ensemble, committed)):
        # ZooKeeper counts acknowledgements by id: a member of ours must not run beside another one of its id.
        # Those of ours that are committed keep their pods.
        kept = committed.ids - {server.id for server in taken}
        return max((i for i in kept if first <= i <= last), default=first - 1) - first + 1
    ids = [i for i in situation.membership.ids if first <= i <= last]
    base = max(max(ids, default=first - 1) - first + 1, live)
    in_sync = situation.quorum.in_sync
    ready = all(in_sync(i, situation.observed.answers) for i in range(first, first + base))
    return max(base, min(wanted, base + 1) if ready and not situation.problems else base)


def find_voters(situation: Situation) -> tuple[Server, ...]:
    """The voters of the source at the beginning, in the order of their pods."""
    return order_voters(situation.observed.source, situation.membership.source)


def find_running(situation: Situation) -> frozenset[int]:
    """The voters of the source whose process may run: all that are not known to be stopped."""
    adopt = situation.ensemble.spec.adopt
    stopped = () if adopt is None else adopt.stopped_members
    return presence.find_running(situation.observed.source, find_voters(situation), stopped)


def find_kept(situation: Situation, running: frozenset[int]) -> int:
    """How many pods the source must have as it is: of one without a StatefulSet, up to the last that runs."""
    source, voters = situation.observed.source, find_voters(situation)
    if source is not None and source.pods is not None and source.ordered:
        return min(source.pods.replicas, len(voters))
    places = [place for place, server in enumerate(voters) if server.id in running]
    return max(places, default=-1) + 1


def find_scalable(situation: Situation) -> SourcePods | None:
    """The StatefulSet of the source, if the operator may scale it, and knows which pod is which member."""
    source = situation.observed.source
    if source is None or source.pods is None or not (source.pods.writable and source.ordered):
        return None
    return source.pods


def scaling_of(
    pods: SourcePods,
    count: int,
    why: str,
    *,
    ending: frozenset[int] = frozenset(),
    basis: Basis | None = None,
) -> ScaleSource:
    """Another number of pods for the StatefulSet of a source, as long as it is the one that was observed."""
    return ScaleSource(
        name=pods.name,
        namespace=pods.namespace,
        uid=pods.uid,
        version=pods.version,
        replicas=count,
        why=why,
        ending=ending,
        basis=basis,
    )


def find_strangers(situation: Situation) -> tuple[int, ...]:
    """Members of the source that lead although they have no vote: an ensemble beside the committed one."""
    source = situation.observed.source
    answers = {} if source is None else source.answers
    voters = situation.quorum.voters
    alone = {"leader", "standalone"}
    return tuple(sorted(i for i, a in answers.items() if a.mode in alone and i not in voters))


def count_connections(situation: Situation) -> int | None:
    """How many clients members of the source hold, without the question itself."""
    source = situation.observed.source
    if source is None:
        return None
    counts = [a.connections for a in source.answers.values() if a.connections is not None]
    return sum(max(count - 1, 0) for count in counts) if counts else None
