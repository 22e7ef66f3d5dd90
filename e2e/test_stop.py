"""Stop and start: all members stop and come back, with the data, at whatever moment it happens."""

from collections.abc import Callable

from e2e.cluster import find_condition, stays, wait_until
from e2e.ensembles import Ensemble

New = Callable[..., Ensemble]


def stop(ensemble: Ensemble) -> None:
    """Stop it and wait until no pod is left."""
    ensemble.change(stopped=True)
    wait_until("no pod is left", lambda: not ensemble.pods(), seconds=90, seen=ensemble.pod_uids)
    ensemble.wait_condition("Ready", "False", "Stopped")
    wait_until(
        "the status says that nobody serves",
        lambda: ensemble.status()["quorum"]["live"] == 0,
        seconds=30,
        seen=ensemble.status,
    )


def start(ensemble: Ensemble, *, seconds: float = 180) -> None:
    """Start it and wait until it serves as its spec asks."""
    ensemble.change(stopped=False)
    ensemble.wait_settled(seconds=seconds)


def warnings(ensemble: Ensemble) -> list[tuple[str, str]]:
    """What has been warned of: reasons and messages."""
    return sorted((e["reason"], e["message"]) for e in ensemble.events() if e["type"] == "Warning")


def claims(ensemble: Ensemble) -> dict[str, str]:
    """The UIDs of its claims by name."""
    found = ensemble.cluster.list("pvc", ensemble.namespace)
    return {c["metadata"]["name"]: c["metadata"]["uid"] for c in found}


def committed(ensemble: Ensemble, member: int = 1) -> list[str]:
    """The server lines of the configuration, by a member's own file."""
    text = ensemble.cluster.exec(
        ensemble.namespace,
        ensemble.pod_name(member),
        "bash",
        "-c",
        'cat "$(sed -n s/^dynamicConfigFile=//p /conf/zoo.cfg)"',
    )
    return sorted(line for line in text.splitlines() if line.startswith("server."))


def test_t6_t11_stop_and_start_keep_data_and_membership(new_ensemble: New) -> None:
    """Data, claims, ids and the membership are what they were; no alarm is raised."""
    ensemble = new_ensemble(replicas=3, storage={
        "data": {"size": "256Mi"},
        # To Kubernetes it is scaled to nothing: not even this may cost the data.
        "retention": {"whenScaled": "Delete"},
    })  # fmt: skip
    ensemble.write("/kept", "through-a-stop")
    before, servers, epoch = claims(ensemble), committed(ensemble), ensemble.epoch()
    connection = ensemble.status()["connectionString"]
    told = warnings(ensemble)
    assert len(before) == 3

    stop(ensemble)
    stays("it stays down", lambda: not ensemble.pods(), seconds=5)
    body = ensemble.body()
    assert ensemble.table()["STATUS"] == "Stopped"
    assert find_condition(body, "QuorumHealthy")["reason"] == "Stopped"
    assert find_condition(body, "ScaleAllowed")["reason"] == "Stopped"
    assert body["status"]["nextAction"] == "nothing: the ensemble is stopped"
    assert body["status"]["connectionString"] == connection
    assert "leader" not in body["status"]
    assert claims(ensemble) == before
    ensemble.wait_event("Stopped")
    assert warnings(ensemble) == told, "a stop is no alarm"

    start(ensemble)
    assert claims(ensemble) == before
    assert committed(ensemble) == servers
    assert [ensemble.read("/kept", member=m) for m in (1, 2, 3)] == ["through-a-stop"] * 3
    assert ensemble.epoch() > epoch
    assert ensemble.status()["leader"]["id"] in {1, 2, 3}


def test_a_stop_in_the_middle_of_a_rollout_is_safe(new_ensemble: New) -> None:
    """Stopped when the leader has handed its vote over; after the start all members vote and are current."""
    ensemble = new_ensemble(replicas=3)
    ensemble.write("/kept", "through-a-rollout")
    ensemble.change(config={"tickTime": 2100})
    wait_until(
        "the leader has handed over",
        lambda: ensemble.events("HandingOverLeadership"),
        seconds=120,
        every=0.1,
    )
    stop(ensemble)
    start(ensemble)
    revisions = {m["revision"] for m in ensemble.status()["members"]}
    assert len(revisions) == 1
    assert [line.rpartition(";")[0].rpartition(":")[2] for line in committed(ensemble)] == [
        "participant"
    ] * 3
    for member in (1, 2, 3):
        config = ensemble.cluster.exec(
            ensemble.namespace, ensemble.pod_name(member), "cat", "/conf/zoo.cfg"
        )
        assert "tickTime=2100" in config
        assert ensemble.read("/kept", member=member) == "through-a-rollout"


def test_a_stop_in_the_middle_of_a_scaling_is_safe(new_ensemble: New) -> None:
    """Up and down: stopped half way, scaling continues after the start from what was committed."""
    ensemble = new_ensemble(replicas=3)
    ensemble.write("/kept", "through-a-scaling")
    ensemble.change(replicas=5)
    wait_until("the fourth member starts", lambda: ensemble.pod(4), seconds=60, every=0.1)
    stop(ensemble)
    start(ensemble, seconds=240)
    assert ensemble.status()["quorum"]["summary"] == "5/5"
    assert ensemble.read("/kept", member=5) == "through-a-scaling"

    ensemble.change(replicas=3)
    wait_until(
        "one has left",
        lambda: ensemble.status()["quorum"]["voters"] < 5,
        seconds=60,
        every=0.1,
    )
    stop(ensemble)
    start(ensemble)
    assert ensemble.status()["quorum"]["summary"] == "3/3"
    assert sorted(ensemble.pod_uids()) == ["zk-1", "zk-2", "zk-3"]
    assert [line.partition("=")[0] for line in committed(ensemble)] == [
        "server.1",
        "server.2",
        "server.3",
    ]
    assert [ensemble.read("/kept", member=m) for m in (1, 2, 3)] == ["through-a-scaling"] * 3
