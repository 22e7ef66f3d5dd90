"""`kubectl zk certificates`: which ports are asked, and what is shown of what they serve."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.unit.certificates.issuing import NOW, issued
from tests.unit.cli.screens import check_screen, text_of
from tests.unit.ensemble.plan.ensemble_under_test import EnsembleUnderTest

from zookeeper_operator.certificates.certificate import Chain
from zookeeper_operator.cli.certificates.command import read_ports
from zookeeper_operator.cli.certificates.view import (
    PortView,
    certificates_as_value,
    render_certificates,
)
from zookeeper_operator.kube.api import KubeError
from zookeeper_operator.zookeeper.protocol import Address

LEAF = issued("zk", names=("zk-client.demo.svc", "zk-1.demo.svc")).value
FIXED = replace(LEAF, serial=0xABCDEF, der=b"leaf")
INTERMEDIATE = replace(FIXED, subject="CN=between", issuer="CN=root", serial=7, der=b"between")
CHAIN = Chain((FIXED, INTERMEDIATE))
VIEWS = (
    PortView("zk-1", 3888, CHAIN),
    PortView("zk-1", 2281, CHAIN),
    PortView("zk-2", 2281, why="refuses the connection"),
)


class Route:
    """A route on which nothing can be reached; it remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    @contextlib.asynccontextmanager
    async def open(self, members: Sequence[Address], port: int = 0) -> AsyncIterator[list[str]]:
        (member,) = members
        self.asked.append((member.pod, port))
        if member.id == 2:
            raise KubeError(403, "Forbidden", "you may not create pods/portforward")
        yield ["127.0.0.1:1"]


async def test_every_tls_port_of_every_member_is_asked_and_no_other() -> None:
    route = Route()
    plain = EnsembleUnderTest.at_rest(3)
    assert await read_ports(route, "demo", plain.world.observed.pods) == []
    ensemble = EnsembleUnderTest({"replicas": 3, "tls": {"clients": "Disabled"}})
    ensemble.rest()
    pods = [replace(pod, ip="" if pod.id == 3 else "10.0.0.1") for pod in ensemble.pods.values()]
    views = await read_ports(route, "demo", pods)
    assert route.asked == [("zk-1", 3888), ("zk-2", 3888)]
    assert [(view.member, view.port, view.chain) for view in views] == [
        (f"zk-{n}", 3888, None) for n in (1, 2, 3)
    ]
    first, second, third = (view.why for view in views)
    assert "refuses the connection" in first
    assert "portforward" in second
    assert third == "the pod has no address yet"


def test_the_screen() -> None:
    check_screen("certificates", render_certificates(VIEWS, NOW))


def test_one_that_has_ended_is_said_to_have() -> None:
    later = NOW + timedelta(days=365)
    assert "Expired" in text_of(render_certificates(VIEWS, later))


def test_values_for_programs() -> None:
    value = certificates_as_value("demo", "zk", VIEWS, datetime.now(UTC))
    assert [(p["member"], p["port"], len(p["chain"])) for p in value["ports"]] == [
        ("zk-1", 3888, 2),
        ("zk-1", 2281, 2),
        ("zk-2", 2281, 0),
    ]
    leaf = value["ports"][0]["chain"][0]
    assert leaf["serial"] == "ABCDEF"
    assert leaf["names"] == ["zk-client.demo.svc", "zk-1.demo.svc"]
    assert value["ports"][2]["problem"] == "refuses the connection"
