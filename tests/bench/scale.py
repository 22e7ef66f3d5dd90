"""How the operator does with many ensembles: `python -m tests.bench.scale 100 300 1000`.

A real control plane as local processes, pods by KWOK, members by the farm, the operator as a process with
the settings it has in the chart. Prints one table, a column for each number of ensembles of three members.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import ssl
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from tests.integration.control_plane import ADMIN, SERVER, ControlPlane, find_kubernetes
from tests.integration.operator_process import OperatorProcess
from tests.integration.processes import enter_own_network
from tests.integration.stage import (
    ENSEMBLE,
    Farm,
    Stage,
    condition,
    is_settled,
    open_stage,
    prepare,
)

from zookeeper_operator.kube.api import Object
from zookeeper_operator.kube.client import connect
from zookeeper_operator.settings import Settings

PLACE: Final = "bench"
SPEC: Final[Object] = {"replicas": 3, "storage": {"data": {"size": "1Gi"}}}
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PREFIX: Final = "zookeeper_operator_"
_READS: Final = ("get", "list")
SCRAPE_SECONDS: Final = 30.0
"""Between two scrapes, as the chart asks for."""
_SILENT_ENSEMBLES: Final = 100
_SILENT_ROW: Final = "beside silent members"


@dataclass(frozen=True)
class Usage:
    """What a process has used until now."""

    at: float
    cpu: float
    resident: float
    samples: Mapping[str, float]

    def requests(self, since: "Usage", verbs: tuple[str, ...]) -> dict[str, float]:
        """Requests to the API server by verb, per minute."""
        minutes = (self.at - since.at) / 60
        found: dict[str, float] = {}
        for name, value in self.samples.items():
            if name.startswith(f"{_PREFIX}api_requests_total"):
                verb = name.partition('verb="')[2].partition('"')[0]
                if verb in verbs:
                    grown = value - since.samples.get(name, 0)
                    found[verb] = found.get(verb, 0) + grown / minutes
        return found

    def cores(self, since: "Usage") -> float:
        return (self.cpu - since.cpu) / (self.at - since.at)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used until now."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def measure(operator: OperatorProcess) -> Usage:
    resident = int(_stat(operator.pid)[21]) * resource.getpagesize() / 1024**2
    return Usage(time.monotonic(), cpu_seconds(operator.pid), resident, await operator.metrics())


async def scrape(operator: OperatorProcess, *, seconds: float, every: float) -> None:
    """Read its metrics as Prometheus does, for a time; what they say is not looked at."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status, _ = await operator.ask("/metrics")
        assert status == HTTPStatus.OK, status
        await asyncio.sleep(min(every, max(0, end - time.monotonic())))


