"""Reaching every member from outside: node ports, load balancers, a browser."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
from e2e import browser, outside
from e2e.cluster import Cluster, Object, find_condition, run, stays, wait_until
from e2e.ensembles import Ensemble, manifest, session
from e2e.places import Operator, Places
from e2e.writer.handle import PROGRAM, Result

ROOT = Path(__file__).parents[1]
NODEJS = ROOT / "examples/nodejs"


@pytest.fixture(scope="module")
def open_places(cluster: Cluster, operator: Operator) -> Iterator[Places]:
    """Gone, ports and all, before the next module asks for the same ports."""
    del operator
    outside.wait_free(cluster)
    found = Places(cluster, "outside")
    yield found
    found.end()
    outside.wait_free(cluster)


@pytest.fixture
def opened(open_places: Places) -> Iterator[Ensemble]:
    """Three members, each with its own ports on this machine."""
    ensemble = open_places.shared(replicas=3, external=outside.EXTERNAL)
    outside.wait_open(ensemble)
    yield ensemble
    open_places.end_test()


@contextmanager
def writing(connection_string: str) -> Iterator[subprocess.Popen[str]]:
    """The counting writer on this machine, from its first write on."""
    command = [
        *(sys.executable, str(PROGRAM), f"--all={connection_string}"),
        *(f"--pinned={outside.client_address(m)}" for m in outside.MEMBERS),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["event"] == "ready"
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> Result:
    """Let it read everything back, and take its result."""
    process.send_signal(SIGTERM)
    out, _ = process.communicate(timeout=120)
    return Result(json.loads(out.splitlines()[-1]))


# ---- node ports ----


@pytest.mark.smoke
def test_t9_every_member_has_its_own_ports(opened: Ensemble) -> None:
    """2181 to 2183 and 8081 to 8083 of this machine lead to members 1 to 3 and to nothing else."""
    assert opened.status()["externalConnectionString"] == outside.CONNECTION_STRING
    for member in outside.MEMBERS:
        assert outside.ask(member, "configuration")["server_id"] == member
        with session(outside.client_address(member)) as found:
            connections = outside.ask(member, "connections")["connections"]
            assert found.client_id[0] in [c.get("session_id") for c in connections]


@pytest.mark.measured
@pytest.mark.smoke
def test_a_client_outside_writes_through_a_leader_kill(opened: Ensemble) -> None:
    """By `status.externalConnectionString`: no acknowledged write is lost, and no session."""
    epoch = opened.epoch()
    with writing(opened.status()["externalConnectionString"]) as process:
        time.sleep(2)
        killed = time.time()
        opened.signal(opened.leader(), "KILL")
        wait_until("another leads", lambda: opened.status()["leader"]["epoch"] > epoch, seconds=30)
        opened.wait_settled()
        result = finish(process)
    print(f"from outside: {result}")
    assert result.lost == 0
    # The clients that know one member only are cut off for as long as it is away.
    assert result.raw["clients"]["multi-host"]["sessionsLost"] == 0
    assert result.acknowledged > 200
    # It has lost its connection, and continued.
    assert 0 < result.longest_gap("multiHost", since=killed) < 6
    assert [e["epoch"] for e in result.elections][-1] > epoch


def test_the_connection_string_does_not_change_while_a_member_is_away(opened: Ensemble) -> None:
    """What applications read outside is the same while the leader's pod is recreated."""
    leader = opened.leader()
    opened.cluster.delete("pod", opened.pod_name(leader), opened.namespace)
    stays(
        "the external connection string names every member",
        lambda: opened.status()["externalConnectionString"] == outside.CONNECTION_STRING,
        seconds=8,
    )
    opened.wait_settled()


def test_t8_t10_the_browser_shows_who_leads(opened: Ensemble, tmp_path: Path) -> None:
    """/commands/leader on each member's own port; the leader is stopped, and a refresh shows another."""
    before = opened.leader()
    assert read_leaders() == {m: (before, m == before) for m in outside.MEMBERS}

    opened.cluster.delete("pod", opened.pod_name(before), opened.namespace)
    others = [m for m in outside.MEMBERS if m != before]
    wait_until(
        "the others name another leader",
        lambda: all(outside.named_leader(m) not in {0, before} for m in others),
        seconds=30,
    )
    opened.wait_settled()
    after = opened.leader()
    assert after != before
    # The stopped member is back and follows.
    assert read_leaders() == {m: (after, m == after) for m in outside.MEMBERS}
    if browser.find_browser() is not None:
        picture = tmp_path / "leader.png"
        browser.photograph(outside.admin_address(after, "leader"), picture)
        assert picture.read_bytes().startswith(b"\x89PNG")


def read_leaders() -> dict[int, tuple[int, bool]]:
    """The leader and whether it is the member itself, by each member's page, in a browser if there is one."""
    found = {}
    for member in outside.MEMBERS:
        told = outside.ask(member, "leader")
        if browser.find_browser() is not None:
            seen = json.loads(browser.read(outside.admin_address(member, "leader")))
            assert seen == told, "the browser shows what the server says"
        found[member] = (told["leader_id"], told["is_leader"])
    return found


