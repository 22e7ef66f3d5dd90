"""Another version of the operator takes over what one has created: no restart; only the status is written."""

import time
from pathlib import Path

import pytest
from e2e.cluster import Object, wait_until
from e2e.ensembles import KINDS_AROUND, Ensemble, comparable, manifest
from e2e.places import Operator, Places
from e2e.versions import FIRST, ROOT, running, unpack, without_installed

pytestmark = pytest.mark.alone  # the installed operator is scaled to 0 meanwhile

QUIET_SECONDS = 8
BACKUPS = {"podSelector": {"matchLabels": {"zookeeper.ensemble.dev/backup-of": "zk"}}}
SPEC = {
    "config": {"maxClientCnxns": 61},
    "observers": {"replicas": 1},
    "podTemplate": {"metadata": {"annotations": {"team": "a"}}},
}


def test_an_upgrade_and_a_downgrade_of_the_operator_restart_nobody(
    places: Places, operator: Operator, tmp_path: Path
) -> None:
    """Version 0.1 creates, this one takes over, changes, hands back: pods stay, only the status changes."""
    first = unpack(FIRST, tmp_path)
    ensemble = Ensemble(places.cluster, places.namespace())
    log = tmp_path / "operator.log"

    with without_installed(operator):
        with running(places.cluster, first, ensemble.namespace, log):
            places.cluster.apply(manifest(ensemble.namespace, **SPEC))  # type: ignore[arg-type]
            ensemble.wait_settled()
            ensemble.wait_calm(seconds=5)
        known = contents(ensemble)
        ensemble.write("/kept", "through")

        with running(places.cluster, ROOT / "operator", ensemble.namespace, log):
            pods = unchanged(ensemble, known)
            # The next change that the user makes brings what this version builds differently.
            ensemble.change(config={"maxClientCnxns": 62})
            ensemble.wait_settled()
            assert not set(ensemble.pod_uids().values()) & set(pods.values())
            ensemble.wait_calm(seconds=5)
            assert ensemble.cluster.get("configmap", "zk-config", ensemble.namespace) is not None

        with running(places.cluster, first, ensemble.namespace, log):
            pods = taken_over(ensemble)
            ensemble.change(replicas=1)
            ensemble.wait_settled()
            # It is settled when the spec's members are: those that have left may still be shutting down.
            wait_until("who left is gone", lambda: len(ensemble.pod_uids()) == 2, seconds=60)
            assert ensemble.pod_uids()["zk-1"] == pods["zk-1"]

        with running(places.cluster, ROOT / "operator", ensemble.namespace, log):
            assert taken_over(ensemble)["zk-1"] == pods["zk-1"]
        assert ensemble.read("/kept") == "through"


def contents(ensemble: Ensemble) -> dict[str, Object]:
    """What everything around the ensemble says, without its status."""
    return {
        f"{o['kind']}/{o['metadata']['name']}": comparable(o)
        for o in ensemble.cluster.list(KINDS_AROUND, ensemble.namespace)
    }


def unchanged(ensemble: Ensemble, known: dict[str, Object]) -> dict[str, str]:
    """Check that an operator that takes over changes claim labels and one policy at most; return the pods.

    It removes a label by which a GitOps tool would remove the claims, and lets backups reach the members. The
    status may have more in it.
    """
    pods = taken_over(ensemble)
    ensemble.wait_calm(seconds=3)
    now = contents(ensemble)
    assert now.keys() == known.keys()
    policy = f"NetworkPolicy/{ensemble.name}"
    before, after = (peers_of(objects.pop(policy)) for objects in (known, now))
    assert [peer for peer in after if peer not in before] == [BACKUPS]
    assert all(peer in after for peer in before)
    changed = {k for k in now if now[k] != known[k]}
    written = {k: (known[k], now[k]) for k in changed if not k.startswith("PersistentVolumeClaim/")}
    assert not written
    assert all(now[k]["spec"] == known[k]["spec"] for k in changed)
    return pods


def peers_of(policy: Object) -> list[Object]:
    """Everyone whom a policy lets in, whatever the port."""
    return [peer for rule in policy["spec"]["ingress"] for peer in rule.get("from", ())]


def taken_over(ensemble: Ensemble) -> dict[str, str]:
    """Check that an operator that has just started finds everything and restarts nothing; return the pods."""
    pods, restarts = ensemble.pod_uids(), ensemble.restarts()
    time.sleep(QUIET_SECONDS)  # the restarts that must not come would come now
    wait_until("it serves as its spec asks", ensemble.is_settled, seconds=30)
    assert ensemble.pod_uids() == pods
    assert ensemble.restarts() == restarts
    return pods
