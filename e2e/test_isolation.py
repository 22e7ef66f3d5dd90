"""Ensembles in one cluster do not affect each other."""

from e2e.cluster import Object, wait_until
from e2e.ensembles import Ensemble, manifest
from e2e.places import Places

KINDS = "statefulsets,services,configmaps,secrets,poddisruptionbudgets,networkpolicies,pods,pvc"


def versions(ensemble: Ensemble) -> dict[tuple[str, str], str]:
    """The resource versions of everything of one ensemble."""
    found: list[Object] = ensemble.cluster.list(
        KINDS, ensemble.namespace, selector=f"zookeeper.ensemble.dev/ensemble={ensemble.name}"
    )
    return {(o["kind"], o["metadata"]["name"]): o["metadata"]["resourceVersion"] for o in found}


def make(places: Places, *ensembles: tuple[str, str]) -> list[Ensemble]:
    """Ensembles of one member each, created at the same moment."""
    for namespace, name in ensembles:
        places.cluster.apply(manifest(namespace, name, replicas=1))
    made = [Ensemble(places.cluster, namespace, name) for namespace, name in ensembles]
    for ensemble in made:
        ensemble.wait_settled()
    return made


def check_apart(first: Ensemble, second: Ensemble) -> None:
    """Each has its own data; a change and the deletion of the first leave the second untouched."""
    assert first.status()["identity"] != second.status()["identity"]
    first.write("/whose", "first")
    second.write("/whose", "second")
    assert (first.read("/whose"), second.read("/whose")) == ("first", "second")
    second.wait_settled()
    before, generation = versions(second), second.body()["metadata"]["generation"]

    first.change(config={"maxClientCnxns": 61})
    first.wait_settled()
    assert first.read("/whose") == "first"
    assert versions(second) == before

    first.cluster.delete("zke", first.name, first.namespace)
    wait_until("the first one is gone", lambda: not first.pods(), seconds=60)
    assert versions(second) == before
    assert second.body()["metadata"]["generation"] == generation
    assert second.read("/whose") == "second"


def test_the_same_name_in_two_namespaces(places: Places) -> None:
    """Two ensembles of the same name."""
    check_apart(*make(places, (places.namespace(), "zk"), (places.namespace(), "zk")))


def test_two_names_in_one_namespace(places: Places) -> None:
    """Two ensembles, the name of one the beginning of the other's: `zk-1` is also a member of `zk`."""
    namespace = places.namespace()
    check_apart(*make(places, (namespace, "zk"), (namespace, "zk-1")))


def test_a_name_that_is_taken_is_refused_in_words(places: Places) -> None:
    """A foreign object has a name that the ensemble needs: it is not touched, and the status names it."""
    namespace = places.namespace()
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "zk-membership", "namespace": namespace},
        "data": {"mine": "yes"},
    }
    places.cluster.apply(foreign)
    places.cluster.apply(manifest(namespace, replicas=1))
    ensemble = Ensemble(places.cluster, namespace)
    condition = ensemble.wait_condition("SpecValid", "False", "NameTaken")
    assert "zk-membership" in condition["message"]
    found = places.cluster.get("configmap", "zk-membership", namespace)
    assert found is not None
    assert found["data"] == {"mine": "yes"}
    assert not found["metadata"].get("ownerReferences")

    places.cluster.delete("configmap", "zk-membership", namespace)
    ensemble.wait_settled()
