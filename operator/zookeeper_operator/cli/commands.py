"""The commands of `kubectl zk`: options in, one screen out. What is shown is made elsewhere."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import RenderableType

from zookeeper_operator.cli.adopt.command import adopt
from zookeeper_operator.cli.backup.command import backup, backups, restore
from zookeeper_operator.cli.backup.diff import diff
from zookeeper_operator.cli.backup.recover import recover
from zookeeper_operator.cli.certificates.command import certificates
from zookeeper_operator.cli.edit import pick_ensemble, read_ensembles
from zookeeper_operator.cli.events import events_as_values, events_of, render_events
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import Choice, KubeContext
from zookeeper_operator.cli.kubectl import become, shell_command
from zookeeper_operator.cli.member import find_plain_port, find_pod, read_znodes
from zookeeper_operator.cli.options import (
    ensemble_name,
    located,
    output_option,
    print_answer,
    where_options,
)
from zookeeper_operator.cli.page.command import page
from zookeeper_operator.cli.plan import answer_as_value, render_plan
from zookeeper_operator.cli.reading import (
    Reader,
    Reading,
    find_ensemble,
    list_ensembles,
    open_cluster,
    open_members,
)
from zookeeper_operator.cli.rehearsal import rehearse_edit, rehearse_now
from zookeeper_operator.cli.report.command import report
from zookeeper_operator.cli.screen import keep_showing
from zookeeper_operator.cli.status import render_list, render_status, status_as_value
from zookeeper_operator.cli.top.command import top
from zookeeper_operator.cli.tree import render_tree, tree_as_value
from zookeeper_operator.ensemble.observed import Pod
from zookeeper_operator.kube.api import RESOURCES, Kube, Object
from zookeeper_operator.zookeeper.znodes import Znode

_REFRESH_SECONDS: Final = 1.0


@click.group(name="zk", context_settings={"help_option_names": ["-h", "--help"]})
@where_options
@click.pass_context
def zk(context: click.Context, /, *, kubeconfig: str, context_name: str, namespace: str) -> None:
    """Show ZooKeeper ensembles, and ask what an edit would do before you make it."""
    context.obj = Choice(kubeconfig, context_name, namespace)


# ---------------------------------------------------------------------- status, leader


@zk.command()
@ensemble_name
@click.option("--watch", "-w", is_flag=True, help="Keep the screen up to date, until Ctrl-C.")
@output_option
@located
def status(target: KubeContext, name: str, output: str, *, watch: bool) -> None:
    """Show one ensemble on one screen; without NAME, the only one or a list of all."""
    if not watch:
        asyncio.run(_status(target, name, output))
        return
    if output == "json" or not sys.stdout.isatty():
        raise click.UsageError("--watch needs a terminal and cannot be combined with -o json")
    try:
        asyncio.run(_watch(target, name))
    except KeyboardInterrupt:
        return


async def _status(target: KubeContext, name: str, output: str) -> None:
    async with open_cluster(target) as kube, open_members(target, kube) as zookeeper:
        readings = await _readings(kube, Reader(kube, zookeeper), target.namespace, name)
    values = [status_as_value(reading) for reading in readings]
    print_answer(output, values[0] if name else values, _screen(readings))


async def _readings(kube: Kube, reader: Reader, namespace: str, name: str) -> list[Reading]:
    """Observe the one ensemble that is meant, or read the statuses of all."""
    bodies = [] if name else await list_ensembles(kube, namespace)
    if len(bodies) > 1:
        return [Reading(body, body.get("status") or {}) for body in bodies]
    body = bodies[0] if bodies else await find_ensemble(kube, namespace, name)
    return [await reader.reading(body)]


def _screen(readings: Sequence[Reading]) -> RenderableType:
    now = datetime.now(UTC)
    return render_status(readings[0], now) if len(readings) == 1 else render_list(readings, now)


async def _watch(target: KubeContext, name: str) -> None:
    async with open_cluster(target) as kube, open_members(target, kube) as zookeeper:
        reader = Reader(kube, zookeeper)

        async def screen() -> RenderableType:
            return _screen(await _readings(kube, reader, target.namespace, name))

        async def following() -> RenderableType:
            await asyncio.sleep(_REFRESH_SECONDS)
            return await screen()

        await keep_showing(await screen(), following)


@zk.command()
@ensemble_name
@located
def leader(target: KubeContext, name: str) -> None:
    """Print the pod of the leader, and nothing else; exit 1 if no member leads."""
    click.echo(asyncio.run(_leader(target, name)))


async def _leader(target: KubeContext, name: str) -> str:
    async with open_cluster(target) as kube, open_members(target, kube) as zookeeper:
        body = await find_ensemble(kube, target.namespace, name)
        reading = await Reader(kube, zookeeper).reading(body)
    return leader_of(reading)


def leader_of(reading: Reading) -> str:
    """Name the pod of the leader.

    Raises:
        Failure: no member leads; the message says why.
    """
    found = reading.status.get("leader")
    if found:
        return str(found["pod"])
    name = reading.body["metadata"]["name"]
    why = next(
        (
            c.get("message")
            for c in reading.status.get("conditions") or []
            if c.get("type") == "QuorumHealthy"
        ),
        "",
    )
    raise Failure(f"no member leads {name}" + (f": {why}" if why else ""))


# ---------------------------------------------------------------------- plan


@zk.command()
@ensemble_name
@click.option(
    "--filename",
    "-f",
    "file",
    type=click.File("rb"),
    help="The edit: a manifest as for kubectl apply, - for standard input. Without it: what the "
    "operator is about to do now.",
)
@click.option("--server-side", is_flag=True, help="As kubectl apply --server-side would.")
@output_option
@located
def plan(target: KubeContext, name: str, file: Any, output: str, *, server_side: bool) -> None:
    """Show what an edit would do: restarts, hand-overs, membership steps, volumes, refusals.

    Nothing is changed. Exits with 1 if the edit would be refused.
    """
    if file is None:
        answer = asyncio.run(rehearse_now(target, name))
    else:
        source = str(getattr(file, "name", "<stdin>"))
        edited = pick_ensemble(read_ensembles(file.read(), source), name, source)
        answer = asyncio.run(rehearse_edit(target, edited, server_side=server_side))
    print_answer(output, answer_as_value(answer), render_plan(answer))
    if answer.refused:
        click.get_current_context().exit(1)


# ---------------------------------------------------------------------- shell, tree


class _PassingOn(click.Command):
    """A command that leaves everything after `--` alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what follows `--` for the other program."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta["passed on"] = args[cut + 1 :]
            args = args[:cut]
        return super().parse_args(ctx, args)


