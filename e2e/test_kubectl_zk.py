"""`kubectl zk` on a real ensemble: it shows the true state, and what it plans is what happens."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.cluster import Object, run, wait_until
from e2e.ensembles import Ensemble, manifest


@pytest.fixture(autouse=True)
def _plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let kubectl find the plugin of this checkout."""
    here = Path(sys.executable).parent
    assert (here / "kubectl-zk").exists(), "install the checkout into this environment"
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{here}")


def command(ensemble: Ensemble, *arguments: str) -> list[str]:
    where = ("--context", ensemble.cluster.context, "--namespace", ensemble.namespace)
    return ["kubectl", "zk", arguments[0], *where, *arguments[1:]]


def zk(ensemble: Ensemble, *arguments: str, given: str | None = None) -> str:
    """What the command prints."""
    return run(*command(ensemble, *arguments), given=given).stdout


def zk_json(ensemble: Ensemble, *arguments: str, given: str | None = None) -> Any:
    """What the command prints for programs."""
    return json.loads(zk(ensemble, *arguments, "-o", "json", given=given))


def plan(ensemble: Ensemble, **spec: Any) -> Object:
    """What an edit of the whole spec would do."""
    edit = json.dumps(manifest(ensemble.namespace, ensemble.name, **spec))
    found: Object = zk_json(ensemble, "plan", "-f", "-", given=edit)
    return found


def edit(ensemble: Ensemble, **spec: Any) -> None:
    """Edit the whole spec, and wait until the edit is carried out."""
    generation = ensemble.body()["metadata"]["generation"]
    ensemble.cluster.apply(manifest(ensemble.namespace, ensemble.name, **spec))
    assert ensemble.body()["metadata"]["generation"] > generation
    ensemble.wait_settled(seconds=300)


def subjects(found: Object, kind: str) -> list[str]:
    return [step["subject"] for step in found["steps"] if step["kind"] == kind]


# ---- the state ----


def test_one_screen_tells_who_leads_and_who_follows(three: Ensemble) -> None:
    status = three.status()
    screen = zk(three, "status")
    assert f"{three.namespace}/zk  Serving" in screen
    assert "3 of 3 voters live, 2 needed, 1 more may be lost" in screen
    assert re.search(rf"^leader +{status['leader']['pod']} for \d+\w+, epoch", screen, re.MULTILINE)
    assert re.search(r"^next +nothing to do$", screen, re.MULTILINE)
    for member in status["members"]:
        assert re.search(
            rf"^{member['pod']} +{member['role']} +broadcast +yes ", screen, re.MULTILINE
        )
    assert "CONDITION" not in screen

    value = wait_until(
        "the members are asked",
        lambda: (v := zk_json(three, "status", "zk"))["source"] == "members" and v,
        seconds=60,
    )
    assert value["status"]["leader"]["id"] == three.leader()
    assert [m["lag"] for m in value["status"]["members"]] == [0, 0, 0]


def test_the_leader_and_nothing_else(three: Ensemble) -> None:
    assert zk(three, "leader") == f"zk-{three.leader()}\n"


def test_watch_keeps_the_screen_up_to_date(three: Ensemble) -> None:
    screen = in_terminal(three, "status", "--watch", until="nothing to do", then="\x03")
    assert screen.count("nothing to do") >= 1
    assert "Traceback" not in screen


def test_events_tell_its_story(three: Ensemble) -> None:
    told = zk_json(three, "events")
    assert [e["reason"] for e in told] == [e["reason"] for e in three.events()]
    assert "Founded" in zk(three, "events")


# ---- in a member ----


def test_a_tree_of_znodes(three: Ensemble) -> None:
    three.write("/plugin", "hello")
    try:
        for member in ("1", "2", "3"):
            three.read("/plugin", member=int(member))
            screen = zk(three, "tree", "/", "--member", member)
            assert re.search(r"^├── plugin  5 B$", screen, re.MULTILINE), screen
        (config,) = [
            child
            for child in zk_json(three, "tree", "/zookeeper")["children"]
            if child["path"] == "/zookeeper/config"
        ]
        assert config["size"] > 0
    finally:
        three.delete("/plugin")


def test_a_command_in_the_leader(three: Ensemble) -> None:
    said = zk(three, "shell", "--", "ls", "/")
    assert said.splitlines()[-1].startswith("["), said
    assert "zookeeper" in said.splitlines()[-1]


def test_a_session_at_a_terminal(three: Ensemble) -> None:
    screen = in_terminal(three, "shell", "--member", "1", until="(CONNECTED", then="ls /\rquit\r")
    assert "[zookeeper]" in screen


