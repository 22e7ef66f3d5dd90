"""What a phase of TLS changes in what is built, and that without TLS nothing is changed."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.build.targets import ensemble, target

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.config import build_config, zoo_cfg
from zookeeper_operator.ensemble.build.connection import build_binding, build_connection
from zookeeper_operator.ensemble.build.network_policy import build_network_policy
from zookeeper_operator.ensemble.build.pod import build_pod_template
from zookeeper_operator.ensemble.build.pod_template import pod_template_problems
from zookeeper_operator.ensemble.build.security import security_keys
from zookeeper_operator.ensemble.build.services import (
    build_client_service,
    build_external_service,
    build_member_service,
)
from zookeeper_operator.ensemble.security.phase import Phase, read_phase
from zookeeper_operator.ensemble.target import Target, build_target, hashed_fields, later_inputs
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import CLOSED_CLIENT

PHASES = [Phase(quorum, clients) for quorum in range(4) for clients in range(2)]


def of(phase: Phase, **spec: Any) -> Target:
    return replace(target(tls={}, **spec), phase=phase)


def template(built: Target) -> Object:
    return build_pod_template(built, names.VOTER, config="zk-config-1", auth_hash="hash")


def keys(text: str) -> dict[str, str]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("quorum", "unification", "tls"),
    [(1, "true", "false"), (2, "true", "true"), (3, "false", "true")],
)
def test_each_phase_accepts_and_dials_what_it_says(quorum: int, unification: str, tls: str) -> None:
    found = security_keys(of(Phase(quorum, 0)))
    assert (found["portUnification"], found["sslQuorum"]) == (unification, tls)
    assert found["ssl.quorum.trustStore.location"] == "/certificates/truststore.p12"
    assert "secureClientPort" not in found


def test_clients_get_a_port_of_their_own() -> None:
    found = security_keys(of(Phase(0, 1)))
    assert found["secureClientPort"] == "2281"
    assert found["ssl.clientAuth"] == "none"
    assert "sslQuorum" not in found
    wants = replace(target(tls={"clientCertificates": "Need"}), phase=Phase(0, 1))
    assert security_keys(wants)["ssl.clientAuth"] == "need"


def test_names_of_peers_are_checked_on_the_dialling_side_only() -> None:
    checks = replace(target(tls={"verifyPeerNames": True}), phase=Phase(3, 0))
    found = security_keys(checks)
    assert found["fips-mode"] == "false"
    assert found["ssl.quorum.clientHostnameVerification"] == "false"
    assert security_keys(of(Phase(3, 0)))["fips-mode"] == "true", "its default differs by version"


@pytest.mark.parametrize(
    ("version", "written"),
    [
        *(("3.8.6", None), ("3.8.7", "false"), ("3.8.12", "false")),
        *(("3.9.5", None), ("3.9.6", "false"), ("3.9.10", "false"), ("3.10.0", "false")),
    ],
)
def test_no_name_is_checked_where_a_release_would_check_it_in_fips_mode(
    version: str, written: str | None
) -> None:
    built = build_target(ensemble(tls={}, version=version), target().membership)
    found = security_keys(replace(built, phase=Phase(3, 0)))
    assert found.get("ssl.quorum.hostnameVerification") == written
    assert found["fips-mode"] == "true"
    checks = ensemble(tls={"verifyPeerNames": True}, version=version)
    checked = security_keys(replace(build_target(checks, target().membership), phase=Phase(3, 0)))
    assert "ssl.quorum.hostnameVerification" not in checked


def test_the_keys_of_a_phase_win_over_those_of_the_spec() -> None:
    asked = of(Phase(0, 1), config={"serverCnxnFactory": "mine", "tickTime": 1000})
    found = keys(zoo_cfg(asked.spec, security_keys(asked)))
    assert found["serverCnxnFactory"].endswith("NettyServerCnxnFactory")
    assert found["tickTime"] == "1000"
    assert keys(zoo_cfg(asked.spec))["serverCnxnFactory"] == "mine"


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.text)
def test_a_template_bears_its_phase_and_mounts_certificates_only_with_tls(phase: Phase) -> None:
    found = template(of(phase))
    container = found["spec"]["containers"][0]
    volumes = {v["name"]: v for v in found["spec"]["volumes"]}
    assert read_phase(found["metadata"]["annotations"]) == phase
    with_tls = phase != Phase()
    assert ("tls" in volumes) is with_tls
    assert (container["command"] == ["bash", "/config/certificates.sh"]) is with_tls
    assert ("certificates.sh" in build_config(of(phase))["data"]) is with_tls
    if with_tls:
        assert volumes["tls"]["secret"] == {"secretName": "zk-tls", "defaultMode": 0o440}
        assert volumes["certificates"]["emptyDir"]["medium"] == "Memory"
    assert (2281 in {p["containerPort"] for p in container["ports"]}) is bool(phase.clients)


def test_a_template_without_tls_is_what_it_was_before_there_was_tls() -> None:
    plain = target()
    for asked in (of(Phase()), replace(target(tls={"clients": "Required"}), phase=Phase())):
        assert template(asked) == template(plain)
        assert build_config(asked) == build_config(plain)
        assert later_inputs(asked) == later_inputs(plain) == ""
        assert hashed_fields(asked) == hashed_fields(plain)


def test_every_phase_and_every_option_of_it_starts_a_roll() -> None:
    found = [later_inputs(of(phase)) for phase in PHASES]
    assert len(set(found)) == len(PHASES)
    options = {"clientCertificates": "Want"}, {"verifyPeerNames": True}
    for option in options:
        changed = replace(target(tls=option), phase=Phase(3, 1))
        assert later_inputs(changed) not in found
        assert [f"tls.{name}" for name in option] == [
            name for name in hashed_fields(changed) if name.startswith("tls.")
        ]
    unused = replace(target(tls={"clientCertificates": "Want"}), phase=Phase(3, 0))
    assert later_inputs(unused) == later_inputs(of(Phase(3, 0)))


def ports(service: Object) -> list[int]:
    return [port["port"] for port in service["spec"]["ports"]]


def test_services_and_the_policy_follow_the_phase() -> None:
    external = {"external": {"type": "NodePort"}}
    with_tls, without = of(Phase(1, 1), **external), of(Phase(), **external)
    for build in (
        build_client_service,
        lambda t: build_member_service(t, 1),
        lambda t: build_external_service(t, 1),
    ):
        assert 2281 in ports(build(with_tls))
        assert 2281 not in ports(build(without))
        assert 2181 in ports(build(with_tls))

    def opened(built: Target) -> list[tuple[tuple[int, ...], bool]]:
        rules = build_network_policy(built)["spec"]["ingress"]
        return [(tuple(p["port"] for p in r["ports"]), "from" in r) for r in rules]

    assert ((2181, 2281), False) in opened(with_tls)
    assert ((3888,), True) in opened(with_tls)
    assert ((3888,), True) not in opened(without)


def test_applications_read_of_tls_when_every_member_listens() -> None:
    on_the_way = replace(of(Phase(1, 1)), trust="PEM")
    there = replace(on_the_way, reached=Phase(1, 1))
    for build in (build_connection, build_binding):
        before, after = build(on_the_way)["data"], build(there)["data"]
        assert before.items() <= after.items(), "no key is removed, and none is changed"
        assert after.keys() - before.keys() == {"tlsConnectionString", "tlsPort", "ca.crt"}
    found = build_connection(there)["data"]["tlsConnectionString"]
    assert found.startswith("zk-1.demo.svc.cluster.local:2281,")


def closed(built: Target) -> Target:
    servers = tuple(replace(s, client=CLOSED_CLIENT) for s in built.membership.servers)
    return replace(built, membership=replace(built.membership, servers=servers))


def test_a_port_that_is_closed_is_named_nowhere() -> None:
    built = closed(replace(of(Phase(3, 1), external={"type": "NodePort"}), reached=Phase(3, 1)))
    assert ports(build_client_service(built)) == [2281]
    assert ports(build_external_service(built, 1)) == [2281]
    assert 2181 not in ports(build_member_service(built, 1))
    opened = [p["port"] for r in build_network_policy(built)["spec"]["ingress"] for p in r["ports"]]
    assert 2281 in opened
    assert 2181 not in opened
    data = build_connection(built)["data"]
    assert (data["port"], data["tls"]) == ("2281", "true")
    assert data["connectionString"] == data["tlsConnectionString"]
    half = replace(built.membership, servers=(*built.membership.servers[:2], ensemble().server(3)))
    assert 2181 in ports(build_client_service(replace(built, membership=half)))


MINE: dict[str, Any] = {
    "podTemplate": {
        "spec": {
            "containers": [
                {"name": "zookeeper", "volumeMounts": [{"name": "x", "mountPath": "/tls"}]},
                {"name": "side", "ports": [{"containerPort": 2281}]},
            ],
            "volumes": [{"name": "tls"}],
        }
    }
}


def test_what_members_with_tls_use_is_free_without_it() -> None:
    assert pod_template_problems(ensemble(**MINE)) == ()
    said = [found.message for found in pod_template_problems(ensemble(**MINE, tls={}))]
    assert [text.partition(" is owned")[0] for text in said] == [
        "spec.podTemplate.spec.volumes: tls",
        "spec.podTemplate.spec.containers[zookeeper].volumeMounts: /tls",
        "spec.podTemplate.spec.containers[side].ports: 2281",
    ]
