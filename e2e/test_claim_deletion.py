"""Claims that are deleted under running members: `kubectl delete pvc --wait=false`.

Kubernetes keeps such a claim until its pod ends, and then the data is gone.
"""

import pytest
from e2e.changes import Kept, writing
from e2e.cluster import stays, wait_until
from e2e.ensembles import Ensemble
from e2e.places import Places

pytestmark = pytest.mark.chaos

VOTERS = (1, 2, 3)


def claim_uids(ensemble: Ensemble) -> dict[int, str]:
    return {member: ensemble.claim(member)["metadata"]["uid"] for member in VOTERS}


def test_no_data_is_lost_with_claims_that_are_being_deleted(places: Places) -> None:
    """All three claims: nothing ends a pod until a person confirms, and then one follows the other."""
    ensemble = places.ensemble()
    kept, old = Kept.before(ensemble), claim_uids(ensemble)
    followers = ensemble.followers()
    inside = ("--namespace", ensemble.namespace)
    with writing(ensemble, everyone=VOTERS) as writer:
        claims = [f"data-zk-{member}" for member in VOTERS]
        ensemble.cluster.kubectl(*inside, "delete", "pvc", "--wait=false", *claims)
        ensemble.wait_condition("StorageHealthy", "False", "ClaimBeingDeleted")
        (event,) = ensemble.wait_event("ClaimBeingDeleted")
        assert event["type"] == "Warning"

        # Neither a roll nor a stop ends a pod.
        ensemble.change(config={"tickTime": "2500"})
        ensemble.wait_condition("RolledOut", "False", "ClaimBeingDeleted")
        ensemble.change(stopped=True)
        refused = ensemble.wait_condition("Ready", "False", "ClaimBeingDeleted")
        assert refused["message"].startswith("the stop is refused for now")
        stays("every pod", lambda: ensemble.pod_uids() == kept.pods, seconds=5)
        ensemble.change(stopped=False)

        # Two are confirmed by a person; then a majority keeps the data, and the last one follows by itself.
        pods = map(ensemble.pod_name, followers)
        ensemble.cluster.kubectl(
            *inside, "annotate", "pod", *pods, "zookeeper.ensemble.dev/replace=true"
        )
        wait_until(
            "every member has a new claim",
            lambda: not set(claim_uids(ensemble).values()) & set(old.values()),
            seconds=120,
            seen=lambda: ensemble.status().get("nextAction"),
        )
        ensemble.wait_settled()
        kept.check_clients(writer.stop())
    assert ensemble.condition("StorageHealthy")["status"] == "True"
