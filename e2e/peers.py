"""Pods that try to connect, and that can be connected to: who reaches which port through NetworkPolicies.

Every pod here listens at `PORTS` and answers nothing. One run of a program tries many ports at once.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

from e2e.cluster import Cluster, Object, find_condition, wait_until
from e2e.writer.handle import IMAGE

Answer = Literal["open", "refused", "silent"]
"""Whether a port was reached. What is refused has passed the network too: only silence is a closed door."""

PORTS: Final = (8080, 9001, 9002, 9003, 9004, 9005)

_LISTEN: Final = """
import socket, sys, threading
for port in sys.argv[1:]:
    server = socket.create_server(("", int(port)))
    def serve(server=server):
        while True:
            server.accept()[0].close()
    threading.Thread(target=serve, daemon=True).start()
threading.Event().wait()
"""
_TRY: Final = """
import concurrent.futures, json, socket, sys
def attempt(port):
    try:
        socket.create_connection((sys.argv[1], port), timeout=2).close()
        return "open"
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
ports = [int(port) for port in sys.argv[2:]]
with concurrent.futures.ThreadPoolExecutor(len(ports)) as pool:
    print(json.dumps(dict(zip(ports, pool.map(attempt, ports)))))
"""
# A member has no Python. 124 is the exit code of `timeout`.
_TRY_BY_SHELL: Final = """
for port in "${@:2}"; do
  { timeout 2 bash -c "< /dev/tcp/$1/$port" 2> /dev/null
    case $? in 0) echo "$port open" ;; 124) echo "$port silent" ;; *) echo "$port refused" ;; esac; } &
done
wait
"""


@dataclass(frozen=True)
class Peer:
    """A pod from which ports are tried."""

    cluster: Cluster
    namespace: str
    name: str

    @property
    def address(self) -> str:
        """The address of the pod."""
        found = self.cluster.get("pod", self.name, self.namespace)
        assert found is not None, f"there is no pod {self.namespace}/{self.name}"
        address: str = found["status"]["podIP"]
        return address

    def label(self, **labels: str | None) -> None:
        """Change labels of the pod."""
        self.cluster.patch("pod", self.name, self.namespace, {"metadata": {"labels": labels}})

    def answers(self, address: str, ports: Sequence[int]) -> dict[int, Answer]:
        """What each port of an address answers to this pod."""
        program = ("python", "-c", _TRY)
        out = self.cluster.exec(self.namespace, self.name, *program, address, *map(str, ports))
        return {int(port): answer for port, answer in json.loads(out).items()}

    def wait_only(self, open_: Sequence[int], address: str, ports: Sequence[int]) -> None:
        """Wait until of these ports exactly those are open to this pod, and all the others are silent."""
        wanted = {port: "open" if port in open_ else "silent" for port in ports}
        seen: dict[int, Answer] = {}

        def look() -> bool:
            seen.update(self.answers(address, ports))
            return seen == wanted

        wait_until(
            f"{self.namespace}/{self.name} reaches only {list(open_)} of {address}",
            look,
            seconds=30,
            seen=lambda: seen,
        )


@dataclass(frozen=True)
class Member(Peer):
    """A member of an ensemble as such a pod."""

    def answers(self, address: str, ports: Sequence[int]) -> dict[int, Answer]:
        """What each port of an address answers to this member."""
        shell = ("bash", "-c", _TRY_BY_SHELL, "bash")
        out = self.cluster.exec(self.namespace, self.name, *shell, address, *map(str, ports))
        found: dict[int, Answer] = {}
        for line in out.splitlines():
            port, answer = line.split()
            assert answer in {"open", "refused", "silent"}
            found[int(port)] = answer  # type: ignore[assignment] # one of those three
        return found


def wait_doors(
    address: str, ports: Sequence[int], open_to: Iterable[tuple[Peer, Sequence[int]]]
) -> None:
    """Wait until each pod reaches exactly those ports of an address that stand beside it; all try at once."""
    cases = list(open_to)
    with ThreadPoolExecutor(len(cases)) as pool:
        for done in [pool.submit(peer.wait_only, open_, address, ports) for peer, open_ in cases]:
            done.result()


def create_peers(
    cluster: Cluster, pods: Mapping[tuple[str, str], Mapping[str, str]]
) -> dict[str, Peer]:
    """Create a pod for each namespace and name, with its labels, and wait until all listen; by name."""
    cluster.apply(*(_pod(namespace, name, labels) for (namespace, name), labels in pods.items()))
    for namespace, name in pods:
        wait_until(
            f"{namespace}/{name} listens",
            lambda n=namespace, p=name: _is_ready(cluster.get("pod", p, n)),  # type: ignore[misc]
            seconds=90,
        )
    return {name: Peer(cluster, namespace, name) for namespace, name in pods}


def _is_ready(pod: Object | None) -> bool:
    return find_condition(pod, "Ready").get("status") == "True"


def _pod(namespace: str, name: str, labels: Mapping[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "peer",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", _LISTEN, *map(str, PORTS)],
                    "ports": [{"name": "first", "containerPort": 9001}],
                    "readinessProbe": {
                        "tcpSocket": {"port": PORTS[-1]},
                        "periodSeconds": 1,
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"memory": "64Mi"},
                    },
                }
            ],
        },
    }
