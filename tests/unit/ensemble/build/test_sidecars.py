"""The ports of containers that a user adds, and what the NetworkPolicy makes of them."""

from typing import Any

from tests.unit.ensemble.build.targets import target

from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.build.sidecars import opened_ports


def template(**spec: Any) -> dict[str, Any]:
    return {"spec": spec}


EXPORTER = {"name": "exporter", "ports": [{"containerPort": 9141, "name": "metrics"}]}


def test_declared_ports_are_opened_to_everybody() -> None:
    policy = build_network_policy(target(podTemplate=template(containers=[EXPORTER])))
    before = build_network_policy(target())["spec"]["ingress"]
    assert policy["spec"]["ingress"] == [
        *before,
        {"ports": [{"port": 9141, "protocol": "TCP"}]},
    ]


def test_what_only_runs_before_a_member_opens_nothing() -> None:
    plain = template(initContainers=[EXPORTER])
    sidecar = template(initContainers=[{**EXPORTER, "restartPolicy": "Always"}])
    assert opened_ports(plain) == []
    assert opened_ports(sidecar) == [(9141, "TCP")]


def test_no_port_of_the_member_is_opened_by_a_declaration() -> None:
    """An ensemble that runs with such a declaration goes on, but its AdminServer stays closed."""
    ports: list[Any] = [{"containerPort": p} for p in (2181, 2888, 3888, 8080, 53)]
    ports[-1]["protocol"] = "UDP"
    assert opened_ports(template(containers=[{"name": "s", "ports": ports}])) == [(53, "UDP")]
    policy = build_network_policy(
        target(config={"metricsProvider.className": "x", "metricsProvider.httpPort": 8080})
    )
    assert policy == build_network_policy(target(metrics={"enabled": False}))


def test_what_cannot_be_read_opens_nothing() -> None:
    bad: list[Any] = [
        "text",
        {"ports": [{"containerPort": 1}]},
        {"name": "a", "ports": "text"},
        {"name": "b", "ports": ["text", {"containerPort": "x"}, {"containerPort": 70_000}]},
        {"name": "c", "ports": [{"containerPort": 1, "protocol": "ICMP"}]},
    ]
    assert opened_ports(template(containers=bad)) == []
    assert opened_ports({"spec": None}) == []
