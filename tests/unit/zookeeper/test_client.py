"""What the client does before it has a session; the rest is tested on real servers."""

import pytest

from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import Access, EnsembleUnreachableError
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients
from zookeeper_operator.zookeeper.servers import CommittedConfig


async def test_an_ensemble_without_members_is_unreachable() -> None:
    client = ZooKeeperClient(DirectAdmin(), DirectClients())
    nobody = Access(())
    with pytest.raises(EnsembleUnreachableError, match="no member to ask"):
        await client.read_config(nobody)
    with pytest.raises(EnsembleUnreachableError, match="no member to ask"):
        await client.reconfigure(nobody, joining=[], leaving=[1], based_on=CommittedConfig(1, ()))
    await client.close()
