"""The server of `kubectl zk page` on ensembles that are operated: elections, losses, many, hostile znodes."""

import asyncio
import contextlib
import gc
import itertools
import json
import logging
import os
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from e2e.chromium import open_browser
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl
from tests.integration.control_plane import ControlPlane
from tests.integration.page_reader import PageReader
from tests.integration.proxy import Fault, FaultProxy, Hang, Refuse, no_fault
from tests.integration.stage import ENSEMBLE, Stage
from tests.integration.zookeeper_servers import ZooKeeperServers

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.page.command import open_page, serve
from zookeeper_operator.cli.page.guard import HEADERS
from zookeeper_operator.cli.page.loads import LoadReader
from zookeeper_operator.cli.page.server import Sources
from zookeeper_operator.cli.page.watcher import Watchers
from zookeeper_operator.cli.page.whatif import WhatIf
from zookeeper_operator.cli.page.znodes import Znodes
from zookeeper_operator.cli.reading import open_admin_servers, open_cluster, open_members
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import RESOURCES, Object
from zookeeper_operator.zookeeper.protocol import Address
from zookeeper_operator.zookeeper.servers import CLIENT_PORT

SPEC: Final[Object] = {"replicas": 3, "storage": {"data": {"size": "1Gi"}}}
ELECTIONS: Final = 3
MANY: Final = 500
STARTING: Final = Refuse(503, "connect: connection refused")
"""What the API server answers while a member's process starts."""
_NUMBERS: Final = itertools.count(1)


def measured(text: str) -> None:
    """Report a figure; `--log-cli-level=INFO` shows it."""
    logging.getLogger("page").info("%s", text)


class Place:
    """A settled ensemble whose operator is away, and a page of it behind a proxy."""

    def __init__(
        self, stage: Stage, name: str, proxy: FaultProxy, target: KubeContext, link: str
    ) -> None:
        self.stage = stage
        self.name = name
        self.proxy = proxy
        self.target = target
        self.link = link
        self.path = f"ensembles/{name}/zk"

    async def delete_leader(self) -> int:
        """Delete the pod of the leader; its id."""
        leader = int(self.stage.farm.truth(self.name)["leader"])
        pod = RESOURCES["Pod"]
        live = await self.stage.kube.get(pod, self.name, f"zk-{leader}")
        assert live is not None
        await self.stage.kube.delete(pod, self.name, f"zk-{leader}", uid=live["metadata"]["uid"])
        return leader

    async def elected(self, instead_of: int) -> tuple[int, float]:
        """Wait until another member leads, by the members themselves; who, and when that was seen."""
        async with asyncio.timeout(60):
            while True:
                found = (await asyncio.to_thread(self.stage.farm.truth, self.name))["leader"]
                if found not in {None, instead_of}:
                    return int(found), time.monotonic()
                await asyncio.sleep(0.005)

    async def whole(self, reader: PageReader) -> None:
        """Wait until every member serves, in the picture, by its own answer."""
        await reader.until(lambda v: of_members(v) and serving(v) == [1, 2, 3])


def of_members(values: dict[str, Any]) -> bool:
    """Whether the picture is made of the members' own answers."""
    return (values.get("picture") or {}).get("source") == "members"


def serving(values: dict[str, Any]) -> list[int]:
    members = (values.get("picture") or {}).get("members", [])
    return [m["id"] for m in members if m["serving"]]


def leading(values: dict[str, Any]) -> int | None:
    leader = (values.get("picture") or {}).get("leader")
    return leader["id"] if leader else None


def leads(member: int, values: dict[str, Any]) -> bool:
    return leading(values) == member


def tells(text: str, values: dict[str, Any]) -> bool:
    return any(text in told for told in texts(values))


def texts(values: dict[str, Any]) -> list[str]:
    return [m["text"] for m in values.get("timeline", []) if m["kind"] != "event"]


async def make_target(
    stage: Stage, plane: ControlPlane, name: str
) -> tuple[FaultProxy, KubeContext]:
    proxy = await stage.proxy()
    kubeconfig = plane.directory / f"kubeconfig-page-{name}"
    plane.write_kubeconfig(kubeconfig, "admin-token", server=proxy.url)
    return proxy, KubeContext(str(kubeconfig), "local", name)


