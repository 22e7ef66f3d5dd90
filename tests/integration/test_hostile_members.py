"""Members whose AdminServer answers anything but what it should: unknown is unknown, and costs little."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from zookeeper_operator.zookeeper.answers import Answers
from zookeeper_operator.zookeeper.client import ZooKeeperClient
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.routes.direct import DirectAdmin, DirectClients

MEMBER = Address(1, "test", "zk-1", "127.0.0.100")

Respond = Callable[[str, asyncio.StreamWriter], Awaitable[None]]

FINE: dict[str, dict[str, Any]] = {
    "leader": {"is_leader": False, "leader_id": 3, "error": None},
    "monitor": {"peer_state": "following - broadcast", "server_state": "follower", "error": None},
    "voting_view": {"current_config": {"1": {}, "3": {}}, "error": None},
    "server_stats": {"server_stats": {"last_processed_zxid": 5}, "error": None},
    "dirs": {"datadir_size": 1, "logdir_size": 2, "error": None},
}


@asynccontextmanager
async def member(respond: Respond) -> AsyncIterator[None]:
    """An AdminServer that does as it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            await respond(request.split()[1].decode().removeprefix("/commands/"), writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, MEMBER.ip, 8080)
    async with server:
        yield


async def _probe(seconds: float = 1.0) -> tuple[Answers, list[str | None]]:
    failures: list[str | None] = []
    client = ZooKeeperClient(
        DirectAdmin(),
        DirectClients(),
        probe_timeout_seconds=seconds,
        on_probe=lambda _, failure: failures.append(failure),
    )
    try:
        return (await client.probe([MEMBER], thorough=True))[1], failures
    finally:
        await client.close()


def _page(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def _telling(changed: dict[str, bytes]) -> Respond:
    """A member that is fine but for these bodies."""

    async def respond(command: str, writer: asyncio.StreamWriter) -> None:
        writer.write(_page(changed.get(command, json.dumps(FINE[command]).encode())))
        await writer.drain()

    return respond


async def test_the_stand_in_itself_is_fine() -> None:
    async with member(_telling({})):
        answer, failures = await _probe()
    assert answer.serving
    assert (answer.zxid, answer.data_bytes, answer.log_bytes) == (5, 1, 2)
    assert answer.voting_view == frozenset({1, 3})
    assert failures == [None]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"leader_id": 3, "error": nu',
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"error": null, "leader_id": ' + b"9" * 6000 + b"}",
    ],
    ids=["empty", "cut", "list", "null", "no-error", "binary", "deep", "long-number"],
)
async def test_one_unreadable_answer_is_unknown_and_not_down(body: bytes) -> None:
    async with member(_telling({"leader": body})):
        answer, failures = await _probe()
    assert answer.reachable
    assert answer.leader_id is None
    assert not answer.is_leader
    assert answer.peer_state == "following - broadcast"
    assert "leader" in (answer.problem or "")
    assert failures == ["unreadable"]


@pytest.mark.parametrize("command", ["voting_view", "server_stats", "dirs"])
async def test_side_questions_do_not_make_a_member_bad(command: str) -> None:
    async with member(_telling({command: b"<html>"})):
        answer, failures = await _probe()
    assert answer.serving
    assert failures == [None]


async def test_error_page_of_monitor_means_not_serving() -> None:
    async def respond(command: str, writer: asyncio.StreamWriter) -> None:
        if command == "monitor":
            writer.write(_page(b"<html>NullPointerException</html>", "500 Server Error"))
        else:
            writer.write(_page(json.dumps(FINE[command]).encode()))

    async with member(respond):
        answer, failures = await _probe()
    assert answer.reachable
    assert answer.problem == "does not serve (monitor failed)"
    assert failures == ["not_serving"]


async def test_values_of_the_wrong_kind_are_unknown() -> None:
    lies = {
        "leader": {"is_leader": "yes", "leader_id": True, "error": None},
        "monitor": {
            "peer_state": ["following - broadcast"],
            "server_state": 7,
            "num_alive_connections": 1 << 70,
            "version": {"a": 1},
            "error": None,
        },
        "voting_view": {"current_config": {"1": {}, "two": {}}, "error": None},
        "server_stats": {"server_stats": [1], "error": None},
        "dirs": {"datadir_size": -1, "logdir_size": "2", "error": None},
    }
    async with member(_telling({c: json.dumps(told).encode() for c, told in lies.items()})):
        answer, _ = await _probe()
    assert answer == Answers(1, reachable=True)
    assert not answer.serving


async def test_errors_are_told_in_one_short_line() -> None:
    told = {"error": "bad\n\x1b[31m " + "x" * 5000}
    async with member(_telling({"leader": json.dumps(told).encode()})):
        answer, _ = await _probe()
    assert answer.problem is not None
    assert len(answer.problem) <= 200
    assert "\n" not in answer.problem


async def test_endless_answer_is_cut_off() -> None:
    async def respond(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()

    async with member(respond):
        started = time.monotonic()
        answer, _ = await _probe(5.0)
        assert time.monotonic() - started < 4
    assert answer.reachable
    assert answer.problem == "the answer to leader is not JSON"


async def test_slow_drip_ends_with_the_timeout() -> None:
    async def respond(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with member(respond):
        started = time.monotonic()
        answer, failures = await _probe(0.5)
        assert time.monotonic() - started < 2
    assert not answer.reachable
    assert failures == ["timeout"]


async def test_redirects_are_not_followed() -> None:
    followed = []

    async def respond(command: str, writer: asyncio.StreamWriter) -> None:
        if command not in FINE:
            followed.append(command)
        target = f"Location: http://{MEMBER.ip}:8080/elsewhere\r\n"
        writer.write(_page(b"", "302 Found", target))

    async with member(respond):
        answer, _ = await _probe()
    assert answer.reachable
    assert followed == []


async def test_no_http_at_all_is_unreachable() -> None:
    async def respond(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"imok")

    async with member(respond):
        answer, failures = await _probe()
    assert not answer.reachable
    assert failures == ["unreachable"]
