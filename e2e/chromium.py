"""A headless Chromium that a test talks to: open a page, evaluate, photograph, and hear what it reports.

By the DevTools protocol, over a WebSocket of this machine. `e2e.browser` is for single pictures of pages.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
from e2e.browser import FLAGS, find_browser

_START_SECONDS: Final = 120.0
_CALL_SECONDS: Final = 60.0


class Page:
    """One tab. `reported` is what the page has written to the console, `failed` what a script has thrown."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.reported: list[str] = []
        self.failed: list[str] = []
        self.requested: list[str] = []
        self.dialogs: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def listen(self) -> None:
        """Hear what the browser says, until it ends."""
        async for message in self._socket:
            found = json.loads(message.data)
            if "id" in found:
                waiting = self._waiting.pop(found["id"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(found)
                continue
            params = found.get("params", {})
            match found.get("method"):
                case "Runtime.consoleAPICalled":
                    self.reported += [str(a.get("value", "")) for a in params["args"]]
                case "Log.entryAdded":
                    self.reported.append(params["entry"]["text"])
                case "Runtime.exceptionThrown":
                    self.failed.append(json.dumps(params["exceptionDetails"])[:1000])
                case "Network.requestWillBeSent":
                    self.requested.append(params["request"]["url"])
                case "Page.javascriptDialogOpening":
                    self.dialogs.append(params["message"])

    async def call(self, method: str, **params: Any) -> Any:
        """Call one method of the protocol.

        Raises:
            AssertionError: the browser refused it.
        """
        number = next(self._numbers)
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(_CALL_SECONDS):
            found = await waiting
        assert "error" not in found, found["error"]
        return found["result"]

    async def open(self, address: str) -> None:
        """Go to an address."""
        await self.call("Page.navigate", url=address)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, awaited if it is a promise.

        Raises:
            AssertionError: it has thrown.
        """
        found = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def text(self, selector: str = "body") -> str:
        """The text that an element shows; empty if there is none."""
        chosen = json.dumps(selector)
        found = await self.evaluate(f"document.querySelector({chosen})?.innerText ?? ''")
        return str(found)

    async def wait(self, expression: str, *, seconds: float = 30.0) -> Any:
        """Wait until an expression is true, and return it.

        Raises:
            AssertionError: it is not, with what the page shows.
        """
        end = asyncio.get_running_loop().time() + seconds
        while True:
            found = await self.evaluate(expression)
            if found:
                return found
            if asyncio.get_running_loop().time() > end:
                shown = (await self.text())[:3000]
                raise AssertionError(
                    f"not within {seconds:g} s: {expression}\n{shown}\n{self.failed} {self.reported}"
                )
            await asyncio.sleep(0.05)

    async def click(self, selector: str) -> None:
        """Click an element.

        Raises:
            AssertionError: there is none.
        """
        chosen = json.dumps(selector)
        clicked = await self.evaluate(
            f"(() => {{ const e = document.querySelector({chosen}); e?.click(); return !!e; }})()"
        )
        assert clicked, selector

    async def press(self, key: str) -> None:
        """Press and release a key that writes nothing, such as `ArrowDown`, where the focus is."""
        for kind in ("rawKeyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    async def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Give the window a size and a colour scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def photograph(self, file: Path) -> None:
        """Keep what it looks like as a PNG."""
        found = await self.call("Page.captureScreenshot", format="png")
        content = base64.b64decode(found["data"])
        await asyncio.to_thread(_write, file, content)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


@contextlib.asynccontextmanager
async def open_browser() -> AsyncIterator[Page]:
    """A browser with one empty page, for as long as the context lasts.

    Raises:
        AssertionError: there is no browser, or it does not start.
    """
    browser = await asyncio.to_thread(find_browser)
    assert browser is not None, "there is no Chromium"
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(browser, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0"),
            *("--remote-allow-origins=*", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort", process)
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(await _target(session, port), max_msg_size=0) as socket,
            ):
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                try:
                    for domain in ("Page", "Runtime", "Log", "Network"):
                        await page.call(f"{domain}.enable")
                    yield page
                finally:
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _port(file: Path, process: asyncio.subprocess.Process) -> int:
    end = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        assert process.returncode is None, "Chromium has ended"
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((await asyncio.to_thread(file.read_text)).splitlines()[0])
        assert asyncio.get_running_loop().time() < end, "Chromium does not start"
        await asyncio.sleep(0.1)


async def _target(session: aiohttp.ClientSession, port: int) -> str:
    end = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            pages = [t for t in await answer.json() if t["type"] == "page"]
        if pages:
            return str(pages[0]["webSocketDebuggerUrl"])
        assert asyncio.get_running_loop().time() < end, "Chromium shows no page"
        await asyncio.sleep(0.1)