def in_terminal(ensemble: Ensemble, *arguments: str, until: str, then: str) -> str:
    """Run it at a terminal, type `then` when it has shown `until`; return all it showed until it ended."""
    ours, theirs = pty.openpty()
    # Ctrl-C needs a controlling terminal, and a process that does not ignore the signal, as everything does
    # that a shell has started in the background.
    session = ("setsid", "--ctty", "--wait", "env", "--default-signal=INT")
    with subprocess.Popen(
        [*session, *command(ensemble, *arguments)], stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown, typed, ended, end = "", False, False, time.monotonic() + 150
        try:
            while not ended and time.monotonic() < end:
                try:
                    shown += os.read(ours, 4096).decode(errors="replace")
                except OSError:  # the other end is closed
                    ended = True
                if not typed and until in shown:
                    os.write(ours, then.encode())
                    typed = True
        finally:
            process.kill()
            os.close(ours)
    assert typed, shown
    assert ended, shown
    return shown


# ---- what is planned ----


def test_at_rest_nothing_is_foretold(three: Ensemble) -> None:
    found = zk_json(three, "plan")
    assert (found["steps"], found["summary"]) == ([], "nothing to do")


def test_a_refused_edit_is_told_and_not_made(three: Ensemble) -> None:
    before = three.body()
    refused = json.dumps(manifest(three.namespace, replicas=4))
    done = run(*command(three, "plan", "-f", "-"), given=refused, check=False)
    assert done.returncode == 1
    assert "would be refused" in done.stdout
    assert "set allowEvenReplicas: true" in done.stdout
    assert three.body()["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_roll_goes_as_foretold(new_ensemble: Callable[..., Ensemble]) -> None:
    """A changed configuration: the same restarts in the same order, one hand-over, one new epoch."""
    ensemble = new_ensemble(replicas=3)
    leader, epoch, uids = ensemble.leader(), ensemble.epoch(), ensemble.pod_uids()
    spec = {"replicas": 3, "config": {"snapCount": 50000}}
    found = plan(ensemble, **spec)
    print(found["summary"])
    assert found["summary"] == "rolls 3 pods, one hand-over, no membership change"
    assert subjects(found, "hand over") == [f"zk-{leader}"]

    edit(ensemble, **spec)
    restarted = [
        pod["metadata"]["name"]
        for pod in sorted(ensemble.pods(), key=lambda p: p["metadata"]["creationTimestamp"])
        if uids[pod["metadata"]["name"]] != pod["metadata"]["uid"]
    ]
    assert restarted == subjects(found, "restart")
    assert ensemble.epoch() - epoch == found["elections"]
    assert plan(ensemble, **spec)["steps"] == []


def test_growth_and_shrinking_go_as_foretold(new_ensemble: Callable[..., Ensemble]) -> None:
    """1 → 3 → 1: the same members join and leave, and no member restarts."""
    ensemble = new_ensemble(replicas=1)
    epoch, uids = ensemble.epoch(), ensemble.pod_uids()
    grow = plan(ensemble, replicas=3)
    assert (grow["voters"], grow["restarts"]) == ([1, 2, 3], 0)
    edit(ensemble, replicas=3)
    assert ensemble.pod_uids().items() >= uids.items()
    assert membership_steps(ensemble) == subjects(grow, "join")
    assert ensemble.epoch() - epoch == grow["elections"]

    epoch, uids, told = ensemble.epoch(), ensemble.pod_uids(), len(membership_steps(ensemble))
    shrink = plan(ensemble, replicas=1)
    assert (shrink["voters"], shrink["restarts"]) == ([3, 2, 1], 0)
    edit(ensemble, replicas=1)
    wait_until("the others are gone", lambda: len(ensemble.pods()) == 1, seconds=60)
    assert ensemble.pod_uids().items() <= uids.items()
    assert membership_steps(ensemble)[told:] == subjects(shrink, "leave")
    assert ensemble.epoch() - epoch == shrink["elections"]


def membership_steps(ensemble: Ensemble) -> list[str]:
    """Who joined and left, by the Events, in order."""
    events = zk_json(ensemble, "events")
    step = re.compile(r"member (\d+) (?:gets a vote|leaves the configuration)")
    return [
        f"zk-{found[1]}"
        for e in events
        if e["reason"] in {"AddingMember", "RemovingMember"}
        and (found := step.match(e["message"])) is not None
    ]


def test_certificates_are_shown_as_every_port_serves_them(
    new_ensemble: Callable[..., Ensemble],
) -> None:
    """On both ports, the one that the status names; an ensemble without TLS has none to show."""
    ensemble = new_ensemble(replicas=1, tls={})
    wait_until(
        "it is secured", lambda: ensemble.condition("Secured")["status"] == "True", seconds=120
    )
    shown = zk_json(ensemble, "certificates")["ports"]
    serial = ensemble.status()["security"]["certificate"]["serial"]
    assert [(p["member"], p["port"], p["chain"][0]["serial"]) for p in shown] == [
        ("zk-1", 3888, serial),
        ("zk-1", 2281, serial),
    ]
    assert f"zk-1.{ensemble.namespace}.svc" in shown[0]["chain"][0]["names"]
    assert "valid" in zk(ensemble, "certificates")
