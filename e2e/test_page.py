"""`kubectl zk page` on the kind cluster, in headless Chromium: an election is seen as it happens."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from e2e.chromium import Page, open_browser
from e2e.ensembles import Ensemble


@contextlib.asynccontextmanager
async def open_link(ensemble: Ensemble) -> AsyncIterator[str]:
    """The link that the command prints, for as long as it runs."""
    plugin = Path(sys.executable).parent / "kubectl-zk"
    process = await asyncio.create_subprocess_exec(
        *(str(plugin), "page", ensemble.name, "--no-browser"),
        *("--context", ensemble.cluster.context, "--namespace", ensemble.namespace),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            link = (await process.stdout.readline()).decode().strip()
        assert link.startswith("http://127.0.0.1:"), link
        yield link
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def led_by(page: Page) -> str:
    """The id of the member that leads in the picture."""
    return str(await page.wait("document.querySelector('.member.leader')?.dataset.member"))


async def test_an_election_is_seen_as_it_happens(three: Ensemble, tmp_path: Path) -> None:
    """The leader's pod is deleted; the page shows the next leader as soon as the members name it."""
    async with open_link(three) as link, open_browser() as page:
        await page.resize(1300, 800)
        await page.open(link)
        before = await led_by(page)
        assert before == str(three.leader())
        await page.photograph(tmp_path / "before.png")
        await asyncio.to_thread(
            three.cluster.delete, "pod", three.pod_name(int(before)), three.namespace
        )
        await page.wait(f"document.querySelector('.member.leader')?.dataset.member !== '{before}'")
        await page.photograph(tmp_path / "during.png")
        await page.wait(
            "(leader => leader && leader.dataset.member !== "
            f"'{before}')(document.querySelector('.member.leader'))"
        )
        after = await led_by(page)
        await page.photograph(tmp_path / "after.png")
        await asyncio.to_thread(three.wait_settled, seconds=300)
        assert after == str(three.leader())
        await page.wait("document.querySelectorAll('.member.serving').length === 2", seconds=60)
        story = await page.text(".timeline")
        assert f"zk-{after} leads epoch" in story
        assert page.failed == []


async def test_znodes_are_read_through_the_api_server(three: Ensemble) -> None:
    """By port-forward to a member, with the user's own rights; markup stays text."""
    evil = "<img src=x onerror=alert(1)>"
    await asyncio.to_thread(three.write, "/page", evil)
    try:
        async with open_link(three) as link, open_browser() as page:
            await page.open(link)
            await led_by(page)
            await page.evaluate(f"location.hash = '#/{three.namespace}/{three.name}/znodes'")
            await page.wait("document.querySelectorAll('[aria-level=\"2\"]').length >= 2")
            await page.evaluate(
                "[...document.querySelectorAll('[aria-level=\"2\"] > .line')]"
                ".find(line => line.querySelector('bdi').textContent === 'page').click()"
            )
            await page.wait("document.querySelector('.content pre')?.innerText.includes('onerror')")
            assert await page.text(".content pre") == evil
            assert (page.dialogs, page.failed) == ([], [])
    finally:
        await asyncio.to_thread(three.delete, "/page")


@pytest.mark.measured
async def test_a_new_leader_is_shown_within_a_second(three: Ensemble) -> None:
    """Counted from the moment at which a majority names it, by AdminServers and by the members' logs."""
    async with open_link(three) as link, open_browser() as page:
        await page.open(link)
        before = await led_by(page)
        await asyncio.to_thread(
            three.cluster.delete, "pod", three.pod_name(int(before)), three.namespace
        )
        elected = await asyncio.to_thread(_wait_elected, three, int(before))
        await page.wait(
            "(leader => leader && leader.dataset.member !== "
            f"'{before}')(document.querySelector('.member.leader'))"
        )
        shown, now = time.monotonic(), time.time()
        late = shown - elected
        logged = now - await asyncio.to_thread(_logged, three, int(before), int(await led_by(page)))
        print(
            f"shown {late:.2f} s after the members named it, {logged:.2f} s after what they logged"
        )
        assert late <= 1.0
        assert logged <= 1.0
        await asyncio.to_thread(three.wait_settled, seconds=300)


def _logged(ensemble: Ensemble, before: int, after: int) -> float:
    """When the new leader and the other member had both logged that they serve: a majority of three."""
    return max(
        _last_served(ensemble, member, "leading" if member == after else "following")
        for member in (1, 2, 3)
        if member != before
    )


def _last_served(ensemble: Ensemble, member: int, role: str) -> float:
    """When a member last logged that it serves in a role."""
    log = ensemble.cluster.logs(ensemble.namespace, ensemble.pod_name(member), "--timestamps")
    lines = [line for line in log.splitlines() if f"Peer state changed: {role} - broadcast" in line]
    stamp, fraction = lines[-1].partition(" ")[0].removesuffix("Z").split(".")
    moment = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return moment.timestamp() + float(f"0.{fraction}")


def _wait_elected(ensemble: Ensemble, before: int) -> float:
    """When the other members name another leader."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        others = [member for member in (1, 2, 3) if member != before]
        named = {ensemble.admin(member, "leader").get("leader_id") for member in others}
        if len(named) == 1 and not named & {None, before}:
            return time.monotonic()
    raise AssertionError("no other member was elected")
