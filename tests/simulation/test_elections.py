"""What the simulated servers elect, where it was once another than what real ones do."""

from tests.simulation.loop import VirtualLoop
from tests.simulation.stage import Stage
from tests.simulation.zookeeper import EMPTY, Disk, Member, Network, Txn, View

from zookeeper_operator.zookeeper.servers import CommittedConfig, Server


def listing(version: int, *ids: int) -> View:
    """A list of these voters."""
    servers = tuple(Server(i, f"zk-{i}", "participant") for i in ids)
    return View(CommittedConfig(version, servers))


def member(number: int, disk: Disk, view: View) -> Member:
    return Member(number, disk, view, password="", version="3.9.4", ip=f"10.0.0.{number}")


def test_who_only_a_proposal_lists_does_not_stand_as_a_candidate() -> None:
    """Of two voters one has heard, with the joiner, that the joiner gets a vote; the other one has not.

    Only the other one completes the majority of the list in effect, and it counts no vote for the joiner.
    """
    loop = VirtualLoop()
    stage = Stage(loop, "elections")
    network = Network(stage)
    committed, proposed = listing(0x100000001, 1, 11), listing(0x100000002, 1, 11, 12)
    newest = Txn(0x100000002, EMPTY, "12 joins", proposed)
    for number in (11, 12):
        disk = Disk(head=newest, current_epoch=1, accepted_epoch=1, pending=proposed)
        network.start(member(number, disk, committed))
    behind = Disk(head=EMPTY, current_epoch=1, accepted_epoch=1)
    network.start(member(1, behind, committed))
    loop.run_until_complete(_wait(loop, 20.0))
    leading = {i for i, m in network.members.items() if m.state == "leading"}
    assert leading == {11}
    assert network.members[1].view.voters == {1, 11, 12}, "what was proposed is completed"
    loop.close()


async def _wait(loop: VirtualLoop, seconds: float) -> None:
    future = loop.create_future()
    loop.call_later(seconds, future.set_result, None)
    await future
