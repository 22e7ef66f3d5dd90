"""When members serve metrics, at which port, and who may scrape it."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.build.targets import target

from zookeeper_operator.api.ensemble import EnsembleSpec
from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.config import METRICS_CFG, build_config, zoo_cfg
from zookeeper_operator.ensemble.build.metrics import (
    PROVIDER,
    container_ports,
    declares_metrics,
    metrics_endpoint,
)
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.build.pod import build_pod_template
from zookeeper_operator.ensemble.security.phase import Phase
from zookeeper_operator.ensemble.target import Target, later_inputs, template_inputs

EVERY_POD: list[Any] = [{"namespaceSelector": {}}]
OWN: dict[str, Any] = {"metricsProvider.className": PROVIDER}


def spec(**fields: Any) -> EnsembleSpec:
    return EnsembleSpec.model_validate(fields)


def peers(of: Target, port: int, **options: bool) -> Any:
    """Who may connect to a port: None for anybody, "closed" if no rule opens it."""
    for rule in build_network_policy(of, **options)["spec"]["ingress"]:
        if any(p["port"] == port for p in rule["ports"]):
            return rule.get("from")
    return "closed"


def template(of: Target) -> dict[str, Any]:
    return build_pod_template(of, names.VOTER, config="c", auth_hash="a")


def test_by_default_members_serve_metrics_to_the_pods_of_the_cluster() -> None:
    of = target()
    assert build_config(of)["data"][METRICS_CFG] == (
        f"metricsProvider.className={PROVIDER}\nmetricsProvider.httpPort=7000\n"
    )
    assert declares_metrics(template(of))
    assert peers(of, 7000) == EVERY_POD


def test_tls_changes_nothing_about_metrics() -> None:
    plain, secured = target(), replace(target(tls={}), phase=Phase(3, 1))
    assert build_config(secured)["data"][METRICS_CFG] == build_config(plain)["data"][METRICS_CFG]
    ports = {p["name"] for p in template(secured)["spec"]["containers"][0]["ports"]}
    assert {"client-tls", names.METRICS_PORT} <= ports
    assert (peers(secured, 7000), peers(secured, 2281)) == (EVERY_POD, None)


def test_metrics_can_be_turned_off() -> None:
    of = target(metrics={"enabled": False})
    assert METRICS_CFG not in build_config(of)["data"]
    assert not declares_metrics(template(of))
    assert peers(of, 7000) == "closed"
    assert later_inputs(of) != "", "the members must be restarted"


def test_the_port_can_be_changed_and_the_peers_be_named() -> None:
    monitoring = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {},
    }
    office = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}
    of = target(metrics={"port": 9000, "from": [monitoring, office]})
    assert peers(of, 9000) == [monitoring, office]
    assert peers(of, 7000) == "closed"
    assert container_ports(of.spec)[0]["containerPort"] == 9000


def test_who_may_connect_restarts_nobody() -> None:
    of = target(metrics={"from": EVERY_POD})
    assert (template_inputs(of), later_inputs(of)) == (template_inputs(target()), "")
    assert template(of) == template(target())


def test_keys_of_the_config_have_precedence() -> None:
    of = target(config={"metricsProvider.httpPort": 7001}, metrics={"port": 9000})
    assert build_config(of)["data"][METRICS_CFG] == f"metricsProvider.className={PROVIDER}\n"
    assert "metricsProvider.httpPort=7001\n" in zoo_cfg(of.spec)
    assert container_ports(of.spec)[0]["containerPort"] == 7001
    assert peers(of, 7001) == EVERY_POD


def test_a_provider_that_the_config_names_stays_as_it_was() -> None:
    """Before `spec.metrics` it was open to anybody."""
    of = target(config=OWN, metrics={"enabled": False})
    assert METRICS_CFG not in build_config(of)["data"]
    assert declares_metrics(template(of))
    assert peers(of, 7000) is None
    assert peers(of, 7000, serves_metrics=False) is None
    limited = target(config=OWN, metrics={"from": EVERY_POD})
    assert peers(limited, 7000) == EVERY_POD


def test_another_provider_is_nothing_that_prometheus_can_scrape() -> None:
    of = target(config={"metricsProvider.className": "org.example.Provider"})
    assert not declares_metrics(template(of))


@pytest.mark.parametrize(
    "taken",
    [
        {
            "podTemplate": {
                "spec": {"containers": [{"name": "jmx", "ports": [{"containerPort": 7000}]}]}
            }
        },
        {
            "podTemplate": {
                "spec": {"containers": [{"name": "zookeeper", "ports": [{"containerPort": 7000}]}]}
            }
        },
        {"jvm": {"options": ["-javaagent:/opt/exporter.jar=7000:/opt/exporter.yaml"]}},
    ],
)
def test_a_port_that_something_else_uses_is_left_to_it(taken: dict[str, Any]) -> None:
    """The server, or the other program, would end at its start."""
    assert metrics_endpoint(spec(**taken)) is None
    assert metrics_endpoint(spec(**taken, metrics={"port": 7001})) is not None
    assert not declares_metrics(template(target(**taken)))


def test_a_port_that_no_template_has_stays_closed() -> None:
    assert peers(target(), 7000, serves_metrics=False) == "closed"


def test_no_port_of_the_member_is_opened() -> None:
    assert metrics_endpoint(spec(metrics={"port": 8080})) is None
    assert metrics_endpoint(spec(config={"metricsProvider.httpPort": "2181"})) is None
