"""The steps of a ZooKeeper course, repeated on an ensemble that the operator runs.

In the order of the tutorial: one server, its log, its AdminServer, its configuration, its shell, three
servers, who leads. (Stopping the leader is in `test_failover.py`.)
"""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from e2e.cluster import wait_until
from e2e.ensembles import Ensemble

pytestmark = pytest.mark.smoke


@contextmanager
def admin_port(ensemble: Ensemble, member: int = 1) -> Iterator[str]:
    """The base address of a member's AdminServer, forwarded to this machine."""
    pod = f"pod/{ensemble.pod_name(member)}"
    with ensemble.cluster.port_forward(ensemble.namespace, pod, 8080) as port:
        yield f"http://127.0.0.1:{port}/commands"


def page(address: str) -> str:
    """A page, as a browser gets it."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 -- our own address
        text: str = answer.read().decode()
        return text


def test_t1_one_server_is_reached_from_outside(one: Ensemble) -> None:
    """One server; its client port, and the one of the client Service, forwarded to the host."""
    for target in ("pod/zk-1", "service/zk-client"):
        with one.client(target) as client:
            client.ensure_path("/t1")
            value = target.encode()
            client.set("/t1", value)
            assert client.get("/t1")[0] == value
            client.delete("/t1")


def test_t2_the_log_can_be_read(one: Ensemble) -> None:
    """The log of the server, by kubectl logs."""
    log = one.cluster.logs(one.namespace, "zk-1")
    assert "member 1 starts with database" in log
    assert re.search(r"INFO .*LEADING", log), log[-2000:]


def test_t3_the_admin_server_shows_ones_own_session(one: Ensemble) -> None:
    """/commands, and our session in /commands/connections."""
    with admin_port(one) as address, one.client("pod/zk-1") as client:
        commands = page(address)
        for command in ("ruok", "leader", "monitor", "connections", "voting_view"):
            assert f"/commands/{command}" in commands
        connections = json.loads(page(f"{address}/connections"))["connections"]
        assert client.client_id[0] in [c.get("session_id") for c in connections], connections


def test_t4_the_stock_image_shows_its_configuration_and_status(one: Ensemble) -> None:
    """/conf/zoo.cfg in the container is what the server runs with; zkServer.sh status says its mode."""
    text = one.cluster.exec(one.namespace, "zk-1", "cat", "/conf/zoo.cfg")
    config = dict(
        line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#")
    )
    expected = {
        "dataDir": "/data",
        "dataLogDir": "/datalog",
        "tickTime": "2000",
        "standaloneEnabled": "false",
        "reconfigEnabled": "true",
        "admin.enableServer": "true",
        "cnxTimeout": "500",
        "connectToLearnerMasterLimit": "2",
        "leaderConnectDelayDuringRetryMs": "50",
    }
    assert {k: config.get(k) for k in expected} == expected
    members = one.cluster.exec(one.namespace, "zk-1", "cat", config["dynamicConfigFile"])
    assert f"server.1=zk-1.{one.namespace}.svc.cluster.local:2888:3888:participant" in members

    status = one.cluster.exec(one.namespace, "zk-1", "zkServer.sh", "status")
    assert re.search(r"^Mode: (leader|standalone)$", status, re.MULTILINE), status


def test_t5_every_command_of_the_shell_tour(one: Ensemble) -> None:
    """A session with zkCli.sh through kubectl exec; the answer to every command is checked."""
    said = one.converse(
        1,
        "create /tour hello",
        "get /tour",
        "stat /tour",
        "addWatch -m PERSISTENT_RECURSIVE /tour",
        "create /tour/a 1",
        "create /tour/b 2",
        "ls /tour",
        "delete /tour/a",
        "getAcl /tour",
        "deleteall /tour",
        "ls /",
        "history",
        "close",
        "connect localhost:2181",
        "stat /tour",
    )
    print(said)
    answers = split_answers(said)
    assert "Created /tour" in answers["create /tour hello"], said
    assert "hello" in answers["get /tour"], said
    assert "dataLength = 5" in answers["stat /tour"], said
    assert "numChildren = 0" in answers["stat /tour"], said
    assert "Created /tour/a" in answers["create /tour/a 1"], said
    assert "[a, b]" in answers["ls /tour"], said
    assert "'world,'anyone" in answers["getAcl /tour"], said
    assert ": cdrwa" in answers["getAcl /tour"], said
    assert "[zookeeper]" in answers["ls /"], said
    assert "2 - stat /tour" in answers["history"], said
    for event in (
        "NodeCreated path:/tour/a",
        "NodeCreated path:/tour/b",
        "NodeDeleted path:/tour/a",
        "NodeDeleted path:/tour/b",
        "NodeDeleted path:/tour",
    ):
        assert f"type:{event}" in said, said
    assert "state:Closed" in said, said
    # Connected again, and what was deleted is gone.
    assert "Node does not exist: /tour" in said, said
    assert said.rstrip().count("state:Closed") == len(("close", "quit")), said


def split_answers(said: str) -> dict[str, str]:
    """What the shell printed after each command, by the first use of the command.

    Events come when they come, between the prompt and the command too, and the prompt between the two lines
    of one: they are left out, each line by itself.
    """
    answers: dict[str, str] = {}
    quiet = re.sub(r"\n(?:WATCHER::|WatchedEvent [^\n]*)\n", "", said)
    for part in re.split(r"^\[zk: \S+ \d+\] ", quiet, flags=re.MULTILINE)[1:]:
        command, _, answer = part.partition("\n")
        answers.setdefault(command.strip(), answer)
    return answers


def test_t7_three_servers_with_their_ids(three: Ensemble) -> None:
    """Pods -1 -2 -3 with ids 1 2 3; ZOO_MY_ID and ZOO_SERVERS are set in them."""
    for member in (1, 2, 3):
        pod = f"zk-{member}"
        seen = dict(
            line.split("=", 1)
            for line in three.cluster.exec(
                three.namespace, pod, "bash", "-c", "printenv ZOO_MY_ID; printenv -0 ZOO_SERVERS"
            )
            .replace("\0", "")
            .splitlines()[1:]
        )
        assert three.cluster.exec(three.namespace, pod, "printenv", "ZOO_MY_ID").strip() == str(
            member
        )
        assert sorted(seen) == ["server.1", "server.2", "server.3"]
        for other in (1, 2, 3):
            host = f"zk-{other}.{three.namespace}.svc.cluster.local"
            assert seen[f"server.{other}"].startswith(f"{host}:2888:3888:participant")
        myid = three.cluster.exec(three.namespace, pod, "cat", "/data/myid")
        assert myid.strip() == str(member)


def test_t7_what_one_server_writes_every_server_reads(three: Ensemble) -> None:
    """The same data on every server."""
    assert "Created /t7" in three.shell(1, "create /t7 everywhere")
    try:
        for member in (1, 2, 3):
            assert "\neverywhere\n" in three.shell(member, "sync /t7", "get /t7")
    finally:
        three.shell(1, "delete /t7")


def test_t8_everybody_names_the_same_leader(three: Ensemble) -> None:
    """status.leader, the LEADER column, each member's own page, and zkServer.sh status agree."""

    def agreed() -> dict[str, Any]:
        leader = three.status()["leader"]
        pages = [three.admin(m, "leader") for m in (1, 2, 3)]
        same = {p["leader_id"] for p in pages} == {leader["id"]}
        leading = [m for m, p in zip((1, 2, 3), pages, strict=True) if p["is_leader"]]
        return leader if same and leading == [leader["id"]] else {}

    leader = wait_until("all name the same leader", agreed, seconds=10)
    assert leader["pod"] == f"zk-{leader['id']}"
    assert three.table()["LEADER"] == leader["pod"]
    assert three.table()["EPOCH"] == str(leader["epoch"])
    for member in (1, 2, 3):
        status = three.cluster.exec(three.namespace, f"zk-{member}", "zkServer.sh", "status")
        mode = "leader" if member == leader["id"] else "follower"
        assert f"Mode: {mode}" in status
    with admin_port(three, leader["id"]) as address:
        assert json.loads(page(f"{address}/leader"))["is_leader"] is True
