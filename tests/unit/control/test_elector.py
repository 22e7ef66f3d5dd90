"""Electors over one compare-and-swap store, on virtual time."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from zookeeper_operator.control.elector import LeaseElector, LeaseLostError
from zookeeper_operator.control.lease import ConflictError, LeaseError, LeaseRecord

pytestmark = pytest.mark.looptime

DURATION = 15.0


def now() -> float:
    return asyncio.get_running_loop().time()


class Server:
    """The one Lease."""

    def __init__(self) -> None:
        self.record: LeaseRecord | None = None
        self.version = itertools.count(1)
        self.history: list[tuple[float, str]] = []

    def write(self, lease: LeaseRecord) -> LeaseRecord:
        current = self.record.resource_version if self.record is not None else ""
        if lease.resource_version != current:
            raise ConflictError("changed")
        self.record = replace(lease, resource_version=str(next(self.version)))
        self.history.append((now(), lease.holder))
        return self.record


class Store:
    """One process's way to the Lease; it can be cut, slowed, or lose answers."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.fault: Exception | None = None
        self.write_fault: Exception | None = None
        self.hang = False
        self.delay = 0.0
        self.lose_answers = False
        self.reads = 0
        self.writes = 0

    def mend(self) -> None:
        self.hang, self.fault, self.write_fault = False, None, None
        self.delay, self.lose_answers = 0.0, False

    async def _travel(self) -> None:
        await asyncio.sleep(self.delay)
        if self.hang:
            await asyncio.sleep(3600)
        if self.fault is not None:
            raise self.fault

    async def read(self) -> LeaseRecord | None:
        self.reads += 1
        await self._travel()
        return self.server.record

    async def write(self, lease: LeaseRecord) -> LeaseRecord:
        self.writes += 1
        await self._travel()
        if self.write_fault is not None:
            raise self.write_fault
        written = self.server.write(lease)
        if self.lose_answers:
            raise ConnectionResetError
        return written


