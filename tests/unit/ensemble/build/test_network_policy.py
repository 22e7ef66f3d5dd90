"""Who may connect to which port: clients that a spec names, and ports of further containers."""

from dataclasses import replace
from typing import Any, Final

from tests.unit.ensemble.build.targets import target

from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object

SHOP: Final[Object] = {"podSelector": {"matchLabels": {"app": "shop"}}}
OFFICE: Final[Object] = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}
OPERATOR: Final[Object] = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "zookeeper-operator"}},
    "podSelector": {"matchLabels": {"app.kubernetes.io/name": "zookeeper-operator"}},
}


def policy(**spec: Any) -> Target:
    return target(networkPolicy=spec)


def rules(of: Target) -> list[Object]:
    found: list[Object] = build_network_policy(of)["spec"]["ingress"]
    return found


def rules_for(of: Target, port: int) -> list[Object]:
    return [rule for rule in rules(of) if any(p["port"] == port for p in rule["ports"])]


def test_the_client_ports_are_open_to_the_clients_of_the_spec_and_to_the_operator() -> None:
    of = replace(policy(clients=[SHOP, OFFICE]), phase=Phase(3, 1))
    (rule,) = rules_for(of, 2281)
    assert rule["from"] == [SHOP, OFFICE, OPERATOR]
    assert [p["port"] for p in rule["ports"]] == [2181, 2281]


def test_nothing_else_follows_the_clients() -> None:
    assert rules(policy(clients=[SHOP]))[1:] == rules(target())[1:]


def test_without_clients_and_further_rules_nothing_changes() -> None:
    assert rules(policy(clients=[], extraIngress=[])) == rules(target())


def test_further_rules_are_added_as_they_are() -> None:
    asked = [
        {"ports": [{"port": 9200, "endPort": 9300, "protocol": "UDP"}]},
        {"ports": [{"port": 9141}], "from": [SHOP]},
    ]
    assert rules(policy(extraIngress=asked)) == [
        *rules(target()),
        {"ports": [{"port": 9200, "endPort": 9300, "protocol": "UDP"}]},
        {"ports": [{"port": 9141, "protocol": "TCP"}], "from": [SHOP]},
    ]


def test_a_declared_port_that_a_rule_names_is_open_to_those_only() -> None:
    ports = [{"containerPort": port} for port in (9141, 9142, 9250)]
    template = {"spec": {"containers": [{"name": "exporter", "ports": ports}]}}
    extra = [{"ports": [{"port": 9141}, {"port": 9200, "endPort": 9300}], "from": [SHOP]}]
    of = target(podTemplate=template, networkPolicy={"extraIngress": extra})
    assert [rule["from"] for rule in rules_for(of, 9141)] == [[SHOP]]
    assert rules_for(of, 9250) == []
    assert rules_for(of, 9142) == [{"ports": [{"port": 9142, "protocol": "TCP"}]}]
    other = [{"ports": [{"port": 9141, "protocol": "UDP"}], "from": [SHOP]}]
    of = target(podTemplate=template, networkPolicy={"extraIngress": other})
    assert {"port": 9141, "protocol": "TCP"} in [p for r in rules(of) for p in r["ports"]]


def test_a_container_cannot_open_the_tls_port_by_a_declaration() -> None:
    template = {"spec": {"containers": [{"name": "s", "ports": [{"containerPort": 2281}]}]}}
    of = target(podTemplate=template, networkPolicy={"clients": [SHOP]})
    (rule,) = rules_for(replace(of, phase=Phase(3, 1)), 2281)
    assert SHOP in rule["from"]
