"""Who founds the ensemble, once, and what its pods start from afterwards.

Founding is the only moment in which members without data may elect a leader. It is decided when nothing
of the ensemble exists yet, recorded in `zk-membership`, and over as soon as a quorum was seen.

Safety: from then on an empty member may only join. The record of that survives the loss of any one of its
copies: the ensemble's status, the ConfigMap, and the mark on the members' volume claims. A claim that is
being deleted records nothing: its volume cannot hold the data of this ensemble. No ensemble is founded before
the last of a deleted ensemble of the same name is gone.

The only ensemble that is founded again is one with ephemeral storage, when every one of its members says
that it holds nothing (docs/adr/0007).
"""

from dataclasses import replace

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.adoption.presence import is_void
from zookeeper_operator.ensemble.adoption.record import (
    cuts_over,
    has_begun,
    is_adopting,
    is_cut_over,
    names_own,
    recorded_source,
)
from zookeeper_operator.ensemble.adoption.rivals import find_taken_ids
from zookeeper_operator.ensemble.bootstrap import plan_founding
from zookeeper_operator.ensemble.judge.emptiness import is_empty
from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Claim, Observed
from zookeeper_operator.ensemble.plan.standby import (
    EPOCHS_AHEAD,
    find_standby,
    first_epoch,
    own_lines,
)
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.ensemble.security.readiness import closes_plain_port
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import (
    CLOSED_CLIENT,
    OPEN_CLIENT,
    CommittedConfig,
    Server,
)


def is_founded(observed: Observed, quorum: Quorum, *, may_found_again: bool) -> bool:
    """Whether the ensemble has a quorum, or had one whose data some member may hold.

    Unless it `may_found_again`, an ensemble that was founded stays so whatever it has lost: a decision that
    is not carried out must not be recorded.
    """
    published = published_membership(observed)
    if observed.ensemble.spec.adopt is not None and not has_begun(observed):
        return False  # the quorum is the source's until the first list of ours is published
    recorded = (
        bool(observed.ensemble.status.get("foundedAt"))
        or any(claim.member for claim in _lasting_claims(observed))
        or (published is not None and not published.founders and not published.restore)
    )
    lost = may_found_again and _is_lost(observed, published)
    return quorum.healthy or (recorded and not lost)


def _is_lost(observed: Observed, published: Membership | None) -> bool:
    """Whether nothing is left that a member could bring back.

    Only ephemeral storage is lost with its pods. Every voter must report that it is empty, and no other
    pod may be left: it could hold the data, on a node that comes back.
    """
    ensemble = observed.ensemble
    if published is None or not ensemble.spec.storage.ephemeral or observed.previous_pods:
        return False
    # Founders that are named already are what an interrupted reconcile has left.
    or_founder = bool(published.founders)
    return published.voters <= {pod.id for pod in observed.pods} and all(
        is_empty(observed, pod, or_founder=or_founder) for pod in observed.pods
    )


def find_leftovers(observed: Observed) -> tuple[str, ...]:
    """What a deleted ensemble of the same name has left and is still being deleted.

    Its pods would be members beside the new ones, and a new pod would start on a volume that goes.
    """
    if observed.statefulset(names.VOTER) is not None:
        return ()  # its founders have started already
    claims = (f"claim {c.name}" for c in observed.claims if observed.is_leaving(c))
    return (*(f"pod {pod}" for pod in observed.previous_pods), *claims)


def _lasting_claims(observed: Observed) -> list[Claim]:
    return [claim for claim in observed.claims if not observed.is_leaving(claim)]


def find_identity(observed: Observed, published: Membership | None) -> str:
    """The name stamped on every volume of this ensemble.

    The volumes decide before the object does: an ensemble that is created again over retained volumes
    takes over their identity, so that they are its own. Until its pods may have started, what the status says
    counts for nothing: it may be older than the volumes that a deleted ensemble has left.
    """
    known = observed.ensemble.status.get("identity") if _has_started(observed) else None
    recorded = known or (published and published.identity)
    if recorded:
        return str(recorded)
    claims = sorted(_lasting_claims(observed), key=lambda claim: (not claim.member, claim.name))
    return next((c.identity for c in claims if c.identity), observed.ensemble.uid)


