"""A browser gets the latest of each value; nothing piles up for a slow one."""

import asyncio

import pytest

from zookeeper_operator.cli.page.channel import Channel

pytestmark = pytest.mark.looptime


async def test_everything_first_then_only_what_has_changed() -> None:
    channel = Channel()
    channel.put("a", 1)
    channel.put("b", 1)
    browser = channel.follow(10)
    assert await anext(browser) == [("a", 1), ("b", 1)]
    channel.put("b", 2)
    assert await anext(browser) == [("b", 2)]
    await browser.aclose()
    assert channel.subscribers == 0


async def test_a_slow_browser_skips_what_is_outdated() -> None:
    channel = Channel()
    browser = channel.follow(10)
    assert await anext(browser) == []
    for number in range(1000):
        channel.put("a", number)
        channel.put(f"row:{number % 3}", number)
    assert await anext(browser) == [("row:1", 997), ("row:2", 998), ("a", 999), ("row:0", 999)]
    await browser.aclose()


async def test_the_same_value_again_is_no_change() -> None:
    channel = Channel()
    channel.put("a", {"x": 1})
    browser = channel.follow(10)
    await anext(browser)
    channel.put("a", {"x": 1})
    started = asyncio.get_running_loop().time()
    assert await anext(browser) == []
    assert asyncio.get_running_loop().time() - started == pytest.approx(10)
    await browser.aclose()
