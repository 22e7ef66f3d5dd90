"""The plain port of the members: shut by a reconfiguration where only TLS is asked for, and opened again.

Safety:

* a member is closed only when every member listens for TLS with the certificate it was given, and serves;
* none is closed while clients use the plain port, unless the time that the spec gives them is over;
* one member at a time, by one step of the configuration: no member is restarted, and none loses its role;
* plain clients that are connected stay so until their connection ends; no new one is let in.
"""

from dataclasses import replace
from datetime import datetime

from zookeeper_operator.api import reasons
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.actions import Reconfigure
from zookeeper_operator.ensemble.plan.members import demoted
from zookeeper_operator.ensemble.plan.step import Situation, Step, Verdict
from zookeeper_operator.ensemble.security.readiness import awaits_plain_clients, closes_plain_port
from zookeeper_operator.kube.duration import parse_duration
from zookeeper_operator.kube.times import format_time, parse_time
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
    if waits := why_closing_waits(situation):
        return Step(Verdict(False, reasons.PLAIN_CLIENTS_CONNECTED, waits))
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


def why_closing_waits(situation: Situation) -> str:
    """Who is waited for before the first member is closed to plain clients; empty if nobody is."""
    observed = situation.observed
    committed, counts = observed.committed, observed.plain_clients
    if committed is None or not is_closing(situation):
        return ""
    connected = {i: counts[i] for i in sorted(committed.ids) if counts.get(i)}
    unknown = sorted(committed.ids - counts.keys())
    ends = _grace_ends(situation)
    if not (connected or unknown) or (ends is not None and ends <= observed.now):
        return ""
    if connected:
        total = sum(connected.values())
        who = f"{total} client{'s' if total > 1 else ''} without TLS"
        where = ", ".join(f"member {i}: {count}" for i, count in connected.items())
        said = f"{who} {'are' if total > 1 else 'is'} connected ({where})"
    else:
        said = f"which clients are connected to member {', '.join(map(str, unknown))} is not known"
    until = "when none is connected any more"
    if ends is not None:
        until += f", or at {format_time(ends)}"
    return f"{said}; port {names.CLIENT_PORT} is closed {until}"


def is_closing(situation: Situation) -> bool:
    """Whether the members must be closed to plain clients, could be by themselves, and none is yet."""
    return situation.walk.done and awaits_plain_clients(situation.observed)


def closing_since(situation: Situation) -> datetime | None:
    """Since when plain clients are waited for, as the status has recorded it; None if they are not."""
    if not is_closing(situation):
        return None
    recorded = (situation.ensemble.status.get("security") or {}).get("closingSince")
    try:
        return parse_time(recorded) or situation.observed.now
    except ValueError:
        return situation.observed.now


def _grace_ends(situation: Situation) -> datetime | None:
    """When plain clients are not waited for any more; None for never."""
    tls, since = situation.ensemble.spec.tls, closing_since(situation)
    if tls is None or tls.plain_clients_grace is None or since is None:
        return None
    return since + parse_duration(tls.plain_clients_grace)


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
