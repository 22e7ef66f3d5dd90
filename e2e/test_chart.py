"""The chart: what it allows the operator to do, and what it requires of the cluster."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.cluster import OPERATOR_NAMESPACE, Cluster, Object, run
from e2e.places import Operator

from zookeeper_operator.ensemble.children import CERTIFICATES, CHILD_KINDS
from zookeeper_operator.kube.api import Resource

CHART = Path(__file__).parents[1] / "charts/zookeeper-operator"
VERBS = {"get", "list", "watch", "create", "update", "patch", "delete"}


def render(*values: str) -> list[Object]:
    """The objects of the chart."""
    text = run(
        *("helm", "template", "zookeeper-operator", str(CHART)),
        *("--namespace", OPERATOR_NAMESPACE, "--kube-version=1.37.0"),
        *(f"--set={value}" for value in values),
    ).stdout
    return [body for body in yaml.safe_load_all(text) if body]


def rules_of(objects: list[Object]) -> list[tuple[str, dict[str, Any]]]:
    """Every rule, with the kind of its role."""
    return [
        (body["kind"], rule)
        for body in objects
        if body["kind"] in {"Role", "ClusterRole"}
        for rule in body["rules"]
    ]


@pytest.mark.parametrize("values", [(), ("watchNamespaces={one,two}",)])
def test_no_right_is_a_wildcard(values: tuple[str, ...]) -> None:
    """Every group, resource and verb is named."""
    rules = rules_of(render(*values))
    assert rules
    for kind, rule in rules:
        for field in ("apiGroups", "resources", "verbs", "nonResourceURLs"):
            assert not [v for v in rule.get(field, []) if "*" in v], (kind, rule)
        assert set(rule["verbs"]) <= VERBS, (kind, rule)


def test_the_rights_on_children_are_those_of_the_table() -> None:
    """What the operator does with each kind, and no verb more. No Secret is listed or watched."""
    granted: dict[tuple[str, str], set[str]] = {}
    for kind, rule in rules_of(render()):
        for group in rule["apiGroups"] if kind == "ClusterRole" else ():
            for resource in rule["resources"]:
                granted.setdefault((group, resource), set()).update(rule["verbs"])
    used = {(_group(kind.resource), kind.resource.plural): set(kind.verbs) for kind in CHILD_KINDS}
    besides = {
        ("zookeeper.ensemble.dev", "zookeeperensembles"): {"get", "list", "watch"},
        ("zookeeper.ensemble.dev", "zookeeperensembles/status"): {"get", "patch"},
        ("zookeeper.ensemble.dev", "zookeeperbackups"): VERBS - {"update"},
        ("zookeeper.ensemble.dev", "zookeeperbackups/status"): {"get", "patch"},
        ("zookeeper.ensemble.dev", "zookeeperbackupschedules"): {"get", "list", "watch"},
        ("zookeeper.ensemble.dev", "zookeeperbackupschedules/status"): {"get", "patch"},
        ("batch", "jobs"): {"get", "list", "watch", "create", "delete"},
        ("storage.k8s.io", "storageclasses"): {"get", "list"},
        ("", "nodes"): {"get"},
        ("", "persistentvolumes"): {"list"},
        ("", "events"): {"create", "list"},
    }
    assert granted == {**used, **besides}


@pytest.mark.parametrize("watched", [(), ("watchNamespaces={one,two}",)])
def test_the_right_to_patch_pods_can_be_kept_back(watched: tuple[str, ...]) -> None:
    """rights.patchPods: without it no verb changes a pod, and the operator knows."""
    objects = render("rights.patchPods=false", *watched)
    of_pods = [rule for _, rule in rules_of(objects) if "pods" in rule["resources"]]
    assert of_pods
    assert not [rule for rule in of_pods if {"patch", "update", "create"} & set(rule["verbs"])]
    (deployment,) = (body for body in objects if body["kind"] == "Deployment")
    environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "ZOOKEEPER_OPERATOR_PATCH_PODS", "value": "false"} in environment


@pytest.mark.parametrize("watched", [(), ("watchNamespaces={one,two}",)])
def test_the_right_on_certificates_comes_with_cert_manager_alone(watched: tuple[str, ...]) -> None:
    """certManager.enabled: the verbs that the operator uses, by name; nothing of it otherwise."""

    def granted(*values: str) -> list[list[str]]:
        rules = [rule for _, rule in rules_of(render(*values, *watched))]
        return [rule["verbs"] for rule in rules if "cert-manager.io" in rule["apiGroups"]]

    assert granted() == []
    assert granted("certManager.enabled=true") == [list(CERTIFICATES.verbs)] * max(
        1, 2 * len(watched)
    )


@pytest.mark.parametrize("watched", [(), ("watchNamespaces={one,two,three}",)])
def test_the_right_on_secrets_can_be_limited_to_some_namespaces(watched: tuple[str, ...]) -> None:
    """secrets.namespaces: Roles in these, by name only, and no right on Secrets anywhere else."""
    objects = render("secrets.namespaces={one,two}", *watched)
    granted = [
        (body["kind"], body["metadata"].get("namespace"), rule["verbs"])
        for body in objects
        if body["kind"] in {"Role", "ClusterRole"}
        for rule in body["rules"]
        if "secrets" in rule["resources"]
    ]
    verbs = ["get", "create", "patch"]
    assert granted == [("Role", "one", verbs), ("Role", "two", verbs)]
    bound = {
        (body["metadata"].get("namespace"), body["roleRef"]["name"])
        for body in objects
        if body["kind"] == "RoleBinding"
    }
    assert {("one", "zookeeper-operator-secrets"), ("two", "zookeeper-operator-secrets")} <= bound


def test_secrets_are_never_listed_watched_or_deleted() -> None:
    """Whatever the values: the right to list Secrets is the right to read every one of them."""
    for values in ((), ("watchNamespaces={one}",), ("secrets.namespaces={one}",)):
        verbs = {
            verb
            for _, rule in rules_of(render(*values))
            if "secrets" in rule["resources"]
            for verb in rule["verbs"]
        }
        assert verbs == {"get", "create", "patch"}


def _group(resource: Resource) -> str:
    return resource.api_version.rpartition("/")[0]


def test_nothing_dangerous_is_allowed() -> None:
    """No exec, no rights on rights, and only read access to what belongs to the cluster."""
    for kind, rule in rules_of(render()):
        resources = set(rule["resources"])
        assert not resources & {"pods/exec", "pods/attach", "roles", "clusterroles"}
        assert "rbac.authorization.k8s.io" not in rule["apiGroups"]
        if resources & {"nodes", "storageclasses", "persistentvolumes", "namespaces"}:
            assert set(rule["verbs"]) <= {"get", "list", "watch"}, (kind, rule)


def test_an_install_for_some_namespaces_has_no_right_elsewhere() -> None:
    """watchNamespaces: Roles in these and in its own; elsewhere it may only read what has no namespace."""
    objects = render("watchNamespaces={one,two}")
    roles = {
        body["metadata"].get("namespace", OPERATOR_NAMESPACE)
        for body in objects
        if body["kind"] == "Role"
    }
    assert roles == {"one", "two", OPERATOR_NAMESPACE}
    for kind, rule in rules_of(objects):
        if kind == "ClusterRole":
            assert set(rule["resources"]) <= {"nodes", "storageclasses", "persistentvolumes"}, rule
            assert set(rule["verbs"]) <= {"get", "list", "watch"}, rule
    (deployment,) = [body for body in objects if body["kind"] == "Deployment"]
    environment = {
        e["name"]: e.get("value")
        for e in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert environment["ZOOKEEPER_OPERATOR_NAMESPACES"] == "one,two"


def test_two_processes_are_kept_apart_and_never_both_evicted() -> None:
    """replicas=2: a PodDisruptionBudget and an anti-affinity, both by labels that the pods have."""
    objects = {body["kind"]: body for body in render("replicas=2")}
    pod = objects["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    budget = objects["PodDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= labels
    (term,) = pod["spec"]["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert term["podAffinityTerm"]["labelSelector"]["matchLabels"].items() <= labels
    assert "PodDisruptionBudget" not in {body["kind"] for body in render()}


def test_wrong_values_are_refused() -> None:
    """The values have a schema: a typing error does not install."""
    with pytest.raises(AssertionError, match="replicas"):
        render("replicas=many")
    with pytest.raises(AssertionError, match="allowPrivileged"):
        render("podTemplate.allowPrivileged={root}")


@pytest.mark.smoke
def test_the_operator_runs_under_the_restricted_standard(
    cluster: Cluster, operator: Operator
) -> None:
    """Its namespace enforces it, so the pod was admitted under it; and its root cannot be written."""
    namespace = cluster.get("namespace", OPERATOR_NAMESPACE)
    assert namespace is not None
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    warnings = run(
        *("kubectl", "--context", cluster.context, "label", "--dry-run=server", "--overwrite"),
        *("namespace", OPERATOR_NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"),
    ).stderr
    assert "violate" not in warnings
    for pod in operator.pods():
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.smoke
def test_the_operator_says_how_it_is(cluster: Cluster, operator: Operator) -> None:
    """Probes and metrics answer; the chart's notes and the log say that it works."""
    pod = operator.leading_pod()
    for path in ("livez", "readyz"):
        assert cluster.http(OPERATOR_NAMESPACE, pod, 8081, path)
    assert operator.metrics()["zookeeper_operator_lease_leading"] == 1


