"""Which members the spec asks for, and which of them wait for a vote."""

from dataclasses import replace

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.plan.step import Situation
from zookeeper_operator.zookeeper.servers import Role, Server


def wanted_ids(situation: Situation) -> frozenset[int]:
    """The members the spec asks for, voters and observers."""
    ensemble = situation.ensemble
    return frozenset(ensemble.voter_ids) | frozenset(ensemble.observer_ids)


def server_in_role(situation: Situation, member_id: int, role: Role) -> Server:
    """The server line of a member in a role; where it listens for clients stays as it is committed.

    A member that is not listed listens as the others do.
    """
    line = situation.ensemble.server(member_id, role)
    committed = situation.observed.committed
    servers = () if committed is None else committed.servers
    known = next((s for s in servers if s.id == member_id), None)
    if known is None and servers and all(server.is_closed for server in servers):
        known = servers[0]
    return line if known is None else replace(line, client=known.client)


def demoted(situation: Situation) -> frozenset[int]:
    """Members with the id of a voter that the configuration lists as observers.

    A hand-over before a restart makes them so.
    """
    committed = situation.observed.committed
    if committed is None:
        return frozenset()
    return frozenset(i for i in committed.observers if i < names.FIRST_OBSERVER_ID)


def waiting_for_vote(situation: Situation) -> frozenset[int]:
    """Demoted members that get their vote back, because the spec still asks for them."""
    return demoted(situation) & wanted_ids(situation)
