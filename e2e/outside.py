"""The way in from this machine: the node ports that the kind cluster maps to ports of 127.0.0.1.

Each port exists once, so only one ensemble at a time can have them.
"""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from e2e.cluster import Cluster, Object, wait_until
from e2e.ensembles import Ensemble

MEMBERS: Final = (1, 2, 3)
NODE_PORTS: Final = frozenset(
    port for member in MEMBERS for port in (30180 + member, 30080 + member)
)
EXTERNAL: Final[Mapping[str, Any]] = {
    "type": "NodePort",
    "adminServer": True,
    "externalTrafficPolicy": "Cluster",
    "hostTemplate": "127.0.0.1",
    "portBase": 2181,
    "members": [
        {"id": member, "nodePort": 30180 + member, "adminNodePort": 30080 + member}
        for member in MEMBERS
    ],
}
CONNECTION_STRING: Final = "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183"


def client_address(member: int) -> str:
    """Where a member's client port is on this machine."""
    return f"127.0.0.1:{2180 + member}"


def admin_address(member: int, command: str) -> str:
    """A page of a member's AdminServer on this machine."""
    return f"http://127.0.0.1:{8080 + member}/commands/{command}"


def ask(member: int, command: str) -> Object:
    """What a member's AdminServer says to a browser on this machine."""
    with urllib.request.urlopen(admin_address(member, command), timeout=5) as answer:  # noqa: S310 -- our own
        found: Object = json.loads(answer.read())
        return found


def named_leader(member: int) -> int:
    """The leader, by a member's own page; 0 while it names none."""
    try:
        answer = ask(member, "leader")
    except OSError:
        return 0
    return int(answer["leader_id"]) if not answer.get("error") else 0


def holders(cluster: Cluster) -> list[str]:
    """Which Services have the node ports now."""
    found = json.loads(cluster.raw("/api/v1/services"))["items"]
    return sorted(
        f"{s['metadata']['namespace']}/{s['metadata']['name']}"
        for s in found
        if NODE_PORTS & {p.get("nodePort") for p in s["spec"].get("ports") or ()}
    )


def wait_free(cluster: Cluster) -> None:
    """Wait until no Service has the node ports any more."""
    wait_until(
        "the node ports that lead to this machine are free",
        lambda: not holders(cluster),
        seconds=120,
        seen=lambda: holders(cluster),
    )


def wait_open(ensemble: Ensemble) -> None:
    """Wait until every member answers on its own port of this machine and names the leader."""
    wait_until(
        "every member's page is reached from this machine",
        lambda: {named_leader(m) for m in MEMBERS} == {ensemble.leader()},
        seconds=180,
        seen=lambda: [named_leader(m) for m in MEMBERS],
    )


def wait_away(member: int) -> None:
    """Wait until a member does not serve."""
    wait_until(f"member {member} is away", lambda: named_leader(member) == 0, seconds=30, every=0.1)
