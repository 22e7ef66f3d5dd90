"""The commands `kubectl zk backup`, `backups`, `restore` and `diff`."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from zookeeper_operator.api.backup import KIND
from zookeeper_operator.api.group import API_VERSION
from zookeeper_operator.cli.backup.progress import counting, fetching
from zookeeper_operator.cli.backup.source import Options, open_backup
from zookeeper_operator.cli.backup.tree import (
    check,
    count,
    open_members_session,
    write_back,
)
from zookeeper_operator.cli.backup.view import (
    backups_as_values,
    outcome_as_value,
    render_backups,
    render_outcome,
)
from zookeeper_operator.cli.failure import Failure
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.options import ensemble_name, located, output_option, print_answer
from zookeeper_operator.cli.reading import find_ensemble, open_cluster
from zookeeper_operator.cli.sizes import human_size
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Kube, Object, Resource
from zookeeper_operator.zookeeper.subtree import Change, Outcome

_POLL_SECONDS: Final = 1.0
_SCHEDULES: Final = Resource(API_VERSION, "ZookeeperBackupSchedule", "zookeeperbackupschedules")


def source_options(command: Any) -> Any:
    """Give a command the options that say how a backup is read which is no ZookeeperBackup."""
    for option in (
        click.option("--endpoint", default="", help="URL of the S3 server, for s3://BUCKET/PATH."),
        click.option("--region", default="us-east-1", show_default=True, help="Region of S3."),
        click.option(
            "--key-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="File with the encryption key; that of the ZookeeperBackup if not given.",
        ),
    ):
        command = option(command)
    return command


# ---------------------------------------------------------------------- backups, backup


@click.command()
@ensemble_name
@output_option
@located
def backups(target: KubeContext, *, name: str, output: str) -> None:
    """List the backups of the namespace, or those of one ensemble, the newest first."""
    found = asyncio.run(_backups(target, name))
    if not found and output == "text":
        click.echo(f"no backups in namespace {target.namespace}", err=True)
        return
    print_answer(output, backups_as_values(found), render_backups(found, datetime.now(UTC)))


async def _backups(target: KubeContext, name: str) -> list[Object]:
    async with open_cluster(target) as kube:
        found = await kube.list(names.BACKUPS, target.namespace)
    chosen = [b for b in found if not name or b["spec"]["ensembleRef"]["name"] == name]
    return sorted(chosen, key=lambda b: str(b["metadata"]["creationTimestamp"]), reverse=True)


@click.command()
@ensemble_name
@click.option("--like", default="", help="ZookeeperBackup or schedule whose storage is used.")
@click.option("--s3", "bucket", default="", help="BUCKET or BUCKET/PREFIX to store it in.")
@click.option("--endpoint", default="", help="URL of the S3 server; AWS if not given.")
@click.option("--credentials", default="", help="Secret with the credentials of S3.")
@click.option("--claim", default="", help="CLAIM or CLAIM/PATH of a volume to store it on.")
@click.option("--checksum", is_flag=True, help="Do not start a server with it to verify it.")
@click.option("--no-wait", is_flag=True, help="Create it, and do not wait for its end.")
@output_option
@located
def backup(
    target: KubeContext,
    *,
    name: str,
    like: str,
    bucket: str,
    endpoint: str,
    credentials: str,
    claim: str,
    checksum: bool,
    no_wait: bool,
    output: str,
) -> None:
    """Create a backup of an ensemble, and wait for its end.

    Without an option that says where, it is stored where the ensemble's only schedule stores its backups.
    """
    if sum(map(bool, (like, bucket, claim))) > 1:
        raise click.UsageError("--like, --s3 and --claim exclude each other")
    storage = _storage(bucket, endpoint, credentials, claim)
    found = asyncio.run(_backup(target, name, like, storage, checksum=checksum, wait=not no_wait))
    if output == "json":
        print_answer(output, backups_as_values([found])[0], "")
        return
    status = found.get("status") or {}
    if no_wait:
        click.echo(f"{found['metadata']['name']} is created")
        return
    verified = status.get("verified") or {}
    click.echo(
        f"{found['metadata']['name']}: {human_size(status.get('sizeBytes', 0))} in "
        f"{status.get('znodes', 0)} znodes, stored as {human_size(status.get('storedBytes', 0))} in "
        f"{status.get('location')}, verified by {verified.get('by', 'nothing')}"
    )


def _storage(bucket: str, endpoint: str, credentials: str, claim: str) -> Object | None:
    if claim:
        volume, _, path = claim.partition("/")
        return {"persistentVolumeClaim": {"claimName": volume, "subPath": path}}
    if not bucket:
        return None
    place, _, prefix = bucket.partition("/")
    s3: Object = {"bucket": place, "prefix": prefix}
    if endpoint:
        s3["endpoint"] = endpoint
    if credentials:
        s3["credentialsSecret"] = {"name": credentials}
    return {"s3": s3}


async def _backup(
    target: KubeContext,
    name: str,
    like: str,
    storage: Object | None,
    *,
    checksum: bool,
    wait: bool,
) -> Object:
    async with open_cluster(target) as kube:
        ensemble = (await find_ensemble(kube, target.namespace, name))["metadata"]["name"]
        spec: Object = (
            {"storage": storage}
            if storage is not None
            else await _spec_like(kube, target.namespace, ensemble, like)
        )
        spec = {**spec, "ensembleRef": {"name": ensemble}}
        if checksum:
            spec["verify"] = "Checksum"
        moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        body: Object = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": f"{ensemble}-{moment}", "namespace": target.namespace},
            "spec": spec,
        }
        created = await kube.create(names.BACKUPS, body)
        return await _wait(kube, created) if wait else created


async def _spec_like(kube: Kube, namespace: str, ensemble: str, like: str) -> Object:
    """The spec of another backup, or of the template of a schedule."""
    if like:
        other = await kube.get(names.BACKUPS, namespace, like)
        if other is not None:
            return dict(other["spec"])
    schedules = await kube.list(_SCHEDULES, namespace)
    found = [
        schedule
        for schedule in schedules
        if (schedule["metadata"]["name"] == like if like else _is_of(schedule, ensemble))
    ]
    if len(found) == 1:
        return dict(found[0]["spec"]["template"]["spec"])
    if like:
        raise Failure(f"there is no ZookeeperBackup or schedule {like} in namespace {namespace}")
    raise Failure(
        f"{ensemble} has {len(found) or 'no'} schedules, so where to store it must be said: --like, --s3 "
        "or --claim"
    )


def _is_of(schedule: Object, ensemble: str) -> bool:
    return bool(schedule["spec"]["template"]["spec"]["ensembleRef"]["name"] == ensemble)


async def _wait(kube: Kube, created: Object) -> Object:
    """Wait for the end of a backup, and show each phase."""
    metadata, shown = created["metadata"], ""
    console = Console(stderr=True, highlight=False)
    with console.status("Pending"):
        while True:
            body = await kube.get(names.BACKUPS, metadata["namespace"], metadata["name"])
            if body is None or body["metadata"]["uid"] != metadata["uid"]:
                raise Failure(f"ZookeeperBackup {metadata['name']} was deleted meanwhile")
            status = body.get("status") or {}
            said = f"{status.get('phase') or 'Pending'} {status.get('message') or ''}".strip()
            if said != shown:
                console.print(said)
                shown = said
            if status.get("phase") == "Failed":
                raise Failure(f"{metadata['name']} has failed: {status.get('message')}")
            if status.get("phase") == "Succeeded":
                return body
            await asyncio.sleep(_POLL_SECONDS)


# ---------------------------------------------------------------------- restore


@click.command()
@ensemble_name
@click.option(
    "--from",
    "source",
    required=True,
    help="ZookeeperBackup, file or directory, or s3://BUCKET/PATH.",
)
@click.option("--path", "top", required=True, help="The znode to restore, with all below it.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--prune", is_flag=True, help="Delete what is below PATH and not in the backup.")
@source_options
@output_option
@located
def restore(
    target: KubeContext,
    *,
    name: str,
    source: str,
    top: str,
    dry_run: bool,
    prune: bool,
    endpoint: str,
    region: str,
    key_file: Path | None,
    output: str,
) -> None:
    """Write a subtree of a backup back into a living ensemble, while clients go on.

    Only what differs is written, a hundred znodes at a time, and nothing is deleted without --prune.
    Ephemeral znodes are left alone. Run it with --dry-run first. For a whole new ensemble use
    spec.bootstrap.
    """
    top = checked_path(top)
    options = Options(endpoint, region, key_file)
    started = time.monotonic()
    outcome, special = asyncio.run(
        _restore(target, name, source, top, options, dry_run=dry_run, prune=prune)
    )
    print_answer(
        output,
        outcome_as_value(outcome, dry_run=dry_run),
        render_outcome(outcome, dry_run=dry_run),
    )
    click.echo(f"took {time.monotonic() - started:.1f} s", err=True)
    if special:
        click.echo(
            f"{special} containers and znodes with a TTL of the backup are ordinary znodes where they had to "
            "be created",
            err=True,
        )
    if busy := outcome.counts[Change.BUSY]:
        raise Failure(f"{busy} znodes were changed by clients again and again; run it once more")


def checked_path(path: str) -> str:
    """The path of a subtree as it is used: absolute, and without a slash at its end."""
    if not path.startswith("/"):
        raise click.UsageError(f"a path begins with /: {path}")
    path = path.rstrip("/") or "/"
    if path == "/zookeeper" or path.startswith("/zookeeper/"):
        raise click.UsageError("what is below /zookeeper is ZooKeeper's own and is not restored")
    return path


async def _restore(
    target: KubeContext,
    name: str,
    source: str,
    top: str,
    options: Options,
    *,
    dry_run: bool,
    prune: bool,
) -> tuple[Outcome, int]:
    async with open_cluster(target) as kube:
        ensemble = (await find_ensemble(kube, target.namespace, name))["metadata"]["name"]
        with fetching(source) as on_bytes:
            async with open_backup(kube, target.namespace, source, options, on_bytes) as opened:
                await asyncio.to_thread(check, opened)
                total, special = await asyncio.to_thread(count, opened, top)
                async with open_members_session(
                    target, kube, ensemble, needs_password=True
                ) as make_session:
                    with counting("comparing" if dry_run else "writing", total) as on_znodes:
                        outcome = await asyncio.to_thread(
                            write_back,
                            opened,
                            top,
                            make_session,
                            dry_run=dry_run,
                            prune=prune,
                            on_znodes=on_znodes,
                        )
    return outcome, special
