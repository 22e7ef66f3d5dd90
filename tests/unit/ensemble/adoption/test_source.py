"""What members of a source say on their client ports, in the form of what ours say."""

from dataclasses import replace

import pytest
from tests.unit.ensemble.plan.scenes import answers

from zookeeper_operator.ensemble.adoption.source import Source, SourcePods, read_source_answers
from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.endpoints import endpoint_of, parse_endpoints
from zookeeper_operator.zookeeper.protocol import Endpoint, SourceAnswer
from zookeeper_operator.zookeeper.servers import Server, parse_server
from zookeeper_operator.zookeeper.source import read_srvr

SRVR = b"""Zookeeper version: 3.9.4-7246445ec281f3dbf53dc54e970c914f39713903, built on 2025-08-19 19:53 UTC
Latency min/avg/max: 0/0.3/9
Received: 213
Sent: 212
Connections: 4
Outstanding: 0
Zxid: 0x10000004e
Mode: follower
Node count: 29
"""
LEADS = SourceAnswer(reachable=True, mode="leader", zxid=0x100000005)
FOLLOWS = SourceAnswer(reachable=True, mode="follower", zxid=0x100000005)


def test_what_a_member_says_of_itself() -> None:
    said = read_srvr(SRVR)
    assert said == SourceAnswer(
        reachable=True, mode="follower", zxid=0x10000004E, connections=4, version="3.9.4"
    )


@pytest.mark.parametrize(
    ("body", "denies", "words"),
    [
        (b"This ZooKeeper instance is not currently serving requests\n", True, "does not serve"),
        (b"srvr is not executed because it is not in the whitelist.\n", False, "whitelist"),
        (b"", False, "does not answer srvr"),
        (b"SSH-2.0-OpenSSH_9.6 secret\r\n", False, "does not answer srvr"),
        (b"\xff\xfe" * 40, False, "does not answer srvr"),
        (SRVR.replace(b"follower", b"<b>"), False, "does not answer srvr"),
    ],
)
def test_what_else_a_member_may_say(body: bytes, *, denies: bool, words: str) -> None:
    said = read_srvr(body)
    assert said.mode == ""
    assert said.denies is denies
    assert words in (said.problem or "")
    assert "secret" not in repr(said), "a status is read by people who may not reach that port"


@pytest.mark.parametrize("changed", [b"Zxid: 0xzz", b"Zxid: -1", b"Zxid: " + b"f" * 99])
def test_a_number_that_is_none_is_unknown(changed: bytes) -> None:
    assert read_srvr(SRVR.replace(b"Zxid: 0x10000004e", changed)).zxid is None


def test_a_follower_follows_the_only_leader_there_is() -> None:
    found = read_source_answers({1: FOLLOWS, 2: LEADS}, {})
    assert (found[1].leader_id, found[2].leader_id, found[2].is_leader) == (2, 2, True)
    assert found[1].serving


def cheap(answer: Answers) -> Answers:
    """What is known of a member that was asked the one cheap question."""
    return replace(answer, peer_state="", server_state="", voting_view=None)


def test_a_follower_follows_one_of_ours_that_leads_by_the_cheap_question_too() -> None:
    ours = {11: answers(11, 11, (1, 11)), 12: answers(12, 11, (1, 11))}
    for said in (ours, {i: cheap(a) for i, a in ours.items()}, {12: cheap(ours[12])}):
        assert read_source_answers({1: FOLLOWS}, said)[1].leader_id == 11


def test_of_two_leaders_none_is_followed() -> None:
    found = read_source_answers({1: FOLLOWS, 2: LEADS}, {11: answers(11, 11, (1, 11))})
    assert found[1].leader_id is None
    assert found[2].is_leader


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("server.1=a.old:2888:3888:participant;0.0.0.0:2182", Endpoint("a.old", 2182)),
        ("server.1=a.old:2888:3888;2183", Endpoint("a.old", 2183)),
        ("server.1=a.old:2888:3888", Endpoint("a.old", 2190)),
        ("server.1=a.old:2888:3888;99999", Endpoint("a.old", 2190)),
        ("server.1=[fd00::1]:2888:3888:participant;[::]:2181", Endpoint("fd00::1", 2181)),
    ],
)
def test_where_a_member_takes_clients(line: str, expected: Endpoint) -> None:
    server = parse_server(line)
    assert endpoint_of(server, otherwise=2190) == expected


def test_a_line_without_a_client_part_stays_one() -> None:
    line = "server.1=a.old:2888:3888:participant"
    assert parse_server(line).line() == line


def test_the_addresses_of_a_connection_string() -> None:
    found = parse_endpoints("a:2182,[fd00::1]:2183,b, 10.0.0.1")
    assert found == (
        Endpoint("a", 2182),
        Endpoint("fd00::1", 2183),
        Endpoint("b", 2181),
        Endpoint("10.0.0.1", 2181),
    )


def source(*hosts: str, first: int = 0) -> Source:
    servers = tuple(Server(i, host) for i, host in enumerate(hosts, 1))
    domains = frozenset({"a", "a.old"})
    pods = SourcePods("a", "old", "u", "1", len(hosts), True, frozenset(), first, domains=domains)
    return Source(servers=servers, pods=pods)


@pytest.mark.parametrize(
    ("found", "ordered"),
    [
        (source("a-0.a", "a-1.a", "a-2.a"), True),
        (source("a-2.a", "a-1.a", "a-0.a"), True),
        (source("a-1.a", "a-2.a", first=1), True),
        (source("a-1.a", "a-2.a"), False),
        (source("a-0.a", "10.0.0.2"), False),
        (source("b-0.a", "b-1.a"), False),
        (source("a-0.a.old", "a-1.a.old."), True),
        (source("a-0.a.elsewhere", "a-1.a.elsewhere"), False),
        (source("a-0.b", "a-1.b"), False),
        (source("a-0", "a-1"), False),
    ],
)
def test_which_pod_is_which_member(found: Source, *, ordered: bool) -> None:
    assert found.ordered is ordered
    if ordered:
        places = [server.host[:3] for server in found.voters]
        assert places == sorted(places)
