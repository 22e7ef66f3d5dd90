"""Where applications connect: ConfigMap and Secret follow the members; a pod that mounts them works."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from e2e.cluster import wait_until
from e2e.ensembles import Ensemble

New = Callable[..., Ensemble]
APPLICATION = Path(__file__).parents[1] / "examples/application.yaml"


def hosts(ensemble: Ensemble, size: int) -> list[str]:
    """The members' own names."""
    return [f"zk-{m}.{ensemble.namespace}.svc.cluster.local" for m in range(1, size + 1)]


def told(ensemble: Ensemble) -> tuple[list[str], list[str], str]:
    """The hosts by the ConfigMap and by the Secret, and the connection string of the status."""
    config_map = ensemble.cluster.get("configmap", "zk-connection", ensemble.namespace)
    secret = ensemble.cluster.get("secret", "zk-connection", ensemble.namespace)
    assert config_map is not None
    assert secret is not None
    binding = {k: base64.b64decode(v).decode() for k, v in secret["data"].items()}
    assert secret["type"] == "servicebinding.io/zookeeper"
    assert binding["type"] == "zookeeper"
    assert binding["uri"] == f"zookeeper://{binding['connectionString']}"
    assert config_map["data"]["port"] == binding["port"] == "2181"
    assert config_map["data"]["chroot"] == ""
    listed = config_map["data"]["hosts"].split(",")
    assert config_map["data"]["connectionString"] == ",".join(f"{h}:2181" for h in listed)
    bound = [part.rpartition(":")[0] for part in binding["connectionString"].split(",")]
    return listed, bound, ensemble.status()["connectionString"]


@pytest.mark.slow
def test_applications_find_every_member_and_follow_a_scaling(new_ensemble: New) -> None:
    """3 → 5 → 3: all three places say the same; a Deployment that mounts them writes, and sees the change."""
    ensemble = new_ensemble(replicas=3)
    listed, bound, status = told(ensemble)
    assert listed == bound == hosts(ensemble, 3)
    assert status == ",".join(f"{h}:2181" for h in listed)

    example = yaml.safe_load(APPLICATION.read_text(encoding="utf-8"))
    example["metadata"]["namespace"] = ensemble.namespace
    ensemble.cluster.apply(example)

    def log() -> str:
        return ensemble.cluster.logs(ensemble.namespace, "deployment/application")

    wait_until("the application writes", lambda: "wrote to one of" in log(), seconds=90, seen=log)
    assert f"started with {status}" in log()
    assert ensemble.read("/application", member=2).startswith("20")

    ensemble.change(replicas=5)
    ensemble.wait_settled(seconds=240)
    listed, bound, status = told(ensemble)
    assert listed == bound == hosts(ensemble, 5)
    assert status == ",".join(f"{h}:2181" for h in listed)
    wait_until(
        "the mounted binding follows",
        lambda: f"wrote to one of {status}" in log(),
        seconds=200,
        every=3,
        seen=log,
    )

    ensemble.change(replicas=3)
    ensemble.wait_settled(seconds=240)
    listed, bound, _ = told(ensemble)
    assert listed == bound == hosts(ensemble, 3)
