"""A browser as the server of the page sees it: it exchanges the token, follows a stream, asks for values."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import aiohttp


class PageReader:
    """One browser. `values` are the latest of the stream it follows, `received` how many bytes that took."""

    def __init__(self, link: str) -> None:
        self.origin, _, self.token = link.partition("/#")
        self.values: dict[str, Any] = {}
        self.received = 0
        self.messages = 0
        self._key = ""
        self._session: aiohttp.ClientSession | None = None
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120))
        status, found = await self.request("POST", "/key", json={"token": self.token})
        assert status == 200, found
        self._key = found["key"]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def request(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._key}", **options.pop("headers", {})}
        async with self._session.request(
            method, self.origin + path, headers=headers, **options
        ) as answer:
            return answer.status, json.loads(await answer.read() or b"null")

    async def ask(self, path: str, /, **query: str) -> Any:
        """The value of an answer that is a success."""
        status, found = await self.request("GET", f"/api/{path}", params=query)
        assert status == 200, found
        return found

    @contextlib.asynccontextmanager
    async def follow(self, path: str) -> AsyncIterator[None]:
        """Follow a stream for as long as the context lasts."""
        self.values.clear()
        following = asyncio.create_task(self._follow(path))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _follow(self, path: str) -> None:
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._key}"}
        timeout = aiohttp.ClientTimeout()
        async with self._session.get(
            f"{self.origin}/api/{path}", headers=headers, timeout=timeout
        ) as answer:
            assert answer.status == 200
            pending = b""
            async for chunk in answer.content.iter_any():
                self.received += len(chunk)
                *parts, pending = (pending + chunk).split(b"\n\n")
                for part in parts:
                    self.values |= dict(json.loads(part.removeprefix(b"data: ")))
                    self.messages += 1
                self._changed.set()

    async def until(
        self, check: Callable[[dict[str, Any]], object], *, seconds: float = 60
    ) -> float:
        """Wait until the values are as wanted; when that was, by the monotonic clock.

        Raises:
            TimeoutError: with what they are.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._changed.clear()
                    if check(self.values):
                        return time.monotonic()
                    await self._changed.wait()
        except TimeoutError:
            shown = json.dumps(self.values)[:3000]
            raise TimeoutError(f"not within {seconds:g} s: {shown}") from None