def test_the_operator_may_do_what_it_does_and_no_more(cluster: Cluster, operator: Operator) -> None:
    """As the API server sees it: asked with the operator's own account."""
    del operator
    (account,) = {
        p["spec"]["serviceAccountName"]
        for p in cluster.list(
            "pods", OPERATOR_NAMESPACE, selector="app.kubernetes.io/name=zookeeper-operator"
        )
    }
    user = f"--as=system:serviceaccount:{OPERATOR_NAMESPACE}:{account}"

    def may(verb: str, resource: str) -> bool:
        kind, _, sub = resource.partition("/")
        answer = cluster.kubectl(
            *("auth", "can-i", verb, kind, f"--subresource={sub}", user, "--namespace=demo"),
            check=False,
        )
        return answer.strip() == "yes"

    assert may("patch", "statefulsets.apps")
    assert may("delete", "pods")
    assert may("patch", "zookeeperensembles.zookeeper.ensemble.dev/status")
    assert not may("patch", "zookeeperensembles.zookeeper.ensemble.dev")
    refused = [
        ("create", "pods/exec"),
        ("delete", "namespaces"),
        ("delete", "zookeeperensembles.zookeeper.ensemble.dev"),
        ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
        ("list", "nodes"),
        ("delete", "persistentvolumes"),
    ]
    assert [rule for rule in refused if may(*rule)] == []
