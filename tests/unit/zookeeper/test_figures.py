"""How busy a member is, from answers that may be anything."""

from typing import Any

import pytest

from zookeeper_operator.zookeeper.answers import Reply
from zookeeper_operator.zookeeper.figures import (
    Client,
    Figures,
    Rates,
    Total,
    count_plain_clients,
    rates_between,
    read_clients,
    read_figures,
)

# As ZooKeeper 3.9.5 answered after 200 writes and 200 reads.
MONITOR: dict[str, Any] = {
    "server_state": "leader",
    "packets_received": 401,
    "packets_sent": 401,
    "outstanding_requests": 0,
    "num_alive_connections": 1,
    "watch_count": 0,
    "znode_count": 205,
    "ephemerals_count": 0,
    "approximate_data_size": 1325,
    "open_file_descriptor_count": 61,
    "max_file_descriptor_count": 20000,
    "cnt_readlatency": 200,
    "sum_readlatency": 4019,
    "cnt_updatelatency": 201,
    "sum_updatelatency": 11040,
    "cnt_fsynctime": 195,
    "sum_fsynctime": 2491,
}
CONNECTION: dict[str, Any] = {
    "remote_socket_address": "10.1.2.3:35098",
    "outstanding_requests": 2,
    "packets_received": 401,
    "packets_sent": 400,
    "session_id": 72060384450838528,
    "max_latency": 1315,
}


def test_every_figure_of_a_real_answer() -> None:
    assert read_figures(Reply(fields=MONITOR), 5.0) == Figures(
        at=5.0,
        state="leader",
        received=401,
        sent=401,
        reads=Total(200, 4019),
        updates=Total(201, 11040),
        fsyncs=Total(195, 2491),
        outstanding=0,
        connections=1,
        watches=0,
        znodes=205,
        ephemerals=0,
        data_bytes=1325,
        open_files=61,
        most_files=20000,
    )


def test_the_other_metrics_provider_gives_the_totals_other_names() -> None:
    fields = {"readlatency_count": 7.0, "readlatency_sum": 14.0}
    assert read_figures(Reply(fields=fields), 0).reads == Total(7, 14)


@pytest.mark.parametrize("odd", ["401", None, -1, 1.5, True, [], {}, 1 << 64])
def test_what_is_no_number_is_unknown(odd: object) -> None:
    figures = read_figures(Reply(fields=dict.fromkeys(MONITOR, odd)), 0)
    assert figures == Figures(0, state="401" if odd == "401" else "")


def test_why_nothing_was_read() -> None:
    assert read_figures(Reply(refused="not serving"), 0).problem == "not serving"
    assert read_figures(Reply(trouble="no answer within 3 s"), 0).problem == "no answer within 3 s"


def test_rates_are_of_the_interval_and_not_since_the_start() -> None:
    before = read_figures(Reply(fields=MONITOR), 10.0)
    later = {
        **MONITOR,
        "packets_received": 501,
        "packets_sent": 481,
        "cnt_readlatency": 210,
        "sum_readlatency": 4039,
        "cnt_updatelatency": 205,
        "sum_updatelatency": 11052,
    }
    rates = rates_between(before, read_figures(Reply(fields=later), 12.0))
    assert rates == Rates(
        requests=50.0, responses=40.0, reads=5.0, updates=2.0, read_ms=2.0, update_ms=3.0
    )


def test_nothing_is_known_of_an_interval_with_a_restart_or_without_a_length() -> None:
    before = read_figures(Reply(fields=MONITOR), 10.0)
    again = {key: 1 if isinstance(value, int) else value for key, value in MONITOR.items()}
    assert rates_between(before, read_figures(Reply(fields=again), 12.0)) == Rates()
    assert rates_between(before, before) == Rates()
    assert rates_between(before, Figures(12.0, problem="gone")) == Rates()


def test_connections_plain_and_secure() -> None:
    six = {**CONNECTION, "remote_socket_address": "[2001:db8::1]:4000", "session_id": "odd"}
    found = read_clients(Reply(fields={"connections": [CONNECTION], "secure_connections": [six]}))
    assert found == (
        Client("10.1.2.3", f"{72060384450838528:#x}", 401, 400, 2, 1315),
        Client("[2001:db8::1]", "", 401, 400, 2, 1315, secure=True),
    )


@pytest.mark.parametrize(
    "odd", [None, "x", {"a": 1}, [None, 3, "x", {}, {"remote_socket_address": 7}, {"session": []}]]
)
def test_connections_of_another_form_are_left_out(odd: object) -> None:
    assert read_clients(Reply(fields={"connections": odd})) == ()
    assert read_clients(Reply(trouble="no answer")) == ()


def connection(address: str, session: object = 72057594037927937) -> dict[str, Any]:
    return {"remote_socket_address": address, "session_id": session}


def test_plain_clients_are_those_with_a_session_that_come_from_outside_of_the_pod() -> None:
    counted = [
        connection("10.1.2.3:35098"),
        connection("/10.1.2.3:35099", -4611686018427387904),  # of a member from id 128 on
        connection("[fd00::1]:35098"),
        connection("not-an-address:1"),
    ]
    others = [
        connection("127.0.0.1:4000"),
        connection("[0:0:0:0:0:0:0:1%lo]:4000"),
        connection("10.1.2.3:4", session=0),
        connection("10.1.2.3:5", session=None),
        "text",
    ]
    fields = {"connections": [*counted, *others], "secure_connections": [connection("10.1.2.3:9")]}
    assert count_plain_clients(Reply(fields=fields)) == len(counted)


@pytest.mark.parametrize("reply", [Reply(), Reply(fields={}), Reply(fields={"connections": "x"})])
def test_what_is_not_listed_is_not_none(reply: Reply) -> None:
    assert count_plain_clients(reply) is None
