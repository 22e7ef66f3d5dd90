"""How busy the members are: the tables, and the values for programs."""

import json

from tests.unit.cli.screens import check_screen, text_of

from zookeeper_operator.cli.top.view import Sample, build_load, load_as_value, render_load
from zookeeper_operator.zookeeper.figures import Client, Figures, Total


def figures(at: float, state: str = "follower", **more: object) -> Figures:
    known: dict[str, object] = {
        "received": 1000,
        "sent": 1000,
        "reads": Total(500, 1000),
        "updates": Total(100, 900),
        "fsyncs": Total(50, 200),
        "outstanding": 0,
        "connections": 2,
        "watches": 12,
        "znodes": 205,
        "ephemerals": 1,
        "data_bytes": 1325,
        "open_files": 61,
        "most_files": 20000,
    }
    return Figures(at, state=state, **{**known, **more})  # type: ignore[arg-type]


BEFORE = {
    "zk-1": Sample(figures(10.0), (Client("10.0.0.7", "0x1", received=100),)),
    "zk-2": Sample(figures(10.0, "leader")),
}
AFTER = {
    "zk-1": Sample(
        figures(12.0, received=1301, reads=Total(700, 1100), outstanding=3, open_files=19000),
        (
            Client("10.0.0.7", "0x1", received=300, outstanding=3, max_latency=40),
            Client("10.0.0.8", "0x2", received=50, outstanding=0, max_latency=9),
        ),
    ),
    "zk-2": Sample(
        figures(12.0, "leader", updates=Total(104, 918), fsyncs=Total(54, 230)),
        (Client("10.0.0.7", "0x3", received=10, outstanding=1, max_latency=55),),
    ),
    "zk-3": Sample(Figures(12.0, problem="refuses the connection")),
}


def test_the_screen() -> None:
    load = build_load("demo", "zk", BEFORE, AFTER, clients=5)
    check_screen("top", render_load(load), width=160)


def test_the_busiest_clients_come_first_and_no_more_than_asked_for() -> None:
    load = build_load("demo", "zk", BEFORE, AFTER, clients=1)
    (client,) = load.clients
    assert (client.address, client.connections, client.pods) == ("10.0.0.7", 2, ("zk-1", "zk-2"))
    assert client.requests == (200 + 10) / 2
    assert (client.outstanding, client.max_latency) == (4, 55)
    assert build_load("demo", "zk", BEFORE, AFTER, clients=0).clients == ()


def test_values_for_programs() -> None:
    value = load_as_value(build_load("demo", "zk", BEFORE, AFTER, clients=5))
    assert json.loads(json.dumps(value)) == value | {
        "clients": json.loads(json.dumps(value["clients"]))
    }
    one, two, three = value["members"]
    assert (value["seconds"], one["requestsPerSecond"], one["readMilliseconds"]) == (
        2.0,
        150.5,
        0.5,
    )
    assert (two["role"], two["writeMilliseconds"], two["fsyncMilliseconds"]) == ("leader", 4.5, 7.5)
    assert three["problem"] == "refuses the connection"
    assert three["requestsPerSecond"] is None


def test_a_client_is_shown_as_text_whatever_its_address_says() -> None:
    odd = {"zk-1": Sample(figures(12.0), (Client("[bold]x[/bold]", "0x1"),))}
    assert "[bold]x[/bold]" in text_of(render_load(build_load("d", "z", {}, odd, clients=5)))
