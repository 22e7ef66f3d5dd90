"""Pods that do not start, or not completely: what the status names, and that the right spec fixes it."""

from e2e.ensembles import Ensemble, manifest
from e2e.places import Places

REPORTED_WITHIN = 45


def make(places: Places, **spec: object) -> Ensemble:
    """An ensemble that is not settled by itself."""
    ensemble = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(manifest(ensemble.namespace, **{"replicas": 1, **spec}))  # type: ignore[arg-type]
    return ensemble


def test_a_quota_that_refuses_the_pods(places: Places) -> None:
    """PodRefused quotes the API server; without the quota the ensemble is founded."""
    ensemble = Ensemble(places.cluster, places.namespace())
    places.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "small", "namespace": ensemble.namespace},
            "spec": {"hard": {"pods": "0"}},
        }
    )
    places.cluster.apply(manifest(ensemble.namespace, replicas=1))
    told = ensemble.wait_condition("Ready", "False", "PodRefused", seconds=REPORTED_WITHIN)
    assert "exceeded quota: small" in told["message"]
    assert ensemble.condition("RolledOut")["status"] == "False"
    places.cluster.delete("resourcequota", "small", ensemble.namespace)
    ensemble.wait_settled()


def test_a_secret_volume_that_does_not_exist(places: Places) -> None:
    """MountFailed names the Secret; when it is there the pod starts by itself."""
    certs = {"name": "certs", "secret": {"secretName": "zk-certs"}}
    mounted = {"name": "zookeeper", "volumeMounts": [{"name": "certs", "mountPath": "/certs"}]}
    ensemble = make(places, podTemplate={"spec": {"volumes": [certs], "containers": [mounted]}})
    told = ensemble.wait_condition("Ready", "False", "MountFailed", seconds=REPORTED_WITHIN)
    assert 'secret "zk-certs" not found' in told["message"]
    places.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "zk-certs", "namespace": ensemble.namespace},
            "stringData": {"tls.crt": "none"},
        }
    )
    ensemble.wait_settled()


def test_a_sidecar_that_ends(places: Places) -> None:
    """The member serves and is Ready; the container is named, with the field to change."""
    image = "zookeeper:3.9.4"
    failing = {
        "name": "shipper",
        "image": image,
        "command": ["bash", "-c", "sleep 1; exit 3"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    ensemble = make(places, podTemplate={"spec": {"containers": [failing]}})
    told = ensemble.wait_condition("Ready", "True", "SidecarFailed", seconds=3 * REPORTED_WITHIN)
    assert "container shipper" in told["message"]
    assert "exit code 3" in told["message"]
    assert "spec.resources" not in told["message"]
    works = {**failing, "command": ["sleep", "infinity"]}
    ensemble.change(podTemplate={"spec": {"containers": [works]}})
    ensemble.wait_settled()