class Bench:
    """One number of ensembles on a control plane of its own."""

    def __init__(
        self, stage: Stage, size: int, *, rest_seconds: float, silent_seconds: float, edits: int
    ) -> None:
        self._stage = stage
        self._size = size
        self._rest = rest_seconds
        self._silence = silent_seconds
        self._edits = edits
        self._starts = 0
        self._open: set[str] = set()

    async def run(self) -> dict[str, str]:
        """All measurements, by row of the table."""
        await self._stage.namespaces(PLACE)
        operator = self._operator()
        operator.start()
        await operator.ready()
        found = await self._create(operator)
        operator.signal(signal.SIGTERM)
        await operator.ended(120)
        operator = self._operator()
        found |= await self._adopt(operator)
        found |= await self._rest_now(operator)
        found |= await self._edit(range(self._size))
        found |= await self._edit_beside_silence(operator)
        assert operator.tracebacks() == []
        operator.kill()
        return found

    def _operator(self) -> OperatorProcess:
        self._starts += 1
        # As in the chart; the members are reached as in a cluster.
        return self._stage.operator(
            f"bench-{self._size}-{self._starts}",
            workers="8",
            probe_seconds="10",
            unsettled_seconds="1",
            resync_seconds="300",
            leader_election="true",
            namespace=PLACE,
        )

    async def _create(self, operator: OperatorProcess) -> dict[str, str]:
        started = time.monotonic()
        before = await measure(operator)
        gate = asyncio.Semaphore(16)

        async def create(number: int) -> None:
            async with gate:
                await self._stage.create(PLACE, SPEC, name=f"zk{number:04}")

        await asyncio.gather(*(create(number) for number in range(self._size)))
        patience = 60 + self._size * 2
        await self._all("Ready", _is_ready, patience)
        after = await measure(operator)
        ready_after = time.monotonic() - started
        await self._all("at rest", is_settled, patience)
        return {
            "all created → all Ready": f"{ready_after:.1f} s",
            "CPU of that": f"{after.cpu - before.cpu:.1f} s",
        }

    async def _all(self, what: str, is_so: Callable[[Object], bool], seconds: float) -> None:
        """Wait until something is so of every ensemble."""
        deadline = time.monotonic() + seconds
        while True:
            live = await self._stage.kube.list(ENSEMBLE, PLACE)
            behind = [body for body in live if not is_so(body)]
            if len(live) == self._size and not behind:
                return
            if time.monotonic() > deadline:
                text = json.dumps(behind[:2])[:3000]
                raise TimeoutError(f"{len(behind)} of {self._size} not {what}; {text}")
            # Lists of everything are not for free, and are not what is measured.
            await asyncio.sleep(1 + self._size / 100)

    async def _adopt(self, operator: OperatorProcess) -> dict[str, str]:
        """From the start of the process until every ensemble was looked at."""
        started = time.monotonic()
        operator.start()
        looked = f'{_PREFIX}reconciles_total{{result="done"}}'
        while True:
            # The page has lines for each ensemble, and to write it is work of the same process.
            await asyncio.sleep(self._size / 200)
            samples = await operator.metrics()
            if samples.get(looked, 0) >= self._size and not samples[f"{_PREFIX}workqueue_depth"]:
                break
            assert time.monotonic() - started < 600, samples
        now = await measure(operator)
        writes = sum(
            v for k, v in now.samples.items() if k.startswith(f"{_PREFIX}api_writes_total")
        )
        lease = sum(v for k, v in now.samples.items() if "api_writes_total" in k and '"Lease"' in k)
        return {
            "restart → all looked at": f"{time.monotonic() - started:.1f} s",
            "CPU of that ": f"{now.cpu:.1f} s",
            "writes of that": f"{writes - lease:.0f}",
        }

    async def _rest_now(self, operator: OperatorProcess) -> dict[str, str]:
        await asyncio.sleep(15)
        before = await measure(operator)
        await asyncio.sleep(self._rest)
        after = await measure(operator)
        await scrape(operator, seconds=self._rest, every=SCRAPE_SECONDS)
        scraped = await measure(operator)
        reads = after.requests(before, _READS)
        writes = after.requests(
            before, ("apply", "apply_status", "create", "delete", "patch", "update")
        )
        return {
            "CPU at rest": f"{after.cores(before):.3f} core",
            "CPU at rest, scraped": f"{scraped.cores(after):.3f} core",
            "resident at rest": f"{after.resident:.0f} MiB",
            "reads at rest, per minute": _listed(reads),
            "writes at rest, per minute": f"{_listed(writes)} (the Lease)",
        }

    async def _edit_beside_silence(self, operator: OperatorProcess) -> dict[str, str]:
        """Edits of healthy ensembles while all members of up to 100 others have been silent for minutes."""
        silent = min(_SILENT_ENSEMBLES, self._size - 1)
        for number in range(silent):
            self._stage.farm.lie(PLACE, f"zk{number:04}", everyone="silent")
        await asyncio.sleep(self._silence)
        before = await measure(operator)
        edits = await self._edit(range(silent, self._size))
        after = await measure(operator)
        found = {row.replace("edit", f"{_SILENT_ROW}, edit"): told for row, told in edits.items()}
        return found | {
            f"{_SILENT_ROW}, CPU": f"{after.cores(before):.3f} core",
            f"{_SILENT_ROW}, silent members": str(silent * SPEC["replicas"]),
        }

    async def _edit(self, numbers: range) -> dict[str, str]:
        """Edits of specs until the child that they concern, a NetworkPolicy, is gone, or is back."""
        waits: list[float] = []
        async with _watch_policies() as told:
            for number in range(self._edits):
                name = f"zk{numbers[number * 7919 % len(numbers)]:04}"
                self._open ^= {name}
                change = {"spec": {"networkPolicy": {"enabled": name not in self._open}}}
                told.pop(name, None)
                started = time.monotonic()
                await self._stage.edit(PLACE, change, name=name)
                async with asyncio.timeout(60):
                    while name not in told:  # noqa: ASYNC110 -- the time of the write is in it
                        await asyncio.sleep(0.002)
                waits.append(told[name] - started)
                await asyncio.sleep(0.1)
        cuts = statistics.quantiles(waits, n=100)
        return {
            "edit → first write, p50": f"{cuts[49] * 1000:.0f} ms",
            "edit → first write, p99": f"{cuts[98] * 1000:.0f} ms",
        }


