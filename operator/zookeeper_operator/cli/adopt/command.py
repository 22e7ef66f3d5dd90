"""`kubectl zk adopt`: options in, one answer out. Nothing is changed in the cluster."""

import asyncio
from pathlib import Path

import click

from zookeeper_operator.api.adoption import AdoptionMode
from zookeeper_operator.cli.adopt.inquiry import Inquiry, Wish, inquire
from zookeeper_operator.cli.adopt.view import as_value, as_yaml, render
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.options import located, output_option, print_answer
from zookeeper_operator.cli.reading import open_cluster, open_members


@click.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    required=True,
    help="The source: statefulset/NAMESPACE/NAME, or addresses such as zookeeper.old.svc:2181.",
)
@click.option(
    "--replicas", type=click.IntRange(1, 9), help="Voters; as many as the source if not given."
)
@click.option("--first-member-id", type=click.IntRange(2, 99), default=11, show_default=True)
@click.option(
    "--mode",
    type=click.Choice(["Join", "CutOver"]),
    help="How it is taken over; CutOver if the source cannot reconfigure.",
)
@click.option(
    "--version", default="", help="ZooKeeper of our members; the newest known if not given."
)
@click.option("--cluster-domain", default="cluster.local", show_default=True)
@click.option("--filename", "-f", type=click.Path(path_type=Path), help="Write the manifest there.")
@output_option
@located
def adopt(
    target: KubeContext,
    *,
    name: str,
    source: str,
    replicas: int | None,
    first_member_id: int,
    mode: AdoptionMode | None,
    version: str,
    cluster_domain: str,
    filename: Path | None,
    output: str,
) -> None:
    """Check a running ensemble, show how NAME would take it over, and write the manifest.

    Nothing is changed. Exits with 1 if its owner has to do something first; the lines to paste are printed.
    """
    wish = Wish(
        name=name,
        namespace=target.namespace,
        source=source,
        replicas=replicas or 0,
        first_id=first_member_id,
        version=version,
        mode=mode,
        cluster_domain=cluster_domain,
    )
    inquiry = asyncio.run(_inquire(target, wish))
    print_answer(output, as_value(inquiry), render(inquiry).rstrip("\n"))
    if inquiry.obstacles:
        click.get_current_context().exit(1)
    if filename is not None:
        filename.write_text(as_yaml(inquiry), encoding="utf-8")
        click.echo(
            f"\nwritten to {filename}; begin with: kubectl apply --filename {filename}", err=True
        )
    elif output == "text":
        click.echo(f"\nthe manifest:\n\n{as_yaml(inquiry)}", nl=False)


async def _inquire(target: KubeContext, wish: Wish) -> Inquiry:
    async with open_cluster(target) as kube, open_members(target, kube) as zookeeper:
        return await inquire(kube, zookeeper, wish)