def test_t12_the_nodejs_program_goes_on_while_each_member_is_stopped(opened: Ensemble) -> None:
    """From outside: every member is stopped in turn; in the end each has the same data."""
    run("npm", "ci", "--prefix", str(NODEJS), "--no-audit", "--no-fund", timeout=180)
    servers = opened.status()["externalConnectionString"]
    command = ["node", str(NODEJS / "program.js"), servers, "45"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for member in outside.MEMBERS:
            opened.cluster.delete("pod", opened.pod_name(member), opened.namespace)
            outside.wait_away(member)
            opened.wait_settled()
        assert process.poll() is None, "it has to be running while members are stopped"
        said, _ = process.communicate(timeout=120)
    print(said)
    assert process.returncode == 0, said
    assert "connection lost" in said, "it was never connected to a member that was stopped"
    assert "every server has the same data" in said


# ---- who may come in ----


def admin_ports(ensemble: Ensemble) -> list[int]:
    """The ports of the AdminServer in the external Services."""
    return [
        port["port"]
        for member in outside.MEMBERS
        for port in service(ensemble, member)["spec"]["ports"]
        if port["name"] == "admin"
    ]


def service(ensemble: Ensemble, member: int) -> Object:
    """The external Service of a member."""
    found = ensemble.cluster.get("service", f"zk-{member}-external", ensemble.namespace)
    assert found is not None
    return found


def admin_peers(ensemble: Ensemble) -> list[Any]:
    """Who may reach port 8080 by the NetworkPolicy; an empty list means all."""
    policy = ensemble.cluster.get("networkpolicy", "zk", ensemble.namespace)
    assert policy is not None
    (rule,) = [r for r in policy["spec"]["ingress"] if r["ports"][0]["port"] == 8080]
    peers: list[Any] = rule.get("from") or []
    return peers


def test_the_admin_server_is_open_only_if_asked_for(places: Places) -> None:
    """By default no port and no hole in the NetworkPolicy; with `adminServer: true` both, and a warning."""
    ensemble = places.ensemble(replicas=3, external={"type": "NodePort"})
    assert admin_ports(ensemble) == []
    assert len(admin_peers(ensemble)) == 1
    assert ensemble.events("AdminServerExposed") == []
    assert "adminServerExposed" not in ensemble.status()
    uids = ensemble.pod_uids()

    ensemble.change(external={"adminServer": True})
    wait_until("the AdminServers are open", lambda: len(admin_ports(ensemble)) == 3, seconds=30)
    wait_until("the policy follows", lambda: admin_peers(ensemble) == [], seconds=30)
    assert [e["type"] for e in ensemble.wait_event("AdminServerExposed")] == ["Warning"]

    ensemble.change(external={"adminServer": False})
    wait_until("the AdminServers are closed", lambda: admin_ports(ensemble) == [], seconds=30)
    wait_until("the policy follows", lambda: len(admin_peers(ensemble)) == 1, seconds=30)

    ensemble.cluster.patch("zke", "zk", ensemble.namespace, {"spec": {"external": None}})
    wait_until(
        "nobody is reached from outside",
        lambda: ensemble.cluster.get("service", "zk-1-external", ensemble.namespace) is None,
        seconds=30,
    )
    wait_until(
        "no address is told",
        lambda: "externalConnectionString" not in ensemble.status(),
        seconds=30,
    )
    assert ensemble.pod_uids() == uids, "access from outside restarts nobody"


def test_a_port_that_is_taken_is_told_and_the_members_serve(
    opened: Ensemble, places: Places
) -> None:
    """Two ensembles ask for the same node ports: the second one says so and serves inside."""
    del opened  # it has them
    second = Ensemble(places.cluster, places.namespace())
    taken = {"type": "NodePort", "members": [{"id": 1, "nodePort": 30181}]}
    places.cluster.apply(manifest(second.namespace, replicas=1, external=taken))
    wait_until(
        "the status names the port",
        lambda: "30181" in second.status().get("nextAction", ""),
        seconds=60,
        seen=second.status,
    )
    wait_until(
        "it has a quorum",
        lambda: find_condition(second.body(), "QuorumHealthy").get("status") == "True",
        seconds=120,
        seen=second.status,
    )
    second.cluster.patch("zke", "zk", second.namespace, {"spec": {"external": None}})
    second.wait_settled()


def test_load_balancers_are_asked_for_as_the_spec_says(places: Places) -> None:
    """Without a provider: the Services are right, the ensemble serves, and the status has no address.

    Then the test acts as the provider, and the addresses appear.
    """
    external = {
        "type": "LoadBalancer",
        "annotations": {"example.org/internal": "true"},
    }
    ensemble = places.ensemble(replicas=3, external=external)
    for member in outside.MEMBERS:
        body = service(ensemble, member)
        assert body["spec"]["type"] == "LoadBalancer"
        assert body["spec"]["externalTrafficPolicy"] == "Local"
        assert body["spec"]["selector"]["statefulset.kubernetes.io/pod-name"] == f"zk-{member}"
        assert [p["port"] for p in body["spec"]["ports"]] == [2181]
        assert body["metadata"]["annotations"]["example.org/internal"] == "true"
    assert "externalConnectionString" not in ensemble.status()

    for member in outside.MEMBERS:
        ingress = [{"ip": f"198.51.100.{member}"}]
        ensemble.cluster.kubectl(
            *("--namespace", ensemble.namespace, "patch", "service", f"zk-{member}-external"),
            *("--subresource=status", "--type=merge"),
            f"--patch={json.dumps({'status': {'loadBalancer': {'ingress': ingress}}})}",
        )
    expected = ",".join(f"198.51.100.{m}:2181" for m in outside.MEMBERS)
    wait_until(
        "the addresses are told",
        lambda: ensemble.status().get("externalConnectionString") == expected,
        seconds=30,
        seen=lambda: ensemble.status().get("externalConnectionString"),
    )

    ensemble.change(external={"hostTemplate": "zk-{id}.example.org"})
    named = ",".join(f"zk-{m}.example.org:2181" for m in outside.MEMBERS)
    wait_until(
        "names of one's own are told",
        lambda: ensemble.status().get("externalConnectionString") == named,
        seconds=30,
    )
