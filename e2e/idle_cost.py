"""What members cost the node while they are idle: CPU by process, beside the same node without them.

Creates ensembles of five members, waits until each serves, and reads the CPU time of every process of the
node twice, with a pause between: the time of processes that have ended in between counts for the process
that waited for them. Prints one table in Markdown.

    python -m e2e.idle_cost          # twenty members
    MEMBERS=40 MEASURE_SECONDS=120 python -m e2e.idle_cost
"""

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from e2e.cluster import Cluster, find_condition, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Operator

ROOT: Final = Path(__file__).parents[1]
MEMBERS: Final = int(os.environ.get("MEMBERS", "20"))
SECONDS: Final = float(os.environ.get("MEASURE_SECONDS", "60"))
OF_ONE: Final = 5
"""Members of an ensemble."""
SETTLE_SECONDS: Final = 30
READY_SECONDS: Final = 600
NAMESPACE: Final = "idle-cost"
NAMES: Final = {
    "java": "members",
    "kubelet": "kubelet",
    "containerd": "container runtime",
    "containerd-shim": "container runtime",
    "python": "operator",
    "kube-apiserver": "API server and etcd",
    "etcd": "API server and etcd",
}
"""What is shown of each process; the others are left out: they do nothing for an idle member."""

Cost = Mapping[str, float]
"""Cores by what took them."""


def fetch_cost(cluster: Cluster, node: str, seconds: float) -> Cost:
    """Cores that each kind of process uses over a period."""
    before, since = _fetch_ticks(cluster, node), time.monotonic()
    time.sleep(seconds)
    after, passed = _fetch_ticks(cluster, node), time.monotonic() - since
    ticks_per_second = os.sysconf("SC_CLK_TCK")
    return {k: (after[k] - before[k]) / ticks_per_second / passed for k in sorted(after)}


def _fetch_ticks(cluster: Cluster, node: str) -> Counter[str]:
    """Clock ticks that each kind of process has used, with the children it has waited for."""
    ticks: Counter[str] = Counter(dict.fromkeys(NAMES.values(), 0))
    script = "cat /proc/[0-9]*/stat 2> /dev/null || true"  # some end meanwhile
    for line in cluster.on_node(node, "sh", "-c", script).splitlines():
        command, _, rest = line.partition(" (")[2].rpartition(") ")
        if command in NAMES:
            ticks[NAMES[command]] += sum(int(field) for field in rest.split()[11:15])
    return ticks


def create(cluster: Cluster) -> None:
    """Create the ensembles, and wait until each serves."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    names = [f"idle-{number}" for number in range(MEMBERS // OF_ONE)]
    for name in names:
        cluster.apply(manifest(NAMESPACE, name, replicas=OF_ONE))
        ensemble = Ensemble(cluster, NAMESPACE, name)
        wait_until(f"{name} serves", ensemble.is_settled, seconds=READY_SECONDS)


def table(without: Cost, with_members: Cost) -> str:
    """The table; millicores for one member beside the cores for all."""
    rows = [
        "| | without members | with them | for each member |",
        "| --- | ---: | ---: | ---: |",
    ]
    names = dict.fromkeys(NAMES.values())
    rows += [_row(name, without[name], with_members[name]) for name in names]
    rows.append(_row("all of it", sum(without.values()), sum(with_members.values())))
    return "\n".join(rows)


def _row(name: str, without: float, with_members: float) -> str:
    each = (with_members - without) / MEMBERS
    return f"| {name} | {without:.3f} cores | {with_members:.3f} cores | {1000 * each:.1f} millicores |"


def main() -> None:
    """Measure, print, and remove what was created."""
    cluster = Cluster(f"kind-{os.environ.get('CLUSTER', 'zookeeper-operator')}")
    Operator(cluster).install(ROOT)
    (node,) = (n["metadata"]["name"] for n in cluster.list("nodes") if _is_ready(n))
    try:
        time.sleep(SETTLE_SECONDS)
        without = fetch_cost(cluster, node, SECONDS)
        create(cluster)
        time.sleep(SETTLE_SECONDS)
        with_members = fetch_cost(cluster, node, SECONDS)
    finally:
        cluster.delete("namespace", NAMESPACE, "", "--ignore-not-found")
    load = os.getloadavg()[2]
    print(
        f"{MEMBERS} members, {SECONDS:.0f} s each; load average of the last 15 minutes {load:.1f}\n"
    )
    print(table(without, with_members))


def _is_ready(node: Mapping[str, object]) -> bool:
    return find_condition(dict(node), "Ready").get("status") == "True"


if __name__ == "__main__":
    main()
