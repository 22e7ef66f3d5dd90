"""A real Kubernetes control plane as local processes, with pods that only pretend to run.

etcd, API server, controller manager and scheduler are the real ones. KWOK plays the kubelets: it
makes nodes ready and scheduled pods Running, with addresses of `processes.POD_NETWORK`, all of which
are this network namespace: who listens on 0.0.0.0:8080 is every pod's port 8080.
"""

import http.client
import json
import os
import ssl
import subprocess
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from e2e.tested import note
from tests.integration.processes import POD_NETWORK, Process

SERVER: Final = "https://127.0.0.1:6443"
ADMIN: Final = "admin-token"
RENEWED: Final = "renewed-admin-token"
"""Another token of the same user."""
NOBODY: Final = "nobody-token"
"""The token of a user who may do nothing."""
KUBERNETES: Final = os.environ.get("KUBERNETES") or "newest"
"""Which release the control plane is of."""
COMMAND: Final = " ".join(
    ["make integration", *([] if KUBERNETES == "newest" else [f"KUBERNETES={KUBERNETES}"])]
)
"""What runs the tests with it."""

_TOOLS: Final = Path(__file__).parents[2] / "e2e" / "kind" / "offline" / "tools.sh"
_ETCD: Final = "http://127.0.0.1:2379"
_PRODUCTS: Final = {"newest": "control-plane", "oldest": "oldest-control-plane"}
"""By what `KUBERNETES` asks for: that of the kind cluster, or the oldest that the chart installs on."""


def find_tools(product: str) -> Path:
    """The folder of a product of `tools.sh`, such as `prometheus`; built if need be."""
    done = subprocess.run([str(_TOOLS), product], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


def find_kubernetes() -> Path:
    """The folder of `kube` and `kwok`, of the release that the variable `KUBERNETES` asks for.

    Raises:
        ValueError: it asks for none of `newest` and `oldest`.
    """
    if KUBERNETES not in _PRODUCTS:
        raise ValueError(f"KUBERNETES is {KUBERNETES!r}: set it to one of {', '.join(_PRODUCTS)}")
    return find_tools(_PRODUCTS[KUBERNETES])


class ControlPlane:
    """One control plane in this network namespace; ready when `start` returns."""

    def __init__(self, *, tools: Path, directory: Path) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.certificate = directory / "certificates" / "apiserver.crt"
        self._tools = tools
        self._processes: list[Process] = []

    def start(self) -> None:
        """Start everything and wait until pods could be created."""
        for component in ("etcd", "apiserver", "controller-manager", "scheduler"):
            name = component if component == "etcd" else f"kube-{component}"
            (self.directory / name).symlink_to(self._tools / "kube")
        (self.directory / "kwok").symlink_to(self._tools / "kwok")
        key = self.directory / "service-accounts.key"
        subprocess.run(
            ["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True
        )
        tokens = self.directory / "tokens.csv"
        tokens.write_text(
            f'{ADMIN},admin,admin,"system:masters"\n{RENEWED},admin,admin,"system:masters"\n'
            f"{NOBODY},nobody,nobody\n",
            encoding="ascii",
        )
        self.write_kubeconfig(self.kubeconfig, ADMIN)
        config = f"--kubeconfig={self.kubeconfig}"
        self._run(
            *("etcd", "--data-dir=data", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}"),
        )
        self._run(
            *("kube-apiserver", f"--etcd-servers={_ETCD}", "--cert-dir=certificates"),
            *("--bind-address=127.0.0.1", "--secure-port=6443", "--advertise-address=10.128.0.1"),
            "--service-cluster-ip-range=10.0.0.0/16",
            *(f"--token-auth-file={tokens}", "--authorization-mode=RBAC", "--allow-privileged"),
            *(f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"),
            "--service-account-issuer=https://kubernetes.default.svc",
            *("--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000"),
        )
        self._wait_for(lambda: self.read("/readyz") == b"ok", "the API server")
        many = ("--kube-api-qps=500", "--kube-api-burst=1000", "--leader-elect=false")
        self._run(
            *("kube-controller-manager", config, *many),
            f"--service-account-private-key-file={key}",
            *("--concurrent-statefulset-syncs=20", "--horizontal-pod-autoscaler-sync-period=10m"),
            # However starved this machine is, nodes that only pretend to run are not to be given up.
            *("--node-monitor-grace-period=10h", "--node-startup-grace-period=10h"),
            "--controllers=*,-node-ipam-controller",
        )
        self._run("kube-scheduler", config, *many)
        self._run("kwok", config, "--manage-all-nodes", f"--cidr={POD_NETWORK}")
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait_for(
            lambda: json.loads(self.read(account))["kind"] == "ServiceAccount", "the controllers"
        )
        note(COMMAND, "Kubernetes", json.loads(self.read("/version"))["gitVersion"])

    def stop(self) -> None:
        """Kill everything, newest first."""
        while self._processes:
            self._processes.pop().kill()

    def write_kubeconfig(self, path: Path, token: str | Path, *, server: str = SERVER) -> None:
        """Write how to reach this API server, or a proxy of it, as the holder of a token, or of a file."""
        user = {"tokenFile": str(token)} if isinstance(token, Path) else {"token": token}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {
                            "name": "local",
                            "cluster": {
                                "server": server,
                                "certificate-authority": "certificates/apiserver.crt",
                            },
                        }
                    ],
                    "users": [{"name": "user", "user": user}],
                    "contexts": [
                        {"name": "local", "context": {"cluster": "local", "user": "user"}}
                    ],
                    "current-context": "local",
                }
            ),
            encoding="ascii",
        )

    def read(self, path: str) -> bytes:
        """Read something as admin, by no client of ours.

        Raises:
            OSError: it cannot be read (now).
        """
        trust = ssl.create_default_context(cafile=str(self.certificate))
        server = urllib.parse.urlsplit(SERVER)
        connection = http.client.HTTPSConnection(server.netloc, timeout=5, context=trust)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {ADMIN}"})
            return connection.getresponse().read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def _run(self, name: str, *arguments: str) -> None:
        process = Process(name, [str(self.directory / name), *arguments], directory=self.directory)
        self._processes.append(process)
        process.start()

    def _wait_for(self, ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                if ready():
                    return
            except (OSError, ValueError, KeyError):
                pass
            dead = [process for process in self._processes if not process.running]
            if dead or time.monotonic() > deadline:
                logs = "\n".join(f"--- {p.name}\n{p.tail()}" for p in dead or self._processes)
                raise TimeoutError(f"{what} did not become ready\n{logs}")
            time.sleep(0.05)
