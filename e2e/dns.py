"""CoreDNS as it may be elsewhere: caching the names of the cluster itself for 30 s.

kubeadm turns that off for new clusters; older clusters and node-local caches have it. A cached address of a
pod that is gone is the difference between a member that is back after six seconds and after half a minute.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from e2e.cluster import Cluster

_CACHE: Final = re.compile(r"^( *)cache 30( *\{.*?^\1\})?", re.MULTILINE | re.DOTALL)


@contextmanager
def cached_names(cluster: Cluster) -> Iterator[None]:
    """Cache every name for 30 s as long as the block lasts, and then restore the configuration."""
    found = cluster.get("configmap", "coredns", "kube-system")
    assert found is not None
    before: str = found["data"]["Corefile"]
    during, count = _CACHE.subn(r"\1cache 30", before)
    assert count == 1, f"no `cache 30` in the Corefile:\n{before}"
    try:
        _serve(cluster, during)
        yield
    finally:
        _serve(cluster, before)


def _serve(cluster: Cluster, corefile: str) -> None:
    cluster.patch("configmap", "coredns", "kube-system", {"data": {"Corefile": corefile}})
    # `reload` would notice within a minute; a new pod knows at once.
    dns = ("--namespace", "kube-system", "rollout")
    cluster.kubectl(*dns, "restart", "deployment/coredns")
    cluster.kubectl(*dns, "status", "deployment/coredns", "--timeout=120s", timeout=150)
