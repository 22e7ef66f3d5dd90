"""A configuration belongs to the revision of a pod: a bad one reaches no member that no roll has touched."""

import pytest
from e2e.cluster import wait_until
from e2e.ensembles import Ensemble
from e2e.places import Places

pytestmark = pytest.mark.chaos

BAD = {"metricsProvider.className": "no.such.Provider"}
"""Only the server can know that there is no such class; it ends, and its log says why."""


def rolled_first(ensemble: Ensemble, before: dict[str, str]) -> int:
    """The member that was restarted for the new configuration."""
    changed = [name for name, uid in ensemble.pod_uids().items() if before[name] != uid]
    assert len(changed) == 1, f"the roll did not stop at one member: {changed}"
    return int(changed[0].rpartition("-")[2])


def restart_container(ensemble: Ensemble, member: int) -> None:
    """End a member's process and wait until its container runs and serves again."""
    pod = ensemble.pod_name(member)
    before = ensemble.restarts()[pod]
    ensemble.signal(member, "KILL")
    wait_until(
        f"{pod} has been restarted in its pod and serves",
        lambda: ensemble.restarts()[pod] > before and serves(ensemble, member),
        seconds=60,
        seen=lambda: ensemble.status().get("members"),
    )


def serves(ensemble: Ensemble, member: int) -> bool:
    """Whether the status says that a member serves."""
    members = ensemble.status().get("members") or []
    return any(m["id"] == member and m["serving"] for m in members)


def test_a_container_that_restarts_has_the_configuration_of_its_revision(places: Places) -> None:
    """A class that does not exist stops the roll at one member; the others continue with what they had."""
    ensemble = places.ensemble()
    ensemble.write("/kept", "through")
    before = ensemble.pod_uids()
    ensemble.change(config=BAD)
    ensemble.wait_condition("RolledOut", "False", "RolloutStopped", seconds=120)
    broken = rolled_first(ensemble, before)
    for member in sorted({1, 2, 3} - {broken}):
        restart_container(ensemble, member)
        text = ensemble.cluster.exec(
            ensemble.namespace, ensemble.pod_name(member), "cat", "/conf/zoo.cfg"
        )
        assert "no.such.Provider" not in text
    assert ensemble.read("/kept", member=min({1, 2, 3} - {broken})) == "through"
    assert rolled_first(ensemble, before) == broken, "no other pod was touched"

    ensemble.change(config={"metricsProvider.className": None})
    ensemble.wait_settled()
    assert rolled_first(ensemble, before) == broken, (
        "the others have run the right one all the time"
    )
    assert ensemble.read("/kept") == "through"


def test_a_platform_sets_the_user(places: Places) -> None:
    """`mode: Platform` leaves the ids out; members run under those that the platform sets instead."""
    user = 12_345
    ids = {"runAsUser": user, "runAsGroup": 0, "fsGroup": user}
    ensemble = places.ensemble(
        replicas=1,
        securityContext={"mode": "Platform"},
        podTemplate={"spec": {"securityContext": ids}},  # as an admission of the platform would
    )
    pod = ensemble.pod_name(1)
    found = ensemble.cluster.exec(ensemble.namespace, pod, "bash", "-c", "echo $UID")
    assert found.strip() == str(user)
    ensemble.write("/kept", "by another user")
    restart_container(ensemble, 1)
    assert ensemble.read("/kept") == "by another user"
