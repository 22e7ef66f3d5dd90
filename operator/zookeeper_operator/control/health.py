"""The little HTTP server that says whether this process is alive, ready, and what it measures.

kopf's own probe endpoint knows no readiness and no metrics, and hangs when a probe raises; hence
this one. It answers like the Kubernetes components do: a line per check, `[+]name ok` or `[-]name
failed: why`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from aiohttp import web

logger = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""None if all is healthy, else a sentence that says what is wrong. Must return at once."""

_METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SHUTDOWN_SECONDS = 1.0


class HealthServer:
    """Serves `/livez`, `/readyz` and `/metrics`.

    Liveness always has the check `loop`: a task wakes every `tick_seconds` and measures how late
    it was. It fails when the loop was later than `lag_limit` the last time, or is that much
    overdue. A loop that stands still altogether answers no probe, which has the same effect on
    the kubelet.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metrics: Callable[[], bytes],
        tick_seconds: float = 1.0,
        lag_limit: float = 5.0,
        on_lag: Callable[[float], None] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._tick_seconds = tick_seconds
        self._lag_limit = lag_limit
        self._on_lag = on_lag
        self._last_lag = 0.0
        self._due: float | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._liveness: dict[str, Check] = {"loop": self._check_loop}
        self._readiness: dict[str, Check] = {}

    @property
    def port(self) -> int:
        """The port served on; the one the system chose if 0 was asked for."""
        if self._runner is not None and self._runner.addresses:
            return int(self._runner.addresses[0][1])
        return self._port

    @property
    def lag(self) -> float:
        """How many seconds late the loop was at the last tick, or is now if that is more."""
        if self._due is None:
            return 0.0
        return max(self._last_lag, asyncio.get_running_loop().time() - self._due, 0.0)

    def add_liveness(self, name: str, check: Check) -> None:
        """Register a check whose failing means: restart this process.

        Raises:
            ValueError: the name is taken.
        """
        _register(self._liveness, name, check)

    def add_readiness(self, name: str, check: Check) -> None:
        """Register a check whose failing means: send this process nothing.

        Raises:
            ValueError: the name is taken.
        """
        _register(self._readiness, name, check)

    async def start(self) -> None:
        """Serve from now on; returns when the port is open.

        Raises:
            OSError: the address is taken or not ours.
        """
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._serve_metrics)
        runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        self._due = asyncio.get_running_loop().time() + self._tick_seconds
        self._ticking = asyncio.create_task(self._tick(), name="health: loop tick")

    async def stop(self) -> None:
        """Serve no more. Stopping twice, or before the start, does nothing."""
        ticking, self._ticking = self._ticking, None
        runner, self._runner = self._runner, None
        if ticking is not None:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
        self._due = None
        if runner is not None:
            await runner.cleanup()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = self._due = loop.time() + self._tick_seconds
            await asyncio.sleep(self._tick_seconds)
            self._last_lag = max(loop.time() - due, 0.0)
            if self._on_lag is not None:
                self._on_lag(self._last_lag)

    def _check_loop(self) -> str | None:
        if self._ticking is None or self._ticking.done():
            return "the tick task is not running"
        if self.lag > self._lag_limit:
            return f"the event loop is {self.lag:.1f} s late (limit {self._lag_limit:g} s)"
        return None

    async def _livez(self, _: web.Request) -> web.Response:
        return _answer(self._liveness)

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self._readiness)

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": _METRICS_CONTENT_TYPE})


def _register(checks: dict[str, Check], name: str, check: Check) -> None:
    if name in checks:
        raise ValueError(f"There is a check {name!r} already")
    checks[name] = check


def _answer(checks: Mapping[str, Check]) -> web.Response:
    """200 and a line per check if all are healthy, else 503; a check that raises has failed."""
    lines: list[str] = []
    healthy = True
    for name, check in checks.items():
        try:
            problem = check()
        except Exception as error:
            logger.exception("Health check raised", extra={"check": name})
            problem = f"the check itself raised {type(error).__name__}: {error}"
        if problem is None:
            lines.append(f"[+]{name} ok")
        else:
            healthy = False
            lines.append(f"[-]{name} failed: {problem}")
    lines.append("ok" if healthy else "failed")
    return web.Response(text="\n".join(lines) + "\n", status=200 if healthy else 503)