@zk.command(cls=_PassingOn, options_metavar="[OPTIONS] [-- ZKCLI ARGUMENTS]")
@ensemble_name
@click.option("--member", "-m", type=int, help="Id of the member; the leader if not given.")
@located
def shell(target: KubeContext, name: str, member: int | None) -> None:
    """Open zkCli.sh in a member: the leader, or the first that is ready.

    What follows -- is passed on to zkCli.sh, such as: kubectl zk shell -- ls /
    """
    pod, port = asyncio.run(_pod(target, name, member))
    arguments = click.get_current_context().meta.get("passed on", [])
    terminal = sys.stdin.isatty()
    become(shell_command(target, pod.name, arguments, terminal=terminal, port=port))


async def _pod(target: KubeContext, name: str, member: int | None) -> tuple[Pod, int]:
    async with open_cluster(target) as kube:
        pod = await find_pod(kube, target.namespace, name, member)
        return pod, await find_plain_port(kube, target.namespace, pod)


@zk.command()
@click.argument("path", default="/")
@ensemble_name
@click.option(
    "--depth", "-d", type=click.IntRange(0, 100), default=3, show_default=True, help="Levels."
)
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="Znodes at most."
)
@click.option("--member", "-m", type=int, help="Id of the member to ask; the leader if not given.")
@output_option
@located
def tree(
    target: KubeContext,
    *,
    path: str,
    name: str,
    depth: int,
    limit: int,
    member: int | None,
    output: str,
) -> None:
    """Print the znodes under PATH, with their sizes and the numbers of their children."""
    if not path.startswith("/"):
        raise click.UsageError(f"a path begins with /: {path}")
    path = path.rstrip("/") or "/"
    found = asyncio.run(_tree(target, path, name, depth=depth, limit=limit, member=member))
    print_answer(output, tree_as_value(found), render_tree(found))


async def _tree(
    target: KubeContext, path: str, name: str, *, depth: int, limit: int, member: int | None
) -> Znode:
    async with open_cluster(target) as kube:
        pod = await find_pod(kube, target.namespace, name, member)
        return await read_znodes(kube, target, pod, path, depth=depth, limit=limit)


# ---------------------------------------------------------------------- events


@zk.command()
@ensemble_name
@output_option
@located
def events(target: KubeContext, name: str, output: str) -> None:
    """Print what has happened to an ensemble, oldest first."""
    found = asyncio.run(_events(target, name))
    if not found and output == "text":
        click.echo("no Events; Kubernetes keeps them for an hour", err=True)
        return
    print_answer(output, events_as_values(found), render_events(found, datetime.now(UTC)))


async def _events(target: KubeContext, name: str) -> list[Object]:
    async with open_cluster(target) as kube:
        body = await find_ensemble(kube, target.namespace, name)
        found = await kube.list(RESOURCES["Event"], target.namespace)
    return events_of(found, body["metadata"]["name"])


# ---------------------------------------------------------------------- commands of their own

zk.add_command(adopt)
zk.add_command(certificates)
zk.add_command(top)
zk.add_command(report)
zk.add_command(page)
zk.add_command(backup)
zk.add_command(backups)
zk.add_command(restore)
zk.add_command(recover)
zk.add_command(diff)
