"""What clients outside of the cluster connect to."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.ensemble.plan.scenes import at_rest, ensemble, pod

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.membership import Membership
from zookeeper_operator.ensemble.observed import Observed
from zookeeper_operator.ensemble.report.external import external_address, external_connection_string
from zookeeper_operator.kube.api import Object

PORTS = {1: 30181, 2: 30182, 3: 30183}


def scene(external: dict[str, Any], *, before: str = "", hosts: str = "192.0.2.{}") -> Observed:
    """Three members whose Services have got their node ports from the API server."""
    owner = ensemble({"external": external}, externalConnectionString=before)
    rest = at_rest(3, {"external": external})
    children = tuple(_with_node_port(body) for body in rest.children)
    pods = tuple(pod(i, host_ip=hosts.format(i)) for i in (1, 2, 3))
    return replace(rest, ensemble=owner, children=children, pods=pods)


def _with_node_port(body: Object) -> Object:
    """What the API server fills in."""
    for member_id, port in PORTS.items():
        if body["metadata"]["name"] == names.external_service_name("zk", member_id):
            ports = [{**p, "nodePort": port} for p in body["spec"]["ports"]]
            return {**body, "spec": {**body["spec"], "ports": ports}}
    return body


def membership(observed: Observed) -> Membership:
    return Membership(tuple(observed.ensemble.server(i) for i in (1, 2, 3)), 1, (), "u")


def connection_of(observed: Observed) -> str | None:
    return external_connection_string(observed, membership(observed))


def test_without_access_from_outside_there_is_none() -> None:
    rest = at_rest(3)
    assert external_connection_string(rest, membership(rest)) is None


def test_a_node_port_is_reached_at_the_node_of_the_member() -> None:
    assert connection_of(scene({"type": "NodePort"})) == (
        "192.0.2.1:30181,192.0.2.2:30182,192.0.2.3:30183"
    )


def test_an_address_of_six_words_stands_in_brackets() -> None:
    found = connection_of(scene({"type": "NodePort"}, hosts="2001:db8::{}"))
    assert found == "[2001:db8::1]:30181,[2001:db8::2]:30182,[2001:db8::3]:30183"


@pytest.mark.parametrize(
    ("template", "base", "expected"),
    [
        ("127.0.0.1", 2181, "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183"),
        (
            "{pod}.{namespace}.example.org",
            None,
            "zk-1.demo.example.org:30181,zk-2.demo.example.org:30182,zk-3.demo.example.org:30183",
        ),
        ("{name}{id}", None, "zk1:30181,zk2:30182,zk3:30183"),
    ],
)
def test_what_is_advertised_can_be_set(template: str, base: int | None, expected: str) -> None:
    external = {"type": "NodePort", "hostTemplate": template, "portBase": base}
    assert connection_of(scene(external)) == expected


def test_a_member_that_is_being_restarted_keeps_its_address() -> None:
    before = "192.0.2.1:30181,192.0.2.2:30182,192.0.2.3:30183"
    whole = scene({"type": "NodePort"}, before=before)
    assert connection_of(replace(whole, pods=whole.pods[:2])) == before
    assert connection_of(replace(whole, pods=())) == before, "stopped"


def test_there_is_no_address_for_a_member_that_was_never_placed() -> None:
    fresh = scene({"type": "NodePort"})
    assert connection_of(replace(fresh, pods=fresh.pods[:2])) is None


def test_load_balancers_are_listed_when_their_provider_has_given_every_address() -> None:
    whole = scene({"type": "LoadBalancer"})
    assert connection_of(whole) is None

    def given(body: Object, ingress: Object) -> Object:
        name = body["metadata"]["name"]
        if not name.endswith("-external"):
            return body
        return {**body, "status": {"loadBalancer": {"ingress": [ingress]}}}

    by_ip = tuple(given(b, {"ip": "198.51.100.7"}) for b in whole.children)
    assert connection_of(replace(whole, children=by_ip)) == ",".join(["198.51.100.7:2181"] * 3)
    by_name = tuple(given(b, {"hostname": "lb.example.org"}) for b in whole.children)
    assert connection_of(replace(whole, children=by_name)) == ",".join(["lb.example.org:2181"] * 3)


@pytest.mark.parametrize(
    "ports", [[], None, [{"port": 2181}], [{"name": "clientx", "port": 2181, "nodePort": 30001}]]
)
def test_a_service_whose_ports_were_edited_has_no_address(ports: list[Object] | None) -> None:
    observed = scene({"type": "NodePort"})
    children = copy.deepcopy(observed.children)
    for body in children:
        if body["metadata"]["name"] == "zk-1-external":
            body["spec"]["ports"] = ports
    assert external_address(replace(observed, children=children), 1) is None


def test_a_template_is_filled_in_and_nothing_in_it_is_computed() -> None:
    """Stored before the rule was there; `str.format` would make a text of 2 GB of it."""
    observed = scene({"type": "NodePort", "hostTemplate": "{pod}.{namespace}.{id:>2000000000}"})
    assert external_address(observed, 1) == "[zk-1.demo.{id:>2000000000}]:30181"