def _has_started(observed: Observed) -> bool:
    """Whether pods of this ensemble may have started, or have."""
    founded = bool(observed.ensemble.status.get("foundedAt"))
    return founded or bool(observed.pods) or observed.statefulset(names.VOTER) is not None


def _founders(observed: Observed) -> frozenset[int]:
    """The members that found the ensemble, where no list says who they are.

    If the list is gone, its founders may have started, and a quorum may have formed: whoever may belong to it
    stays one of them, whatever the spec asks for by now. So may those whose volumes an ensemble of the same
    name has left that was deleted before anyone saw its quorum. The spec is followed once there is a quorum.
    """
    wanted = frozenset(observed.ensemble.voter_ids)
    if not _has_started(observed):
        return wanted | find_voters_by_claims(observed)
    statefulset = observed.statefulset(names.VOTER)
    replicas = int(statefulset["spec"].get("replicas") or 0) if statefulset is not None else 0
    first = observed.ensemble.first_id
    started = {*range(first, first + replicas), *(pod.id for pod in observed.pods)}
    voters = frozenset(i for i in started if i < names.FIRST_OBSERVER_ID)
    return voters | find_voters_by_claims(observed) or wanted


def find_voters_by_claims(observed: Observed) -> frozenset[int]:
    """The members that may have a vote because of their volumes: all but those marked as having left."""
    voters = range(observed.ensemble.first_id, names.FIRST_OBSERVER_ID)
    return frozenset(
        claim.member_id
        for claim in _lasting_claims(observed)
        if claim.member is not False and claim.member_id in voters
    )


def known_ids(observed: Observed) -> frozenset[int]:
    """The members of a founded ensemble whose published list is gone, from the best record left.

    Claims are marked one after the other, and that may have been interrupted: one that was never marked
    counts if another one is marked. To name a member too many costs nothing, since it starts from the list on
    its volume, or has no vote before it has synced. Without one that voted there may never be a majority.
    """
    ensemble = observed.ensemble
    status = ensemble.status.get("members") or []
    ids = frozenset(
        member["id"]
        for member in status
        if ensemble.first_id <= member.get("id", 0) < names.FIRST_OBSERVER_ID
    )
    voters = find_voters_by_claims(observed)
    marked = any(c.member for c in _lasting_claims(observed) if c.member_id in voters)
    return (voters if marked else frozenset()) or ids or frozenset(observed.ensemble.voter_ids)


def decide_membership(observed: Observed, *, founded: bool) -> Membership:
    """What the pods must start from now.

    The committed configuration wins over the published one unless that is newer. A published one of the
    same version that differs was edited by hand. It is never replaced by a guess.
    """
    ensemble = observed.ensemble
    published = published_membership(observed)
    identity = find_identity(observed, published)
    committed = observed.committed
    adopts, is_cut, void = is_adopting(observed), is_cut_over(observed), is_void(observed)
    observes = cuts_over(observed) and (void or not is_cut)
    news = (
        committed is not None
        # Of a source that is only observed, a list with a version would be taken for newer than our own.
        and not (observes and (void or committed.version))
        and _is_news(committed, published)
        and not (adopts and find_taken_ids(ensemble, committed))
        and not (is_cut and any(map(ensemble.is_foreign, committed.ids)))
    )
    begins = is_cut and not (void or news) and not names_own(observed, published)
    if committed is not None and news:
        servers: tuple[Server, ...] = committed.servers
        version = committed.version
    elif void:
        servers, version = recorded_source(observed), 0
    elif begins:
        # At version 0, of which a member that observed such a source has stored no list.
        servers, version = own_lines(observed), 0
    elif published is not None:
        servers, version = published.servers, published.version
    elif adopts:
        # Without any word of the source: members of ours that found each other now would be a copy of it.
        servers, version = recorded_source(observed), 0
    else:
        ids = known_ids(observed) if founded else _founders(observed)
        servers = tuple(_new_server(observed, i, founded=founded) for i in sorted(ids))
        version = 0
    epoch = published.epoch if published else 0
    standby, is_open = find_standby(observed, published, void=void)
    found = Membership(
        servers=servers,
        version=version,
        founders=(),
        identity=identity,
        epoch=max(epoch, first_epoch(observed)) if begins else epoch,
        source=_find_source(observed, servers),
        standby=standby,
        standby_open=is_open,
    )
    if published is not None and published.restart:
        found = replace(found, restart=_to_restart(observed, published, found))
    if founded or adopts:
        return found
    if published is not None and published.restore:
        return replace(found, restore=published.restore)
    if published is None and begins_from_backup(observed):
        # Without founders: a member that the restore has left empty must never elect itself.
        task = plan_founding(ensemble, observed.backup, identity).task
        return replace(
            found, servers=(_new_server(observed, ensemble.first_id, founded=False),), restore=task
        )
    if published is None:
        return replace(found, founders=tuple(sorted(found.voters)))
    if published.founders:
        return replace(found, founders=published.founders)
    epoch = max(found.epoch, version >> 32) + EPOCHS_AHEAD
    return replace(found, founders=tuple(sorted(found.voters)), epoch=epoch)


