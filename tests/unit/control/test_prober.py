"""Probing, on virtual time: evenly spread, and only what differs wakes."""

import asyncio
import contextlib

import pytest
from tests.unit.control.things import Report, key

from zookeeper_operator.control.board import Board
from zookeeper_operator.control.prober import Prober

pytestmark = pytest.mark.looptime


class Timed(Report):
    """Writes down when it is probed."""

    async def probe(self) -> bool:
        self.probed.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.5)
        return await super().probe()


class Probing:
    """A board that can be probed every 10 s, and the keys that were woken."""

    def __init__(self) -> None:
        self.board = Board()
        self.woken: list[object] = []
        self._prober = Prober(self.board, self.woken.append, period_seconds=10)

    async def go_on(self, seconds: float) -> None:
        """Probe from the first period on, for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._prober.run()


@pytest.fixture
def probing() -> Probing:
    return Probing()


async def test_probes_are_spread_over_the_period(probing: Probing) -> None:
    reports = [Timed() for _ in range(4)]
    for number, report in enumerate(reports):
        probing.board.post(key(f"n{number}"), report)
    await probing.go_on(19.9)
    assert [report.probed for report in reports] == [[0, 10], [2.5, 12.5], [5, 15], [7.5, 17.5]]
    assert probing.woken == []


async def test_what_has_changed_is_woken_every_period_until_it_is_reconciled(
    probing: Probing,
) -> None:
    probing.board.post(key("same"), Timed())
    probing.board.post(key("other"), Timed(changed=True))
    await probing.go_on(19)
    assert probing.woken == [key("other")] * 2
    probing.board.post(key("other"), Timed())
    await probing.go_on(20)
    assert probing.woken == [key("other")] * 2


@pytest.mark.parametrize("what", ["reconciled", "gone"])
async def test_a_probe_of_an_old_report_wakes_nobody(probing: Probing, what: str) -> None:
    probing.board.post(key("one"), Timed(changed=True))
    await probing.go_on(0.2)
    if what == "gone":
        probing.board.remove(key("one"))
    else:
        probing.board.post(key("one"), Timed())
    await asyncio.sleep(5)
    assert probing.woken == []


async def test_a_probe_that_fails_is_logged_and_disturbs_no_other(
    probing: Probing, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Timed()
    broken.changed = ZeroDivisionError()
    probing.board.post(key("broken"), broken)
    probing.board.post(key("other"), Timed(changed=True))
    await probing.go_on(9)
    assert probing.woken == [key("other")]
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["key"]) == ("Probe failed", "Thing demo/broken")


async def test_a_key_has_one_probe_at_a_time(probing: Probing) -> None:
    class Endless(Timed):
        async def probe(self) -> bool:
            await super().probe()
            await asyncio.sleep(3600)
            return True

    endless, other = Endless(), Timed()
    probing.board.post(key("endless"), endless)
    probing.board.post(key("other"), other)
    await probing.go_on(59)
    assert endless.probed == [0]
    assert len(other.probed) == 6