async def create_settled(stage: Stage, name: str) -> None:
    """Create an ensemble in the namespace of this name; when it is settled, no operator runs any more."""
    operator = stage.operator(name, namespaces=name)
    operator.start()
    await stage.create(name, SPEC)
    await stage.settled([name])
    operator.kill()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures are kept; with PICTURES=docs/img they are those of the documentation."""
    return Path(os.environ.get("PICTURES") or tmp_path).absolute()


@pytest.fixture
async def place(
    stage: Stage, control_plane: ControlPlane, request: pytest.FixtureRequest
) -> AsyncIterator[Place]:
    name = getattr(request, "param", f"page-{next(_NUMBERS)}")
    await stage.namespaces(name)
    await create_settled(stage, name)
    proxy, target = await make_target(stage, control_plane, name)
    async with open_page(target, "zk", everywhere=False, port=0) as link:
        yield Place(stage, name, proxy, target, link)


# ---------------------------------------------------------------------- elections


async def test_a_new_leader_is_shown_within_a_second_of_its_election(place: Place) -> None:
    """No operator runs: what is shown comes from the members."""
    late = []
    async with PageReader(place.link) as reader, reader.follow(place.path):
        for _ in range(ELECTIONS):
            await place.whole(reader)
            old = await place.delete_leader()
            new, elected = await place.elected(old)
            shown = await reader.until(partial(leads, new))
            late.append(shown - elected)
            epoch = reader.values["picture"]["leader"]["epoch"]
            await reader.until(partial(tells, f"zk-{new} leads epoch {epoch}"))
    measured(f"a new leader was shown {[round(s, 3) for s in late]} s after its election")
    assert max(late) <= 1.0, late


async def test_a_member_that_does_not_answer_delays_nothing(place: Place) -> None:
    async with PageReader(place.link) as reader, reader.follow(place.path):
        await place.whole(reader)
        leader = place.stage.farm.truth(place.name)["leader"]
        (mute,) = {1, 2} - {leader} if leader != 3 else {1}
        place.stage.farm.lie(place.name, **{f"member_{mute}": "silent"})
        await reader.until(lambda v: mute not in serving(v))
        old = await place.delete_leader()
        new, elected = await place.elected(old)
        shown = await reader.until(lambda v: leading(v) == new)
        measured(f"beside a silent member: {shown - elected:.3f} s")
        assert shown - elected <= 1.0


# ---------------------------------------------------------------------- the cluster is lost


@pytest.mark.parametrize(
    ("fault", "opened"),
    [
        (None, True),
        (None, False),
        (Hang(120), False),
        (Refuse(503, "ServiceUnavailable"), False),
    ],
    ids=repr,
)
async def test_the_page_survives_the_loss_of_the_cluster(
    place: Place, fault: Fault | None, *, opened: bool
) -> None:
    """Cut off, silent, or refusing everything: no member is called lost, and it comes back by itself.

    The cluster may be lost when the page has just been `opened`, and the leader has not answered as the
    others have.
    """
    before = place.stage.farm.truth(place.name)["leader"]
    if opened:
        place.proxy.decide = lambda c: Hang(120) if c.name.startswith(f"zk-{before}:") else None
    async with PageReader(place.link) as reader, reader.follow(place.path):
        if opened:
            await reader.until(lambda v: serving(v) == [1, 2, 3])
            await asyncio.sleep(1)
        else:
            await place.whole(reader)
        assert leading(reader.values) == before, reader.values["picture"]
        if fault is None:
            await place.proxy.shut()
        else:
            place.proxy.decide = lambda _: fault
        lost = time.monotonic()
        noticed = await reader.until(lambda v: not v["cluster"]["reachable"]) - lost
        measured(f"{fault}: the loss was shown after {noticed:.2f} s")
        assert noticed < 10
        assert reader.values["cluster"]["problem"]
        await asyncio.sleep(6)
        assert serving(reader.values) == [1, 2, 3], reader.values["picture"]
        assert leading(reader.values) == before, reader.values["picture"]
        assert not [t for t in texts(reader.values) if "zk-" in t and "does not" in t]

        # What happens meanwhile is shown as soon as the cluster is back.
        old = await place.delete_leader()
        new, _ = await place.elected(old)
        place.proxy.decide = no_fault
        if fault is None:
            await place.proxy.open()
        back = time.monotonic()
        shown = await reader.until(lambda v: v["cluster"]["reachable"] and leading(v) == new)
        measured(f"{fault}: up to date {shown - back:.2f} s after the cluster came back")
        assert shown - back < 15


# ---------------------------------------------------------------------- doors


async def test_who_has_no_key_gets_no_data_and_nothing_can_be_changed(place: Place) -> None:
    async with PageReader(place.link) as reader:
        everything = ("place", "ensembles", place.path, f"{place.path}/znode?path=/")
        async with aiohttp.ClientSession(reader.origin) as stranger:
            for path in everything:
                async with stranger.get(f"/api/{path}") as answer:
                    assert answer.status == 401, path
            async with stranger.post("/key", json={"token": reader.token}) as answer:
                assert answer.status == 403, "a link works once"
            for body in (b"", b"[]", b'{"token": 3}', b"{" * 1000):
                async with stranger.post("/key", data=body) as answer:
                    assert answer.status == 403
            for page in ("/", "/static/page.js", "/static/page.css", "/static/none", "/none"):
                async with stranger.get(page) as answer:
                    assert HEADERS.items() <= dict(answer.headers).items(), page
            for away in ("/static/..%2fguard.py", "/static/%2e%2e/guard.py", "/static//etc/passwd"):
                async with stranger.get(away) as answer:
                    assert answer.status == 404
        status, found = await reader.request(
            "GET", "/api/place", headers={"Host": "evil.example:80"}
        )
        assert (status, list(found)) == (403, ["error"])
        headers = {"Origin": "http://evil.example"}
        assert (await reader.request("GET", "/api/place", headers=headers))[0] == 403
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            async with aiohttp.ClientSession(reader.origin) as session:
                headers = {"Authorization": f"Bearer {reader._key}"}
                async with session.request(method, f"/api/{place.path}", headers=headers) as answer:
                    assert answer.status == 405, method
        assert (await reader.ask("place"))["home"] == place.name
        for odd in ("ensembles/UP/zk", "ensembles/a%2Fb/zk", "ensembles/x/zk,metadata.name=y"):
            assert (await reader.request("GET", f"/api/{odd}"))[0] in {400, 404}, odd
    assert not [call for call in place.proxy.calls if call.write]


async def test_it_listens_on_this_machine_only(place: Place) -> None:
    port = int(place.link.rpartition("/#")[0].rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", port)


# ---------------------------------------------------------------------- load, what if


async def test_the_load_and_a_forecast(place: Place) -> None:
    async with PageReader(place.link) as reader:
        load = await reader.ask(f"{place.path}/load")
        assert [m["pod"] for m in load["members"]] == ["zk-1", "zk-2", "zk-3"]
        assert all(m["requestsPerSecond"] > 0 for m in load["members"])
        assert [c["address"] for c in load["clients"]] == ["10.0.0.9"]
        plan = await reader.ask(f"{place.path}/plan", replicas="5")
        assert plan["refusals"] == [], plan
        assert plan["changes"] == [{"path": "spec.replicas", "old": "3", "new": "5"}]
        status, found = await reader.request("GET", f"/api/{place.path}/plan?replicas=many")
        assert (status, list(found)) == (400, ["error"])


# ---------------------------------------------------------------------- many ensembles


async def create_many(stage: Stage, name: str) -> None:
    """Ensembles that no operator manages, each with a status."""
    limit = asyncio.Semaphore(20)

    async def create(number: int) -> None:
        async with limit:
            made = await stage.create(name, SPEC, name=f"zk-{number:03}")
            leader = {"id": 2, "pod": f"zk-{number:03}-2", "epoch": 1}
            body = {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "metadata": {"namespace": name, "name": made["metadata"]["name"]},
                "status": {
                    "summary": "Serving",
                    "nextAction": "nothing to do",
                    "leader": leader,
                    "conditions": [],
                },
            }
            await stage.kube.apply_status(ENSEMBLE, body)

    await asyncio.gather(*(create(n) for n in range(MANY)))


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("chromium")
async def test_500_ensembles(stage: Stage, control_plane: ControlPlane, pictures: Path) -> None:
    """All are listed soon, a change sends one line, and the browser shows it at once."""
    name = f"page-{next(_NUMBERS)}"
    await stage.namespaces(name)
    await create_many(stage, name)
    _, target = await make_target(stage, control_plane, name)
    async with open_page(target, "", everywhere=False, port=0) as link, PageReader(link) as reader:
        started = time.monotonic()
        async with reader.follow("ensembles"):
            complete = await reader.until(lambda v: len(rows(v)) == MANY) - started
            size = reader.received
            await asyncio.sleep(1)
            before = reader.received
            body = await stage.kube.get(ENSEMBLE, name, "zk-007")
            assert body is not None
            edited = {**body["status"], "leader": {"id": 3, "pod": "zk-007-3", "epoch": 2}}
            changed = time.monotonic()
            await stage.kube.apply_status(
                ENSEMBLE,
                {
                    "apiVersion": names.API_VERSION,
                    "kind": names.KIND,
                    "metadata": {"namespace": name, "name": "zk-007"},
                    "status": edited,
                },
            )
            shown = (
                await reader.until(lambda v: "zk-007-3" in {r["leader"] for r in rows(v)}) - changed
            )
            sent = reader.received - before
        measured(
            f"{MANY} ensembles: listed in {complete:.2f} s, {size} bytes; a change after {shown:.3f} s, "
            f"{sent} bytes"
        )
        assert complete < 10
        assert shown < 2
        assert sent < 2000, "a line, not the list"
    async with (
        open_page(target, "", everywhere=False, port=0) as link,
        open_browser() as browser,
    ):
        started = time.monotonic()
        await browser.open(link)
        await browser.wait(f"document.querySelectorAll('tbody tr').length === {MANY}")
        drawn = time.monotonic() - started
        filtered = await browser.evaluate(FILTER)
        measured(f"the browser: {drawn:.2f} s to {MANY} lines, {filtered:.0f} ms to filter them")
        assert drawn < 60
        assert filtered < 1000
        await browser.photograph(pictures / "page-overview.png")
        assert browser.failed == []


FILTER: Final = """(() => {
  const started = performance.now();
  const filter = document.getElementById('filter');
  filter.value = 'zk-123';
  filter.dispatchEvent(new Event('input'));
  const shown = document.querySelectorAll('tbody tr:not([hidden])').length;
  if (shown !== 1) throw new Error(shown);
  const took = performance.now() - started;
  filter.value = '';
  filter.dispatchEvent(new Event('input'));
  return took;
})()"""


def rows(values: dict[str, Any]) -> list[Any]:
    return [value for topic, value in values.items() if topic.startswith("row:") and value]


# ---------------------------------------------------------------------- znodes


EVIL: Final = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)<",
    "\"'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}} ${7*7}",
    "\u202egnp.exe",
    "zero\u200bwidth",
    "..%2f..%2fetc",
    "a b?c#d&e=f",
    "x" * 2000,
)
DATA: Final = {
    "html": b"<script>window.stolen = 1; alert(1)</script><img src=x onerror=alert(1)>",
    "json": b'{"a": "</script><script>alert(1)</script>", "b": [1, 2]}',
    "large": b"y" * 1_000_000,
    "binary": bytes(range(256)),
    "controls": b"one\x1b[31mtwo\x07\x00three",
    "invalid": b"\xff\xfe\xc3\x28",
    "empty": b"",
}
CHILDREN: Final = 100_000
BATCH: Final = 2000


@pytest.fixture(scope="module")
def member(zookeeper: ZooKeeperServers) -> Iterator[str]:
    """The client port of a real member with znodes that mean harm."""
    zookeeper.restore([1])
    address = f"{zookeeper[1].ip}:{names.CLIENT_PORT}"
    client = KazooClient(hosts=address, timeout=60)
    client.start(timeout=60)
    client.create("/evil")
    for name in EVIL:
        client.create(f"/evil/{name}", name.encode())
    client.create("/data")
    for name, data in DATA.items():
        client.create(f"/data/{name}", data)
    client.create("/secret", b"hidden", acl=[make_digest_acl("somebody", "else", all=True)])
    client.create("/lock", b"mine", ephemeral=True)
    yield address
    client.stop()
    client.close()


@pytest.fixture(scope="module")
def many(member: str) -> str:
    """The parent of 100 000 znodes in that member."""
    started = time.monotonic()
    client = KazooClient(hosts=member, timeout=60)
    client.start(timeout=60)
    client.create("/many")
    for start in range(0, CHILDREN, BATCH):
        transaction = client.transaction()
        for number in range(start, start + BATCH):
            transaction.create(f"/many/{number:06}", b"x")
        assert not [r for r in transaction.commit() if isinstance(r, Exception)]
    client.stop()
    client.close()
    measured(f"{CHILDREN} znodes were written in {time.monotonic() - started:.1f} s")
    return "/many"


class OneMember:
    """`ClientRoute` that leads to this member, whoever is meant."""

    def __init__(self, address: str) -> None:
        self._address = address

    @contextlib.asynccontextmanager
    async def open(
        self, members: Sequence[Address], port: int = CLIENT_PORT
    ) -> AsyncIterator[list[str]]:
        assert members
        assert port == CLIENT_PORT
        yield [self._address]


@pytest.fixture
async def znodes(place: Place, member: str) -> AsyncIterator[str]:
    """The link of a page of the ensemble, whose znodes are those of the real member."""
    async with (
        open_cluster(place.target) as kube,
        open_members(place.target, kube) as members,
        open_admin_servers(place.target, kube) as admin,
    ):
        read = Znodes(kube, OneMember(member))
        watchers = Watchers(kube, members, place.name)
        sources = Sources(
            watchers,
            read,
            LoadReader(kube, admin),
            WhatIf(place.target, kube),
            {"context": "local", "namespace": place.name, "name": "zk", "home": place.name},
        )
        try:
            async with serve(sources, 0) as link:
                yield link
        finally:
            await watchers.close()
            await read.close()


async def memory(reader: PageReader, path: str, znode: str) -> tuple[int, int]:
    """By how many bytes 20 further pages of a large znode make the process grow, and what it took at most."""

    async def turn(count: int, after: str) -> str:
        for _ in range(count):
            after = (await reader.ask(path, path=znode, after=after))["last"]
        return after

    tracemalloc.start()
    try:
        after = await turn(3, "")
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        await turn(20, after)
        gc.collect()
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    measured(f"20 pages of {CHILDREN} znodes: {now - before} bytes more, {peak >> 20} MiB at most")
    return now - before, peak


async def write_hostile_event(place: Place) -> None:
    """An Event about the ensemble whose message is markup: whoever may write Events may write it."""
    body = await place.stage.kube.get(ENSEMBLE, place.name, "zk")
    assert body is not None
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": place.name, "name": "zk.hostile"},
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "namespace": place.name,
            "name": "zk",
            "uid": body["metadata"]["uid"],
        },
        "type": "Warning",
        "reason": "<b onclick=alert(1)>",
        "message": DATA["html"].decode(),
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    await place.stage.kube.create(RESOURCES["Event"], event)


@pytest.mark.timeout(600)
async def test_100_000_znodes_and_any_data(place: Place, znodes: str, many: str) -> None:
    async with PageReader(znodes) as reader:
        started = time.monotonic()
        top = await reader.ask(f"{place.path}/children", path="/")
        opened = time.monotonic() - started
        assert {c["name"]: c["count"] for c in top["children"]}[many[1:]] == CHILDREN

        started = time.monotonic()
        first = await reader.ask(f"{place.path}/children", path=many)
        took = time.monotonic() - started
        started = time.monotonic()
        last = first["children"][-1]["name"]
        second = await reader.ask(f"{place.path}/children", path=many, after=last)
        again = time.monotonic() - started
        measured(
            f"{CHILDREN} znodes: session and root {opened:.2f} s, first page {took:.2f} s, next page "
            f"{again:.2f} s, {len(json.dumps(first))} bytes"
        )
        assert [first["count"], first["left"]] == [CHILDREN, CHILDREN - 200]
        assert [c["name"] for c in second["children"]] == [f"{n:06}" for n in range(200, 400)]
        assert took < 10
        assert again < 3
        assert len(json.dumps(first)) < 50_000, "what is not shown is not sent"

        more, most = await memory(reader, f"{place.path}/children", many)
        assert more < 2 << 20
        assert most < 100 << 20

        for name, data in DATA.items():
            found = await reader.ask(f"{place.path}/znode", path=f"/data/{name}")
            assert found["data"]["size"] == len(data), name
            assert len(json.dumps(found)) < 600_000
        for name in EVIL:
            found = await reader.ask(f"{place.path}/znode", path=f"/evil/{name}")
            assert found["data"]["size"] == len(name.encode()), name
            assert "\u202e" not in json.dumps(found["label"], ensure_ascii=False)
        hidden = await reader.request("GET", f"/api/{place.path}/znode?path=/secret")
        assert hidden == (404, {"error": "/secret may not be read without authentication"})
        for path in ("/none", "/../etc", "/a\x00b", "none"):
            status, found = await reader.request(
                "GET", f"/api/{place.path}/znode", params={"path": path}
            )
            assert (status in {400, 404}, list(found)) == (True, ["error"]), path


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("chromium")
async def test_nothing_that_is_read_runs_a_script_in_a_browser(
    place: Place, znodes: str, pictures: Path
) -> None:
    """Chromium shows every hostile name, data and message as what it is: text."""
    await write_hostile_event(place)
    async with open_browser() as browser:
        await browser.resize(1300, 900)
        await browser.open(znodes)
        await browser.wait("document.querySelector('#leader')?.textContent.includes('leads epoch')")
        await browser.photograph(pictures / "page-hostile.png")
        await browser.wait("document.querySelector('.timeline').innerText.includes('onerror')")
        await browser.evaluate(f"location.hash = '#/{place.name}/zk/znodes'")
        await browser.wait("document.querySelectorAll('[role=treeitem]').length > 3")
        for parent, count in (("evil", len(EVIL)), ("data", len(DATA))):
            await browser.evaluate(OPEN.replace("NAME", parent))
            await browser.wait(
                f"[...document.querySelectorAll('[aria-level=\"3\"]')].length >= {count}"
            )
            for number in range(count):
                await browser.evaluate(READ.replace("NUMBER", str(number)))
                await browser.wait(
                    "document.querySelector('.content h3') && "
                    "!document.querySelector('.content').innerText.includes('Reading')"
                )
                for form in ("Text", "JSON", "Hex"):
                    await browser.evaluate(
                        f"document.querySelector('.content [data-form={form}]')?.click()"
                    )
            await browser.photograph(pictures / f"page-znodes-{parent}.png")
            await browser.evaluate(OPEN.replace("NAME", parent))
        shown = await browser.evaluate("document.documentElement.outerHTML")
        assert await browser.evaluate("window.stolen") is None
        assert browser.dialogs == []
        assert browser.failed == []
        assert await browser.evaluate("document.querySelectorAll('img, iframe').length") == 0
        assert await browser.evaluate("document.querySelectorAll('script').length") == 1
        assert "\u202e" not in shown
        strangers = [
            address
            for address in browser.requested
            if not address.startswith((znodes.partition("/#")[0], "about:", "data:"))
        ]
        assert strangers == []


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("chromium")
async def test_znodes_are_read_by_keyboard(place: Place, znodes: str) -> None:
    """Arrows move and open, Enter reads, and what has the focus says its level and whether it is open."""
    async with open_browser() as browser:
        await browser.open(znodes)
        await browser.wait("!!document.querySelector('#leader')")
        await browser.evaluate(f"location.hash = '#/{place.name}/zk/znodes'")
        await browser.wait("document.querySelectorAll('[aria-level=\"2\"]').length > 3")
        await browser.evaluate("document.querySelector('[role=treeitem]').focus()")
        await browser.press("ArrowDown")
        assert await browser.evaluate(FOCUS) == ["data", "2", "false"]
        await browser.press("ArrowRight")
        await browser.wait(
            f"document.querySelectorAll('[aria-level=\"3\"]').length === {len(DATA)}"
        )
        for _ in DATA:
            await browser.press("ArrowDown")
        assert await browser.evaluate(FOCUS) == [max(DATA), "3", None]
        await browser.press("Enter")
        await browser.wait(
            f"document.querySelector('.content h3')?.innerText === '/data/{max(DATA)}'"
        )
        await browser.press("ArrowLeft")
        assert await browser.evaluate(FOCUS) == ["data", "2", "true"]
        await browser.press("ArrowLeft")
        assert await browser.evaluate(FOCUS) == ["data", "2", "false"]
        assert browser.failed == []


FOCUS: Final = """(() => {
  const item = document.activeElement;
  const said = ['aria-level', 'aria-expanded'].map((name) => item.getAttribute(name));
  return [item.querySelector('bdi').textContent, ...said];
})()"""


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("chromium")
async def test_100_000_znodes_in_a_browser(place: Place, znodes: str, many: str) -> None:
    """It shows 200 at a time, and those of before stay."""
    async with open_browser() as browser:
        await browser.open(znodes)
        await browser.wait("!!document.querySelector('#leader')")
        await browser.evaluate(f"location.hash = '#/{place.name}/zk/znodes'")
        await browser.wait("document.querySelectorAll('[aria-level=\"2\"]').length > 3")
        took = []
        for shown in (200, 400, 600):
            started = time.monotonic()
            opener = OPEN.replace("NAME", many[1:]) if shown == 200 else MORE
            await browser.evaluate(opener)
            await browser.wait(
                f"document.querySelectorAll('[aria-level=\"3\"]').length === {shown} && "
                f"document.querySelector('.tree').innerText.includes('{CHILDREN - shown} more')"
            )
            took.append(time.monotonic() - started)
        measured(f"{CHILDREN} znodes: the browser shows 200, 400, 600 after {took} s")
        assert max(took) < 15
        assert browser.failed == []


MORE: Final = """document.querySelector('.tree button').click()"""
OPEN: Final = """[...document.querySelectorAll('[aria-level="2"] > .line')]
  .find((line) => line.querySelector('bdi').textContent === 'NAME').click()"""
READ: Final = """document.querySelectorAll('[aria-level="3"] > .line')[NUMBER].click()"""


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("chromium")
@pytest.mark.parametrize("place", ["course"], indirect=True)
async def test_an_election_is_seen_in_a_browser(place: Place, pictures: Path) -> None:
    """The picture, the words and the timeline, in the light, in the dark and in a narrow window."""
    async with open_browser() as browser:
        await browser.resize(1200, 640)
        await browser.open(place.link)
        await browser.wait("document.querySelectorAll('.member.serving').length === 2")
        await browser.photograph(pictures / "page-before.png")
        old = await place.delete_leader()
        place.proxy.decide = lambda call: STARTING if call.name.startswith(f"zk-{old}:") else None
        new, elected = await place.elected(old)
        await browser.wait(f"document.querySelector('.member.leader')?.dataset.member === '{new}'")
        measured(
            f"the browser shows the new leader {time.monotonic() - elected:.3f} s after its election"
        )
        await browser.wait(f"document.querySelector('.member.away')?.dataset.member === '{old}'")
        await browser.photograph(pictures / "page-during.png")
        await browser.wait(
            f"document.querySelector('.timeline').innerText.includes('zk-{new} leads')"
        )
        place.proxy.decide = no_fault
        await browser.wait("document.querySelectorAll('.member.serving').length === 2")
        said = await browser.text("#announcer")
        assert f"zk-{new} leads epoch" in said
        await browser.photograph(pictures / "page-after.png")
        await browser.resize(1200, 640, dark=True)
        await browser.photograph(pictures / "page-dark.png")
        await browser.resize(360, 740)
        width = await browser.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, "a narrow window needs no scrolling to the side"
        await browser.photograph(pictures / "page-narrow.png")
        await place.proxy.shut()
        await browser.wait(
            "document.querySelector('#banner').innerText.includes('Connection refused')"
        )
        assert "out of reach" in await browser.text("#banner")
        await browser.resize(1200, 640)
        await browser.photograph(pictures / "page-lost.png")
        await place.proxy.open()
        await browser.wait("document.querySelector('#banner').hidden")
        assert browser.failed == []


async def test_the_command_says_what_is_wrong_before_it_opens_a_page(
    stage: Stage, control_plane: ControlPlane
) -> None:
    _, target = await make_target(stage, control_plane, "nowhere")
    with pytest.raises(Failure, match="there is no ensemble zk in namespace nowhere"):
        async with open_page(target, "zk", everywhere=False, port=0):
            pass
