"""The next phase of an ensemble: one step at a time, from what its members run, forwards and backwards.

Pure. Safety, each with a property test and an invariant of the simulator:

* no two members that run are more than one quorum phase apart, whatever was interrupted;
* the phase follows from the pods and the templates that new pods are made of, never from the spec alone;
* no step while a committed member has no pod: one that comes back may still run the phase before;
* no step towards a certificate that the members' ports do not serve yet, or that has ended;
* no two members that run are more than one authentication phase apart, so the operator always knows whether
  it has to log in;
* authentication is not required before the operator has logged in where it need not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.judge.quorum import Quorum
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.pods import ordinals, update_revision_of
from zookeeper_operator.ensemble.security.phase import (
    DIALS_TLS,
    KNOWS_USERS,
    PLAIN,
    REQUIRES_AUTHENTICATION,
    Phase,
    lets_in_certificates,
    read_phase,
    template_phase,
    wanted_phase,
)
from zookeeper_operator.kube.api import Object


@dataclass(frozen=True)
class Walk:
    """Where an ensemble is between the phase it had and the one its spec asks for.

    Attributes:
        wanted: the phase that the spec asks for.
        target: the phase that pod templates must have now.
        reached: the phase that every member has at least.
        highest: the phase that some member or template has, and none is beyond.
        waits_for: why the next step is not taken now; empty if it is, or if none is left.
    """

    wanted: Phase = PLAIN
    target: Phase = PLAIN
    reached: Phase = PLAIN
    highest: Phase = PLAIN
    waits_for: str = ""

    @property
    def done(self) -> bool:
        """Whether every member runs what the spec asks for."""
        return all(phase == self.wanted for phase in self.phases)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What is to be had, and is, on the way: the target, and the least and the most of the members."""
        return (self.target, self.reached, self.highest)


@dataclass(frozen=True)
class Readiness:
    """What certificates and users allow: each text says why not, and is empty if they do.

    Attributes:
        missing: why no member can mount certificates.
        unconfirmed: why no member may connect by them.
        no_users: why no member can mount the users.
        locked_out: why the operator could not be sure of a way in where authentication is required.
    """

    missing: str = ""
    unconfirmed: str = ""
    no_users: str = ""
    locked_out: str = ""
    closed: tuple[int, ...] = ()
    """Members that take plain clients from inside their pods only: without TLS no client would reach them."""


def decide_walk(observed: Observed, quorum: Quorum, readiness: Readiness) -> Walk:
    """The phase that pod templates must have now.

    An ensemble of which nothing runs starts at its goal at once: no member has to fit with any other.
    """
    wanted = wanted_phase(observed.ensemble.spec)
    if readiness.closed and not wanted.clients:
        # The plain port is opened again first; until then TLS is the only way in.
        why = f"member {', '.join(map(str, readiness.closed))} must be open to plain clients first"
        walk = _decide(observed, quorum, readiness, replace(wanted, clients=1))
        return replace(walk, wanted=wanted, waits_for=walk.waits_for or why)
    return _decide(observed, quorum, readiness, wanted)


def _decide(observed: Observed, quorum: Quorum, readiness: Readiness, wanted: Phase) -> Walk:
    templates = [template_phase(s["spec"]["template"]) for s in _active_statefulsets(observed)]
    pods = [read_phase(pod.template) for pod in observed.pods]
    if not templates and not pods:
        why = readiness.missing if wanted.uses_certificates else ""
        why = why or (readiness.no_users if wanted.knows_users else "")
        target = _kept(observed) if why else wanted
        return Walk(wanted, target, target, target, why if target != wanted else "")
    known = [phase for phase in (*pods, *templates) if phase is not None]
    published = next((phase for phase in (*templates, *pods) if phase is not None), PLAIN)
    if len(known) < len(pods) + len(templates):
        why = (
            f"the annotation {names.ANNOTATION_SECURITY} of a pod or a pod template cannot be read"
        )
        return Walk(wanted, published, PLAIN, published, why)
    reached, highest = _bound(known, min), _bound(known, max)
    levels = _levels(observed, quorum, known)
    if max(levels) - min(levels) > 1:
        why = "members are more than one phase apart"
        return Walk(wanted, published, reached, highest, why)
    not_yet = _why_not_yet(observed, quorum)
    level, why = _next_level(levels, wanted.quorum, not_yet, readiness)
    clients = wanted.clients
    if clients > published.clients and readiness.missing:
        clients, why = published.clients, why or readiness.missing
    why_no_login = _why_no_login(observed, reached, readiness)
    auth, why_not = _next_auth({p.auth for p in known}, wanted.auth, not_yet, why_no_login)
    return Walk(wanted, Phase(level, clients, auth), reached, highest, why or why_not)


