"""Server lines and committed configurations, as `/zookeeper/config` shows them."""

import operator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zookeeper_operator.zookeeper.servers import (
    CommittedConfig,
    Server,
    majority,
    parse_config,
    parse_server,
)

servers = st.builds(
    Server,
    id=st.integers(1, 255),
    host=st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{1,5}){0,3}", fullmatch=True),
    role=st.sampled_from(["participant", "observer"]),
)


def test_the_folder_called_operator_does_not_hide_the_standard_module() -> None:
    assert Path(operator.__file__ or "").name == "operator.py"


@given(servers)
def test_a_line_is_read_as_it_was_written(server: Server) -> None:
    assert parse_server(server.line()) == server


@pytest.mark.parametrize(
    ("line", "role", "client"),
    [
        ("server.1=zk-1:2888:3888;2181", "participant", "0.0.0.0:2181"),
        ("server.1=zk-1:2888:3888:observer;2181", "observer", "0.0.0.0:2181"),
        ("server.1=zk-1:2888:3888:participant;0.0.0.0:2181", "participant", "0.0.0.0:2181"),
        ("server.1=[fd00::1]:2888:3888:participant;2181", "participant", "0.0.0.0:2181"),
    ],
)
def test_every_form_zookeeper_accepts_is_read(line: str, role: str, client: str) -> None:
    server = parse_server(line)
    assert (server.id, server.role, server.client) == (1, role, client)


@pytest.mark.parametrize("line", ["", "server.x=a:1:2", "server.1=a:2888", "clientPort=2181"])
def test_another_line_is_refused_and_quoted(line: str) -> None:
    with pytest.raises(ValueError, match="not a server line"):
        parse_server(line)


def test_the_committed_configuration_tells_voters_observers_and_its_version() -> None:
    config = parse_config(
        "server.2=b:2888:3888:observer;0.0.0.0:2181\n"
        "server.1=a:2888:3888:participant;0.0.0.0:2181\n"
        "version=100000003"
    )
    assert config.version == 0x100000003
    assert config.voters == {1}
    assert config.observers == {2}
    assert [s.id for s in config.servers] == [1, 2]


def test_a_configuration_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no version"):
        parse_config("server.1=a:2888:3888;2181")


@given(st.integers(1, 9))
def test_every_two_majorities_meet_also_across_a_step_of_one(voters: int) -> None:
    assert majority(voters) + majority(voters) > voters
    assert majority(voters) + majority(voters + 1) > voters + 1


def test_steps_of_two_do_not_keep_that_promise() -> None:
    # 1 -> 3 and 3 -> 5 in one step are how others lost data.
    assert majority(1) + majority(3) <= 3
    assert majority(3) + majority(5) <= 5


def test_an_empty_configuration_has_nobody() -> None:
    assert CommittedConfig(0, ()).ids == frozenset()
