"""Routine work on a real cluster: no Warning, neither of the operator nor of the kubelet."""

import pytest
from e2e.ensembles import Ensemble
from e2e.places import Places


def warnings(ensemble: Ensemble) -> list[str]:
    """Every Warning Event of the namespace, as `object reason: message`."""
    found = ensemble.cluster.list("events", ensemble.namespace)
    return [
        f"{e['involvedObject']['name']} {e['reason']}: {e['message']}"
        for e in found
        if e["type"] == "Warning"
    ]


@pytest.mark.measured
def test_routine_work_is_no_warning(places: Places) -> None:
    """Create, roll, scale up and down, stop and start."""
    ensemble = places.ensemble(replicas=3)
    assert warnings(ensemble) == [], "a healthy start"
    ensemble.change(config={"maxClientCnxns": 100})
    ensemble.wait_settled()
    restarts = ensemble.events("RestartingMember")
    assert len(restarts) == 3
    assert all("spec.config.maxClientCnxns changed" in e["message"] for e in restarts)
    for replicas in (5, 3):
        ensemble.change(replicas=replicas)
        ensemble.wait_settled()
    ensemble.change(stopped=True)
    ensemble.wait_condition("Ready", "False", "Stopped", seconds=60)
    ensemble.change(stopped=False)
    ensemble.wait_settled()
    own = {"ZookeeperEnsemble"}
    mine = [
        e["message"]
        for e in ensemble.events()
        if e["type"] == "Warning" and e["involvedObject"]["kind"] in own
    ]
    assert mine == []


def test_client_tools_read_a_znode_as_large_as_the_server_holds(places: Places) -> None:
    """`jute.maxbuffer` of `jvm.options` holds for zkCli.sh in the pod."""
    options = ["-Djute.maxbuffer=8388608"]
    ensemble = places.ensemble(replicas=1, jvm={"options": options})
    ensemble.write("/large", "x" * 3_000_000)
    script = "printf 'get /large\\n' | zkCli.sh 2> /dev/null | tr -dc x | wc -c"
    out = ensemble.cluster.exec(ensemble.namespace, "zk-1", "bash", "-c", script)
    assert int(out.strip()) >= 3_000_000
