"""What is remembered of a source: its server lines as they were at the beginning.

Pure. The walk shortens the committed configuration, and the way back needs the lines that have left; which
majority the source could form by its own list follows from them too. They stand in `NAME-membership` and in
the status: either is enough.
"""

from zookeeper_operator.api.conditions import ADOPTED, find_written
from zookeeper_operator.ensemble.adoption.fence import Fence
from zookeeper_operator.ensemble.membership import Membership, read_lines
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.published import published_membership
from zookeeper_operator.zookeeper.servers import Server


def recorded_source(observed: Observed) -> tuple[Server, ...]:
    """The server lines of the source at the beginning; none before they were recorded."""
    published = published_membership(observed)
    if published is not None and published.source:
        return published.source
    status = observed.ensemble.status
    # Until the first list was published, the source may still change.
    lines = (status.get("adoption") or {}).get("source") if status.get("foundedAt") else None
    try:
        return read_lines(lines or ())
    except ValueError:
        return ()


def recorded_fence(observed: Observed) -> Fence | None:
    """Where the source and our members stood before it was stopped, if that is recorded and can be read."""
    fence = (observed.ensemble.status.get("adoption") or {}).get("fence") or {}
    try:
        zxid = int(fence["zxid"], 16)
        return Fence(
            zxid,
            int(fence.get("generation") or 0),
            int(fence.get("pods") or 0),
            str(fence.get("uid") or ""),
        )
    except (KeyError, TypeError, ValueError):
        return None


def cuts_over(observed: Observed) -> bool:
    """Whether the source is taken over, or was, by stopping it before our members have votes."""
    adopt = observed.ensemble.spec.adopt
    return is_cut_over(observed) or (adopt is not None and adopt.mode == "CutOver")


def is_cut_over(observed: Observed) -> bool:
    """Whether our members are an ensemble of their own by a cut, after which the source is old data.

    The status says it before their list is published. Either is enough.
    """
    ensemble = observed.ensemble
    if (ensemble.status.get("adoption") or {}).get("cutOverAt"):
        return True
    adopt, published = ensemble.spec.adopt, published_membership(observed)
    if adopt is None or adopt.mode != "CutOver" or published is None or not published.source:
        return False
    return names_own(observed, published)


def names_own(observed: Observed, published: Membership | None) -> bool:
    """Whether a list names our members as voters, and none of a source."""
    voters = frozenset() if published is None else published.voters
    return bool(voters) and not any(map(observed.ensemble.is_foreign, voters))


def own_voters(observed: Observed) -> frozenset[int]:
    """Those of our members that get a vote by a cut: as many as the source has voters."""
    first = observed.ensemble.first_id
    count = sum(server.role == "participant" for server in recorded_source(observed))
    return frozenset(range(first, first + count))


def has_begun(observed: Observed) -> bool:
    """Whether a list of members was published, so that members of ours may have started.

    Claims prove nothing: those of an earlier adoption stay when its ensemble is deleted.
    """
    founded = bool(observed.ensemble.status.get("foundedAt"))
    return founded or published_membership(observed) is not None


def is_adopted(observed: Observed) -> bool:
    """Whether the adoption has ended, as the status says."""
    return bool(observed.ensemble.status.get("adoptedAt"))


def is_adopting(observed: Observed) -> bool:
    """Whether another ensemble is being taken over: asked for, or begun, and not at its end.

    A member of a source that still votes counts whatever the spec and the status say.
    """
    ensemble, committed = observed.ensemble, observed.committed
    if committed is not None and any(map(ensemble.is_foreign, committed.ids)):
        return True
    # An adoption that was asked for and refused does not become a founding when the spec loses it.
    reported = bool(find_written(ensemble.status, ADOPTED))
    refused = reported and not ensemble.status.get("foundedAt")
    asked = ensemble.spec.adopt is not None or refused or bool(recorded_source(observed))
    return asked and not is_adopted(observed)
