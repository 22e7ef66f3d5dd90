"""The command `kubectl zk diff`."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from zookeeper_operator.cli.backup.command import checked_path, source_options
from zookeeper_operator.cli.backup.progress import counting, fetching
from zookeeper_operator.cli.backup.source import Opened, Options, open_backup
from zookeeper_operator.cli.backup.tree import (
    Side,
    check,
    differences,
    open_members_session,
    read_living,
)
from zookeeper_operator.cli.backup.view import describe_difference, render_differences
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.options import located, output_option, print_answer
from zookeeper_operator.cli.reading import find_ensemble, open_cluster
from zookeeper_operator.kube.client import KubeClient

_SHOWN: Final = 1000


@dataclass(frozen=True)
class _Wanted:
    """What is shown of the differences."""

    top: str
    limit: int
    output: str


@click.command()
@click.argument("left")
@click.argument("right", default="")
@click.option("--ensemble", default="", help="Ensemble that LEFT is compared with.")
@click.option("--path", "top", default="/", help="Compare only this znode and what is below it.")
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, help="Lines.")
@source_options
@output_option
@located
def diff(
    target: KubeContext,
    *,
    left: str,
    right: str,
    ensemble: str,
    top: str,
    limit: int,
    endpoint: str,
    region: str,
    key_file: Path | None,
    output: str,
) -> None:
    """Compare two backups, or a backup with the living ensemble: paths, data and ACLs.

    LEFT and RIGHT are ZookeeperBackups, files or directories, or s3://BUCKET/PATH. Without RIGHT, LEFT is
    compared with the ensemble. Exits with 1 if they differ.
    """
    top = checked_path(top)
    options = Options(endpoint, region, key_file)
    total = asyncio.run(
        _diff(target, (left, right), ensemble, options, _Wanted(top, limit, output))
    )
    if total:
        click.get_current_context().exit(1)


async def _diff(
    target: KubeContext,
    sources: tuple[str, str],
    ensemble: str,
    options: Options,
    wanted: _Wanted,
) -> int:
    async with open_cluster(target) as kube:
        with fetching(sources[0]) as on_bytes:
            async with open_backup(kube, target.namespace, sources[0], options, on_bytes) as left:
                await asyncio.to_thread(check, left)
                if not sources[1]:
                    name, living = await _living(target, kube, ensemble, wanted.top)
                    return _show(left, living, (sources[0], name), wanted)
                async with open_backup(
                    kube, target.namespace, sources[1], options, on_bytes
                ) as right:
                    await asyncio.to_thread(check, right)
                    return _show(left, Side(right), sources, wanted)


async def _living(
    target: KubeContext, kube: KubeClient, ensemble: str, top: str
) -> tuple[str, Side]:
    name = (await find_ensemble(kube, target.namespace, ensemble))["metadata"]["name"]
    async with open_members_session(target, kube, name, needs_password=False) as make_session:
        with counting("reading", None) as on_znodes:
            found = await asyncio.to_thread(read_living, make_session, top, on_znodes)
    return name, Side(living=tuple(found))


def _show(left: Opened, right: Side, shown: tuple[str, str], wanted: _Wanted) -> int:
    found = differences(Side(left), right, wanted.top)
    if wanted.output == "json":
        values = [{"path": d.path, "difference": describe_difference(d)} for d in found]
        print_answer(wanted.output, values, "")
        return len(values)
    rendered, total = render_differences(found, shown, wanted.limit)
    print_answer(wanted.output, None, rendered if total else f"{shown[0]} and {shown[1]} are equal")
    return total
