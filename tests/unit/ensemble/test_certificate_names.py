"""A certificate names every member there can be, so that scaling needs no other one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zookeeper_operator.certificates.authority import (
    Holder,
    Terms,
    create_authority,
    issue,
    names_host,
)
from zookeeper_operator.certificates.fresh import fresh_private_key
from zookeeper_operator.ensemble.certificate_names import issued_hosts, needed_hosts
from zookeeper_operator.ensemble.ensemble import Ensemble, read_ensemble


def ensemble(**spec: Any) -> Ensemble:
    metadata = {"name": "zk", "namespace": "demo", "uid": "u"}
    return read_ensemble(
        {"metadata": metadata, "spec": spec},
        cluster_domain="example.net",
        operator_namespace="operators",
    )


def test_every_voter_there_can_be_and_the_client_service() -> None:
    hosts = issued_hosts(ensemble(replicas=1))
    assert hosts[:4] == (
        "zk-client.demo.svc.example.net",
        "zk-client.demo.svc",
        "zk-client.demo",
        "zk-client",
    )
    for member in range(1, 10):
        assert f"zk-{member}.demo.svc.example.net" in hosts
        assert f"zk-{member}.demo.svc" in hosts
    assert hosts[-3:] == ("localhost", "127.0.0.1", "::1")
    assert len(hosts) == 4 + 2 * 9 + 3
    assert hosts == issued_hosts(ensemble(replicas=9)), "scaling changes nothing"
    assert not any("*" in host for host in hosts), "a wildcard would name strangers"


@pytest.mark.parametrize(
    ("observers", "last"), [(0, 100), (1, 110), (10, 110), (11, 120), (100, 200)]
)
def test_observers_come_by_tens(observers: int, last: int) -> None:
    hosts = issued_hosts(ensemble(observers={"replicas": observers}))
    found = [host for host in hosts if host.startswith("zk-observer-") and host.endswith(".svc")]
    assert len(found) == last - 100
    assert (f"zk-observer-{last}.demo.svc" in hosts) is (observers > 0)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("zk-{id}.example.org", "zk-9.example.org"),
        ("{pod}.{namespace}.example.org", "zk-9.demo.example.org"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::7]", "2001:db8::7"),
    ],
)
def test_where_members_are_advertised_outside(template: str, expected: str) -> None:
    hosts = issued_hosts(ensemble(external={"type": "NodePort", "hostTemplate": template}))
    assert expected in hosts
    assert len(hosts) == len(set(hosts))
    assert len(issued_hosts(ensemble(external={"type": "NodePort"}))) == 25


def test_what_is_issued_holds_what_is_needed() -> None:
    wanted = ensemble(
        replicas=5,
        observers={"replicas": 3},
        external={"type": "NodePort", "hostTemplate": "[2001:db8::7]"},
    )
    holder = Holder("demo", "zk", issued_hosts(wanted))
    terms = Terms(timedelta(days=3650), timedelta(days=90), timedelta(days=30))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    ca = create_authority(holder, key=fresh_private_key(), now=now, terms=terms)
    leaf = issue(ca, holder, key=fresh_private_key(), now=now, terms=terms).chain.leaf
    assert all(names_host(leaf, host) for host in (*issued_hosts(wanted), *needed_hosts(wanted)))
    assert len(needed_hosts(wanted)) == 1 + 5 + 3