def _bound(known: list[Phase], choose: Callable[[Iterator[int]], int]) -> Phase:
    return Phase(
        choose(p.quorum for p in known),
        choose(p.clients for p in known),
        choose(p.auth for p in known),
    )


def _next_auth(levels: set[int], wanted: int, not_yet: str, why_no_login: str) -> tuple[int, str]:
    """The authentication phase of templates now, and what the step after it waits for."""
    lowest, highest = min(levels), max(levels)
    if highest - lowest > 1:
        return KNOWS_USERS, ""  # somebody's work: from here every other phase is one step away
    if lowest != highest:
        return (highest if wanted >= highest else lowest), ""
    why = not_yet or (why_no_login if wanted > lowest else "")
    if lowest == wanted or why:
        return lowest, "" if lowest == wanted else why
    return (lowest + 1 if wanted > lowest else lowest - 1), ""


def _why_no_login(observed: Observed, reached: Phase, readiness: Readiness) -> str:
    """Why members cannot get to know the users now, or not require authentication now."""
    if readiness.no_users or reached.auth + 1 < REQUIRES_AUTHENTICATION:
        return readiness.no_users
    if lets_in_certificates(observed.ensemble.spec) and not reached.clients:
        return f"not every member listens on port {names.SECURE_CLIENT_PORT} yet"
    return readiness.locked_out


def _levels(observed: Observed, quorum: Quorum, known: list[Phase]) -> set[int]:
    """The quorum phases that count: those of all pods and templates.

    No step leads to phases that do not fit together. If there are any, the members that serve decide, and
    the others come back beside them.
    """
    levels = {phase.quorum for phase in known}
    if max(levels) - min(levels) <= 1:
        return levels
    serving = {
        phase.quorum
        for pod in observed.pods
        if pod.id in quorum.serving and (phase := read_phase(pod.template)) is not None
    }
    return serving or levels


def _next_level(
    levels: set[int], wanted: int, not_yet: str, readiness: Readiness
) -> tuple[int, str]:
    """The quorum phase of templates now, and what the step after it waits for."""
    lowest, highest = min(levels), max(levels)
    if lowest != highest:
        return (highest if wanted >= highest else lowest), ""
    if lowest == wanted:
        return lowest, ""
    forwards = wanted > lowest
    unconfirmed = readiness.unconfirmed if lowest + 1 == DIALS_TLS else ""
    why = not_yet or ((readiness.missing or unconfirmed) if forwards else "")
    if why:
        return lowest, why
    return (lowest + 1 if forwards else lowest - 1), ""


def _why_not_yet(observed: Observed, quorum: Quorum) -> str:
    """Why no step may be taken now: what every member must be before any of them changes its phase."""
    committed = observed.committed
    if committed is None or not quorum.healthy:
        return "no majority has confirmed who the members are"
    here = {pod.id for pod in observed.pods if not pod.terminating}
    away = sorted(committed.ids - here)
    if away:
        return (
            f"member {', '.join(map(str, away))} has no pod, and may come back with an older phase"
        )
    for statefulset in _active_statefulsets(observed):
        revision = update_revision_of(statefulset)
        old = [
            pod.name
            for pod in observed.pods
            if names.statefulset_name(observed.ensemble.name, pod.component)
            == statefulset["metadata"]["name"]
            and pod.revision != revision
        ]
        if not revision or old:
            return "members are still being restarted"
    silent = sorted((committed.ids | quorum.voters) - quorum.serving)
    if silent:
        return f"member {', '.join(map(str, silent))} does not serve"
    demoted = [i for i in committed.observers if i < names.FIRST_OBSERVER_ID]
    if demoted:
        return f"member {demoted[0]} has handed over its vote"
    return "" if quorum.all_live else "not every voter is in sync"


def _kept(observed: Observed) -> Phase:
    """What an ensemble that is stopped has run before, if its templates are still there."""
    found = observed.statefulset(names.VOTER)
    phase = template_phase(found["spec"]["template"]) if found is not None else None
    return phase or PLAIN


def _active_statefulsets(observed: Observed) -> Iterator[Object]:
    """The StatefulSets that have pods, or create some."""
    for component in (names.VOTER, names.OBSERVER):
        found = observed.statefulset(component)
        has_pods = any(pod.component == component for pod in observed.pods)
        if found is not None and (has_pods or len(ordinals(found)) > 0):
            yield found
