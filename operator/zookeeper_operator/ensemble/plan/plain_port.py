"""The plain port of the members: shut by a reconfiguration where only TLS is asked for, and opened again.

Safety:

* a member is closed only when every member listens for TLS with the certificate it was given, and serves;
* one member at a time, by one step of the configuration: no member is restarted, and none loses its role;
* plain clients that are connected stay so until their connection ends; no new one is let in.
"""

from dataclasses import replace

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.plan.members import demoted
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.security.readiness import closes_plain_port
from zookeeper_operator.zookeeper.servers import CLOSED_CLIENT, OPEN_CLIENT, Server

_DONE = Step(Verdict(True, reasons.SECURED, "the plain port is as the spec asks"))


def plan_plain_port(situation: Situation) -> Step:
    """Close the next member to plain clients, or open it."""
    committed = situation.observed.committed
    closing = closes_plain_port(situation.ensemble.spec)
    if committed is None or situation.ensemble.spec.stopped:
        return _DONE
    left = members_left(situation)
    if not left or not _may_change(situation, closing=closing):
        return _DONE
    # The leader last: what goes wrong is seen at a follower first.
    server = min(left, key=lambda s: (s.id == situation.quorum.leader, s.id))
    client = CLOSED_CLIENT if closing else OPEN_CLIENT
    doing = "is closed to" if closing else "is opened to"
    return Step(
        Verdict(
            False, reasons.CLOSING_PLAIN_PORT, f"member {server.id} {doing} clients without TLS"
        ),
        (
            Reconfigure(
                based_on=committed,
                joining=(replace(server, client=client),),
                reason=reasons.CLOSING_PLAIN_PORT,
                why=f"it {doing} clients without TLS",
            ),
        ),
    )


def members_left(situation: Situation) -> tuple[Server, ...]:
    """The members whose plain port is not as the spec asks."""
    committed = situation.observed.committed
    closing = closes_plain_port(situation.ensemble.spec)
    servers = () if committed is None else committed.servers
    return tuple(server for server in servers if server.is_closed != closing)


def _may_change(situation: Situation, *, closing: bool) -> bool:
    quorum, observed = situation.quorum, situation.observed
    if not quorum.all_live or demoted(situation) or situation.problems:
        return False
    refusal = observed.refusal
    if refusal is not None and refusal.is_recent(observed.now):
        return False
    if not closing:
        return True
    walk, committed = situation.walk, observed.committed
    everyone = committed is not None and committed.ids <= quorum.serving
    return everyone and walk.done and situation.certificates.stage == "Done"
