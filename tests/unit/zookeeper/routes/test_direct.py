"""Addresses as they are written before a port."""

import pytest

from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.direct import DirectClients


@pytest.mark.parametrize(
    ("ip", "host"), [("10.0.0.1", "10.0.0.1:2181"), ("fd00::1", "[fd00::1]:2181")]
)
async def test_an_address_of_either_family(ip: str, host: str) -> None:
    async with DirectClients().open([Address(1, "demo", "zk-1", ip)]) as hosts:
        assert hosts == [host]
