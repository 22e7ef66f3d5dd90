"""Observers: they serve clients and never vote; as many as asked for, by a StatefulSet of their own."""

import pytest
from e2e.changes import Kept, ask_for_restart, check_published, wait_rolled, writing
from e2e.cluster import wait_until
from e2e.ensembles import Ensemble
from e2e.places import Places

pytestmark = pytest.mark.chaos

VOTERS = (1, 2, 3)
OBSERVERS = {"zk-observer-101": 101, "zk-observer-102": 102}


def test_observers_come_serve_roll_and_go(places: Places) -> None:
    """0 to 2 to 0 under writers, with a roll and the loss of one in between; no vote and no voter moves."""
    ensemble = places.ensemble()
    kept = Kept.before(ensemble)
    with writing(ensemble, everyone=VOTERS, pinned=VOTERS) as writer:
        ensemble.change(observers={"replicas": 2})
        wait_until(
            "both observers serve",
            lambda: ensemble.is_settled() and ensemble.status().get("observers") == len(OBSERVERS),
            seconds=120,
            seen=ensemble.status,
        )
        check_members(ensemble)
        check_published(ensemble)
        kept.check_untouched(VOTERS)
        assert kept.elections() == 0

        ensemble.write("/seen-by", "everybody")
        for name in OBSERVERS:
            said = ensemble.cluster.exec(
                ensemble.namespace,
                name,
                *("bash", "-c", "zkCli.sh 2>&1 || true"),
                given="sync /seen-by\nget /seen-by\nquit\n",
            )
            assert "\neverybody\n" in said

        ensemble.cluster.delete(
            *("pod", "zk-observer-102", ensemble.namespace, "--force", "--grace-period=0")
        )
        wait_until(
            "the loss is seen",
            lambda: ensemble.status().get("observers") == 1,
            seconds=30,
            every=0.2,
        )
        assert ensemble.condition("QuorumHealthy")["status"] == "True"
        assert ensemble.status()["quorum"]["tolerates"] == 1, "an observer was not counted"
        wait_until(
            "it is back", lambda: ensemble.status().get("observers") == 2, seconds=60, every=0.5
        )

        pods = ensemble.pod_uids()
        told = len(ensemble.events("RestartingMember"))
        ask_for_restart(ensemble)
        wait_rolled(ensemble, pods)
        assert kept.elections() <= 1
        order = [
            event["message"].split(":")[0].removeprefix("restarting ")
            for event in ensemble.events("RestartingMember")[told:]
        ]
        assert set(order[:2]) == set(OBSERVERS), "who has no vote goes first"

        ensemble.change(observers={"replicas": 0})
        wait_until(
            "both are gone",
            lambda: ensemble.is_settled() and len(ensemble.pods()) == len(VOTERS),
            seconds=90,
        )
        kept.check_clients(writer.stop())
    check_published(ensemble)
    wait_until(
        "nothing of them is left",
        lambda: (
            ensemble.cluster.get("statefulset", "zk-observer", ensemble.namespace) is None
            and not [
                s
                for s in ensemble.cluster.list("services", ensemble.namespace)
                if "observer" in s["metadata"]["name"]
            ]
        ),
        seconds=30,
    )


def check_members(ensemble: Ensemble) -> None:
    """Two observers with ids from 101, beside three voters."""
    status = ensemble.status()
    told = {m["pod"]: (m["id"], m["role"], m["serving"]) for m in status["members"]}
    for name, member_id in OBSERVERS.items():
        assert told[name] == (member_id, "observer", True)
        assert ensemble.cluster.get("service", name, ensemble.namespace) is not None
    quorum = status["quorum"]
    assert (quorum["voters"], quorum["needed"], quorum["live"]) == (3, 2, 3)
    assert status["replicas"] == len(VOTERS), "the scale subresource is about voters"
    statefulset = ensemble.cluster.get("statefulset", "zk-observer", ensemble.namespace)
    assert statefulset is not None
    assert statefulset["spec"]["replicas"] == len(OBSERVERS)