class Process:
    """An elector, its work, and when it worked."""

    def __init__(
        self, server: Server, identity: str, *, wind_down: float = 0.0, duration: float = DURATION
    ) -> None:
        self.store = Store(server)
        self.changes: list[tuple[float, bool]] = []
        self.spells: list[list[float]] = []
        self.working = False
        self.wind_down = wind_down
        self.elector = LeaseElector(
            self.store,
            identity=identity,
            on_change=lambda leading: self.changes.append((now(), leading)),
            duration=duration,
        )
        self.task: asyncio.Task[None] | None = None
        self.on_lead: Callable[[], None] = lambda: None

    async def lead(self) -> None:
        self.on_lead()
        self.working = True
        self.spells.append([now()])
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(self.wind_down)
            self.working = False
            self.spells[-1].append(now())

    def start(self, lead: Callable[[], Awaitable[None]] | None = None) -> "asyncio.Task[None]":
        self.task = asyncio.create_task(self.elector.run(lead or self.lead))
        return self.task

    async def stop(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait({self.task})

    def restart(self) -> None:
        """Start, or start again after having lost or released."""
        if self.task is None or self.task.done():
            if self.task is not None and not self.task.cancelled():
                assert isinstance(self.task.exception(), LeaseLostError | None)
            self.start()

    def crash(self) -> None:
        """From now on nothing of this process reaches the server, and it does not know."""
        self.store.hang = True


async def test_the_first_process_leads_at_once() -> None:
    one = Process(Server(), "one")
    one.start()
    await asyncio.sleep(0.1)
    assert one.elector.leading
    assert one.working
    assert one.changes == [(0, True)]
    await one.stop()
    assert not one.elector.still_leading()
    assert one.changes == [(0, True), (0.1, False)]


async def test_the_record_says_what_people_expect_of_a_lease() -> None:
    server = Server()
    one = Process(server, "one", duration=14.5)
    one.start()
    await asyncio.sleep(20)
    record = server.record
    assert record is not None
    assert (record.holder, record.duration_seconds, record.transitions) == ("one", 15, 0)
    assert record.renew_time > record.acquire_time
    await one.stop()
    two = Process(server, "two")
    two.start()
    await asyncio.sleep(1)
    assert server.record is not None
    assert (server.record.holder, server.record.transitions) == ("two", 1)
    await two.stop()


async def test_at_rest_the_holder_writes_each_retry_period_and_the_standby_only_reads() -> None:
    server = Server()
    one, two = Process(server, "one"), Process(server, "two")
    one.start()
    await asyncio.sleep(0.1)
    two.start()
    await asyncio.sleep(100)
    assert (one.store.reads, one.store.writes) == (1, 51)
    assert two.store.writes == 0
    assert two.store.reads <= 126
    await one.stop()
    await two.stop()


@pytest.mark.parametrize("moment", [20.0, 20.3, 20.79, 21.0, 21.999])
async def test_after_a_release_the_standby_leads_within_a_second(moment: float) -> None:
    server = Server()
    one, two = Process(server, "one"), Process(server, "two")
    one.start()
    await asyncio.sleep(0.1)
    two.start()
    await asyncio.sleep(moment)
    assert not two.working
    stopped = now()
    await one.stop()
    assert server.record is not None
    assert server.record.holder == ""
    await asyncio.sleep(1)
    assert two.elector.leading
    assert two.changes[0][0] - stopped <= 1
    await two.stop()


async def test_the_lease_is_released_only_after_the_work_has_ended() -> None:
    server = Server()
    one = Process(server, "one", wind_down=40)
    one.start()
    await asyncio.sleep(5)
    two = Process(server, "two")
    two.start()
    await asyncio.sleep(5)
    stopped = now()
    await one.stop()
    assert one.spells == [[0, stopped + 40]]
    await asyncio.sleep(1)
    assert two.spells[0][0] >= stopped + 40
    await two.stop()


async def test_after_a_crash_the_standby_waits_for_the_duration_and_no_longer() -> None:
    server = Server()
    one, two = Process(server, "one"), Process(server, "two")
    one.start()
    await asyncio.sleep(0.1)
    two.start()
    await asyncio.sleep(20)
    one.crash()
    last_renewal = server.history[-1][0]
    await asyncio.sleep(30)
    taken = two.spells[0][0]
    assert last_renewal + DURATION <= taken <= last_renewal + DURATION + 2
    await two.stop()
    assert one.task is not None
    with pytest.raises(LeaseLostError):
        await one.task


@pytest.mark.parametrize("fault", [LeaseError("500"), ConnectionRefusedError("no"), None])
async def test_when_renewals_fail_the_work_is_cancelled_before_the_lease_could_expire(
    fault: Exception | None,
) -> None:
    one = Process(Server(), "one", wind_down=2)
    task = one.start()
    await asyncio.sleep(5)
    last_renewal = one.store.server.history[-1][0]
    one.store.write_fault, one.store.hang = fault, fault is None
    await asyncio.wait({task})
    with pytest.raises(LeaseLostError, match="could not be renewed for 10 seconds"):
        await task
    assert one.spells[0][1] == pytest.approx(last_renewal + 10 + 2)
    assert one.spells[0][1] < last_renewal + DURATION
    assert one.changes[-1][1] is False


async def test_renewals_that_fail_for_less_than_the_deadline_do_no_harm() -> None:
    one = Process(Server(), "one")
    one.start()
    await asyncio.sleep(5)
    one.store.fault = LeaseError("503")
    await asyncio.sleep(6.5)
    assert one.elector.leading
    one.store.fault = None
    await asyncio.sleep(60)
    assert one.elector.leading
    assert one.spells == [[0]]
    await one.stop()


async def test_still_leading_counts_from_the_last_renewal_that_was_sent() -> None:
    one = Process(Server(), "one")
    assert not one.elector.still_leading()
    task = one.start()
    await asyncio.sleep(5)  # renewed at 4
    assert one.elector.still_leading(13.9)
    assert not one.elector.still_leading(14.1)
    one.store.fault = LeaseError("500")
    await asyncio.sleep(8.9)  # 13.9
    assert one.elector.still_leading(5)
    assert not one.elector.still_leading(5.2)
    await asyncio.wait({task})
    assert now() == pytest.approx(14)
    assert not one.elector.still_leading()
    assert task.exception() is not None


async def test_a_slow_renewal_counts_from_before_it_was_sent() -> None:
    one = Process(Server(), "one")
    one.start()
    await asyncio.sleep(1)
    one.store.delay = 3
    await asyncio.sleep(4.5)  # sent at 2, answered at 5
    assert not one.elector.still_leading(2 + DURATION - now() + 0.01)
    assert one.elector.still_leading(2 + DURATION - now() - 0.01)
    await one.stop()


async def test_another_holder_ends_the_work_at_once() -> None:
    server = Server()
    one = Process(server, "one")
    task = one.start()
    await asyncio.sleep(5)
    assert server.record is not None
    server.write(replace(server.record, holder="thief"))
    await asyncio.wait({task})
    with pytest.raises(LeaseLostError, match="thief"):
        await task
    assert now() <= 6
    assert server.record.holder == "thief"


async def test_an_edit_by_hand_does_not_end_the_work() -> None:
    server = Server()
    one = Process(server, "one")
    one.start()
    for _ in range(5):
        await asyncio.sleep(5)
        assert server.record is not None
        server.write(server.record)
    assert one.elector.leading
    await one.stop()


async def test_a_write_whose_answer_is_lost_does_not_end_the_work() -> None:
    server = Server()
    one = Process(server, "one")
    one.start()
    await asyncio.sleep(5)
    one.store.lose_answers = True
    await asyncio.sleep(5)
    one.store.lose_answers = False
    await asyncio.sleep(30)
    assert one.spells == [[0]]
    await one.stop()
    assert server.record is not None
    assert server.record.holder == ""


async def test_a_lost_answer_to_the_first_write_leaves_no_lease_behind() -> None:
    server = Server()
    one = Process(server, "one")
    one.store.lose_answers = True
    one.start()
    await asyncio.sleep(0.5)
    assert server.record is not None
    assert server.record.holder == "one"
    one.store.lose_answers = False
    await one.stop()
    assert server.record.holder == ""


async def test_a_lease_that_is_deleted_does_not_make_two_leaders() -> None:
    server = Server()
    one, two = Process(server, "one"), Process(server, "two")
    task = one.start()
    await asyncio.sleep(0.1)
    two.start()
    await asyncio.sleep(10)
    server.record = None
    while not task.done():
        await asyncio.sleep(0.05)
        assert not (one.working and two.working)
    assert isinstance(task.exception(), LeaseLostError)
    await asyncio.sleep(20)
    assert two.working
    await two.stop()


async def test_the_api_may_be_down_for_long_before_anybody_leads() -> None:
    one = Process(Server(), "one")
    one.store.fault = OSError("no route")
    one.start()
    await asyncio.sleep(1000)
    one.store.fault = None
    await asyncio.sleep(3)
    assert one.elector.leading
    await one.stop()


async def test_a_mistake_in_the_store_is_not_survived() -> None:
    one = Process(Server(), "one")
    one.store.fault = KeyError("typo")
    with pytest.raises(KeyError):
        await one.start()


async def test_work_that_returns_ends_the_run_and_releases() -> None:
    server = Server()
    one = Process(server, "one")

    async def lead() -> None:
        await asyncio.sleep(7)

    await one.start(lead)
    assert now() == 7
    assert server.record is not None
    assert server.record.holder == ""


async def test_work_that_raises_ends_the_run_and_releases() -> None:
    server = Server()
    one = Process(server, "one")

    async def lead() -> None:
        await asyncio.sleep(7)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await one.start(lead)
    assert server.record is not None
    assert server.record.holder == ""


async def test_a_release_that_fails_does_not_hold_up_the_exit() -> None:
    one = Process(Server(), "one")
    one.start()
    await asyncio.sleep(1)
    one.store.hang = True
    await one.stop()
    assert now() == pytest.approx(1 + 10 / 3)


async def test_a_second_cancellation_does_not_leave_work_behind() -> None:
    one = Process(Server(), "one", wind_down=3)
    task = one.start()
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait({task})
    assert now() == 4
    assert not one.working
    assert task.cancelled()


async def test_only_one_of_many_that_start_together_leads() -> None:
    server = Server()
    crowd = [Process(server, f"p{number}") for number in range(5)]
    for process in crowd:
        process.store.delay = 0.05
        process.start()
    await asyncio.sleep(10)
    assert sum(process.elector.leading for process in crowd) == 1
    for process in crowd:
        await process.stop()


class Chaos:
    """Breaks and mends three processes by one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 -- must replay
        server = Server()
        self.processes = [
            Process(server, name, wind_down=self.chance.uniform(0, 4)) for name in ("a", "b", "c")
        ]
        for process in self.processes:
            process.on_lead = self.check
        self.overlaps = 0
        self.led = 0

    def check(self) -> None:
        """Called whenever somebody begins to lead: nobody else may."""
        self.overlaps += sum(process.elector.leading for process in self.processes) > 1
        self.overlaps += any(process.working for process in self.processes)
        self.led += 1

    async def trouble(self) -> None:
        for _ in range(60):
            process = self.chance.choice(self.processes)
            if self.chance.random() < 0.15:
                if process.task is not None and not process.task.done():
                    await process.stop()
            else:
                self.chance.choice(self.faults())(process.store)
            if self.chance.random() < 0.4:
                for other in self.processes:
                    other.store.mend()
            for other in self.processes:
                other.restart()
            await asyncio.sleep(self.chance.uniform(0, 12))

    def faults(self) -> list[Callable[[Store], None]]:
        return [
            lambda store: setattr(store, "hang", True),
            lambda store: setattr(store, "fault", LeaseError("500")),
            lambda store: setattr(store, "fault", ConnectionResetError("cut")),
            lambda store: setattr(store, "write_fault", LeaseError("403")),
            lambda store: setattr(store, "delay", self.chance.uniform(0, 4)),
            lambda store: setattr(store, "lose_answers", True),
            Store.mend,
        ]


@pytest.mark.parametrize("seed", range(20))
async def test_never_two_lead_at_the_same_instant(seed: int) -> None:
    chaos = Chaos(seed)
    await chaos.trouble()
    for process in chaos.processes:
        await process.stop()
    assert chaos.led > 1
    assert chaos.overlaps == 0


def test_times_that_contradict_each_other_are_refused() -> None:
    store = Store(Server())
    with pytest.raises(ValueError, match="renew_deadline"):
        LeaseElector(store, identity="a", duration=10, renew_deadline=10)
    with pytest.raises(ValueError, match="identity"):
        LeaseElector(store, identity="")
    with pytest.raises(ValueError, match="positive"):
        LeaseElector(store, identity="a", standby_period=0)
