"""The operator as it runs for users: a process of its own, told everything by its command line."""

import asyncio
import contextlib
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import aiohttp
from tests.integration.processes import Process

_ROOT: Final = Path(__file__).parents[2]
_FAST: Final = {
    "reach": "addresses",
    "leader-election": "false",
    "workers": "64",
    "probe-seconds": "2",
    "unsettled-seconds": "0.3",
    "resync-seconds": "60",
}


class OperatorProcess:
    """One operator; it can be killed and started again, and then appends to the same log."""

    def __init__(self, name: str, *, kubeconfig: Path, port: int, **options: str) -> None:
        self.port = port
        self.kubeconfig = kubeconfig
        self.exits: list[int] = []
        settings = {
            **_FAST,
            "kubeconfig": str(kubeconfig),
            "http-port": str(port),
            "identity": name,
        }
        settings |= {key.replace("_", "-"): value for key, value in options.items()}
        self._process = Process(
            name,
            [
                *(
                    "env",
                    f"PYTHONPATH={_ROOT / 'operator'}",
                    sys.executable,
                    "-W",
                    "error",
                ),
                *("-m", "zookeeper_operator"),
                *(f"--{key}={value}" for key, value in settings.items()),
            ],
            directory=kubeconfig.parent,
        )
        self._process.log.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        self._process.start()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def signal(self, number: signal.Signals) -> None:
        self._process.signal(number)

    async def ended(self, seconds: float = 15) -> int | None:
        """Wait until it has ended by itself; its exit code."""
        async with asyncio.timeout(seconds):
            while self.running:  # noqa: ASYNC110 -- a process tells nobody
                await asyncio.sleep(0.02)
        code = self._process.exit_code
        self._process.kill()
        return code

    async def exited(self, seconds: float = 60) -> None:
        """Wait until `supervise` has started it again."""
        async with asyncio.timeout(seconds):
            while not self.exits:  # noqa: ASYNC110 -- a process tells nobody
                await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """Start it again whenever it has ended, as a Deployment does."""
        keeping = asyncio.create_task(self._supervise())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _supervise(self) -> None:
        while True:
            if not self.running:
                self._process.kill()
                self.exits.append(1)
                self.start()
            await asyncio.sleep(0.2)

    def log(self) -> str:
        return self._process.log.read_text(errors="replace")

    def tracebacks(self) -> list[str]:
        """Every traceback in its log, with the line above it."""
        return re.findall(
            r"[^\n]*\nTraceback \(most recent call last\):\n(?:.*\n){,60}", self.log()
        )

    async def ask(self, path: str) -> tuple[int, str]:
        """Status and text of `/livez`, `/readyz` or `/metrics`; (0, "") if it does not answer."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            timeout = aiohttp.ClientTimeout(total=5)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        return 0, ""

    async def metrics(self) -> Mapping[str, float]:
        """Every sample by its name and labels as written."""
        _, text = await self.ask("/metrics")
        samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    async def ready(self, seconds: float = 20) -> None:
        """Wait until `/readyz` says so."""
        deadline = time.monotonic() + seconds
        while (await self.ask("/readyz"))[0] != 200:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the operator is not ready\n{self._process.tail()}")
            await asyncio.sleep(0.05)
