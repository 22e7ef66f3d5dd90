"""The command `kubectl zk report`."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click

from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.options import ensemble_name, located
from zookeeper_operator.cli.reading import (
    find_ensemble,
    open_admin_servers,
    open_cluster,
    open_members,
)
from zookeeper_operator.cli.report.archive import Collected, build_archive
from zookeeper_operator.cli.report.collect import Collector
from zookeeper_operator.cli.sizes import human_size
from zookeeper_operator.kube.api import Object

_LOG_LINES: Final = 5000
_STANDARD_OUTPUT: Final = "-"


@click.command()
@ensemble_name
@click.option(
    "--filename",
    "-f",
    "file",
    default="",
    help="File to write, - for standard output; zk-report-….tar.gz here if not given.",
)
@click.option(
    "--log-lines",
    type=click.IntRange(0),
    default=_LOG_LINES,
    show_default=True,
    help="Newest lines of each log.",
)
@located
def report(target: KubeContext, *, name: str, file: str, log_lines: int) -> None:
    """Write one archive with what a person who helps asks for: objects, status, Events, logs, answers.

    Secrets are left out, and their values are masked wherever they appear. Nothing is changed.
    """
    body, collected = asyncio.run(_collect(target, name, log_lines))
    at = datetime.now(UTC)
    metadata = body["metadata"]
    folder = f"zk-report-{metadata['namespace']}-{metadata['name']}-{at:%Y%m%dT%H%M%SZ}"
    content = build_archive(folder, collected, readme(body, at), at)
    if file == _STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        return
    path = Path(file or f"{folder}.tar.gz")
    _write(path, content)
    click.echo(f"{path}: {len(collected.entries)} files, {human_size(len(content))}")
    for gap in collected.gaps:
        click.echo(f"not in it: {gap.what}: {gap.why}", err=True)


async def _collect(target: KubeContext, name: str, log_lines: int) -> tuple[Object, Collected]:
    async with (
        open_cluster(target) as kube,
        open_members(target, kube) as zookeeper,
        open_admin_servers(target, kube) as admin,
    ):
        body = await find_ensemble(kube, target.namespace, name)
        collector = Collector(target, kube, zookeeper, admin, log_lines=log_lines)
        return body, await collector.collect(body)


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error


def readme(body: Object, at: datetime) -> list[str]:
    """Return what the reader of a report must know of it."""
    metadata = body["metadata"]
    return [
        f"# Report about ZooKeeper ensemble {metadata['namespace']}/{metadata['name']}",
        "",
        f"Collected at {at:%Y-%m-%dT%H:%M:%SZ} by kubectl zk {version('zookeeper-operator')}.",
        "",
        "| Where | What |",
        "| --- | --- |",
        "| `status.txt`, `status.json` | the ensemble as `kubectl zk status` shows it |",
        "| `plan.txt` | what the operator is about to do (`kubectl zk plan`) |",
        "| `events.txt`, `events.json` | Events about the ensemble, its objects and its pods |",
        "| `objects/` | the ensemble and everything the operator has created for it |",
        "| `members/` | the configuration that is committed, and each member's answers |",
        "| `logs/` | the logs of every container of the members, `previous` before its restart |",
        "| `operator/` | the operator's Deployment, pods, Lease and logs |",
        "| `cluster/` | version, storage classes, the members' nodes |",
        "",
        "Secrets are not in here: `objects/secrets.json` only names them. Their values, and what is",
        "called like a secret, is replaced by [masked] everywhere. Host names, addresses of clients",
        "and what members log are in here: read it before you publish it.",
    ]