def _is_ready(body: Object) -> bool:
    return condition(body, "Ready").get("status") == "True"


def _listed(found: Mapping[str, float]) -> str:
    told = ", ".join(f"{verb} {value:.0f}" for verb, value in sorted(found.items()) if value)
    return told or "none"


@asynccontextmanager
async def _watch_policies() -> AsyncIterator[dict[str, float]]:
    """When the NetworkPolicy of which ensemble last came or went."""
    told: dict[str, float] = {}
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    path = f"{SERVER}/apis/networking.k8s.io/v1/namespaces/{PLACE}/networkpolicies"
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {ADMIN}"},
        connector=aiohttp.TCPConnector(ssl=trust),
        timeout=aiohttp.ClientTimeout(),
        read_bufsize=1 << 22,
    ) as session:
        async with session.get(path, params={"limit": "1"}) as answer:
            version = (await answer.json())["metadata"]["resourceVersion"]

        async def follow() -> None:
            query = {"watch": "1", "resourceVersion": version}
            async with session.get(path, params=query) as stream:
                async for line in stream.content:
                    event = json.loads(line)
                    if event["type"] in {"ADDED", "DELETED"}:
                        told[event["object"]["metadata"]["name"]] = time.monotonic()

        following = asyncio.create_task(follow())
        try:
            yield told
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


async def bench(size: int, tools: Path, arguments: argparse.Namespace) -> dict[str, str]:
    """One column of the table."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        plane = ControlPlane(tools=tools, directory=Path(directory))
        farm = Farm(plane)
        try:
            plane.start()
            async with await connect(Settings(kubeconfig=str(plane.kubeconfig))) as kube:
                await prepare(kube)
            farm.start()
            async with open_stage(plane, farm) as stage:
                run = Bench(
                    stage,
                    size,
                    rest_seconds=arguments.rest,
                    silent_seconds=arguments.silence,
                    edits=arguments.edits,
                )
                return await run.run()
        finally:
            farm.stop()
            plane.stop()


def main() -> None:
    """Measure, and print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 300, 1000])
    parser.add_argument("--rest", type=float, default=345, help="seconds at rest: a whole resync")
    parser.add_argument("--silence", type=float, default=180, help="seconds before those edits")
    parser.add_argument("--edits", type=int, default=100, help="edits timed one after the other")
    arguments = parser.parse_args()
    tools = find_kubernetes()
    enter_own_network()
    columns = {}
    for size in arguments.sizes:
        columns[size] = asyncio.run(bench(size, tools, arguments))
        print(f"# {size}: {json.dumps(columns[size], ensure_ascii=False)}", flush=True)  # noqa: T201
    heads = [f"{size} ensembles" for size in columns]
    rows = [["", *heads], ["---"] * (len(heads) + 1)]
    rows += [[row, *(c[row] for c in columns.values())] for row in next(iter(columns.values()))]
    for row in rows:
        print(f"| {' | '.join(row)} |")  # noqa: T201


if __name__ == "__main__":
    main()