def _new_server(observed: Observed, member_id: int, *, founded: bool) -> Server:
    ensemble = observed.ensemble
    closed = not founded and closes_plain_port(ensemble.spec)
    return replace(ensemble.server(member_id), client=CLOSED_CLIENT if closed else OPEN_CLIENT)


def begins_from_backup(observed: Observed) -> bool:
    """Whether an ensemble that is not founded is founded from the backup that its spec names.

    Where a volume of it exists that is older than its first pod, that is its data. Once there is a template,
    it says whether the first member is restored.
    """
    if observed.ensemble.spec.bootstrap is None:
        return False
    statefulset = observed.statefulset(names.VOTER)
    if statefulset is None:
        return not _lasting_claims(observed)
    return restores(statefulset)


def restores(statefulset: Object) -> bool:
    """Whether the members of a StatefulSet are restored before they start."""
    containers = statefulset["spec"]["template"]["spec"].get("initContainers") or []
    return any(container.get("name") == names.RESTORE for container in containers)


def why_restore_waits(situation: Situation) -> str | None:
    """Why a new ensemble that must be founded from a backup is not yet; None if it need not wait."""
    observed = situation.observed
    if situation.founded or situation.leftovers or situation.membership.restore:
        return None
    if published_membership(observed) is not None or not begins_from_backup(observed):
        return None
    waits_for = plan_founding(
        observed.ensemble, observed.backup, situation.membership.identity
    ).waits_for
    return f"nothing until there is a backup to begin from: {waits_for}"


def is_bootstrap_ignored(situation: Situation) -> bool:
    """Whether the spec names a backup and the ensemble was, or will be, founded without it."""
    observed = situation.observed
    if observed.ensemble.spec.bootstrap is None or situation.leftovers:
        return False
    if observed.ensemble.status.get("restoredFrom") or situation.membership.restore:
        return False
    return situation.founded or not begins_from_backup(observed)


def _to_restart(
    observed: Observed, published: Membership, now: Membership
) -> tuple[tuple[int, str], ...]:
    """The pods that a recovery must still restart.

    All of them stay on the list until the recovered ensemble has committed who it is: the survivor among
    them says that it has yet to.
    """
    if published.servers == now.servers and published.version == now.version:
        waits = any(member_id in now.voters for member_id, _ in published.restart)
        if waits:
            return published.restart
    pods = {(pod.id, pod.uid) for pod in observed.pods}
    return tuple(e for e in published.restart if e in pods and e[0] not in now.voters)


def _find_source(observed: Observed, servers: tuple[Server, ...]) -> tuple[Server, ...]:
    """The lines of the source to keep: for as long as the spec names it, or a member of it is committed.

    Until the first vote goes over they are what is committed: its owner may still change it. Afterwards they
    are not, even if no member of ours votes: who has taken our votes away would shorten them, and the pods
    that are stopped would be forgotten.
    """
    ensemble = observed.ensemble
    foreign = tuple(server for server in servers if ensemble.is_foreign(server.id))
    if ensemble.spec.adopt is None and not foreign:
        return ()
    published = published_membership(observed)
    voting = {server.id for server in servers if server.role == "participant"}
    voted = voting | (published.voters if published is not None else frozenset())
    began = any(claim.member is not None for claim in observed.claims)
    if voting and not began and all(map(ensemble.is_foreign, voted)):
        return foreign
    return recorded_source(observed) or foreign


def _is_news(committed: CommittedConfig, published: Membership | None) -> bool:
    if not committed.servers:
        return False
    if published is None:
        return True
    if committed.version == published.version:
        return frozenset(committed.servers) != frozenset(published.servers)
    return committed.version > published.version
