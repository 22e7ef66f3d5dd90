"""Takes the pictures of docs/img/ again: each member's page about the leader, before and after it is stopped.

python -m e2e.screenshots        # with the ensemble of the tutorial open on ports 8081 to 8083
"""

import sys
from pathlib import Path

from e2e import browser, outside
from e2e.cluster import CONTEXT, Cluster, wait_until
from e2e.ensembles import Ensemble
from e2e.tutorial import ROOT, use_tools


def take(folder: Path, when: str) -> None:
    """One picture of each member's page."""
    for member in outside.MEMBERS:
        file = folder / f"leader-{when}-{8080 + member}.png"
        browser.photograph(outside.admin_address(member, "leader"), file)
        print(file.relative_to(ROOT))


def main() -> int:
    """Take the pictures; the leader's pod is deleted in between, and comes back as a follower."""
    use_tools()
    ensemble = Ensemble(Cluster(CONTEXT), "course")
    folder = ROOT / "docs/img"
    outside.wait_open(ensemble)
    leader = ensemble.leader()
    take(folder, "before")
    ensemble.cluster.delete("pod", ensemble.pod_name(leader), ensemble.namespace)
    wait_until("another leads", lambda: ensemble.leader() != leader, seconds=120)
    ensemble.wait_settled(seconds=400)
    outside.wait_open(ensemble)
    take(folder, "after")
    return 0


if __name__ == "__main__":
    sys.exit(main())
