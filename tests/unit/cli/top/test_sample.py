"""What members are asked, and what is made of those that do not answer."""

import json

from zookeeper_operator.cli.top.sample import fetch_samples
from zookeeper_operator.zookeeper.protocol import Address


class Members:
    """Member 1 serves, member 2 does not, member 3 is not there."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []

    async def get(self, member: Address, command: str, limit: int) -> bytes:
        self.asked.append((member.id, command))
        if member.id == 3:
            raise ConnectionRefusedError
        fields: dict[str, object] = {"error": None if member.id == 1 else "not serving"}
        if command == "monitor":
            fields["packets_received"] = 7
        if command == "connections":
            fields["connections"] = [{"remote_socket_address": "10.0.0.1:1"}]
        return json.dumps(fields).encode()

    async def close(self) -> None:
        """Nothing is open."""


ADDRESSES = [Address(i, "demo", f"zk-{i}", f"192.0.2.{i}") for i in (1, 2, 3)]


async def test_every_member_says_its_figures_or_why_not() -> None:
    members = Members()
    found = await fetch_samples(members, ADDRESSES, clients=True)
    assert [(pod, s.figures.received, s.figures.problem) for pod, s in found.items()] == [
        ("zk-1", 7, ""),
        ("zk-2", None, "not serving"),
        ("zk-3", None, "refuses the connection"),
    ]
    assert [client.address for client in found["zk-1"].clients] == ["10.0.0.1"]


async def test_a_member_that_does_not_serve_is_not_asked_for_its_figures() -> None:
    members = Members()
    await fetch_samples(members, ADDRESSES, clients=False)
    assert sorted(members.asked) == [(1, "leader"), (1, "monitor"), (2, "leader"), (3, "leader")]
