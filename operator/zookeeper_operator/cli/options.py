"""The options that the commands of `kubectl zk` share, and how an answer is printed."""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console, RenderableType

from zookeeper_operator.cli.kubeconfig import Choice, find_target

# A file or a pipe has no edge to fold at.
_WIDTH_OF_A_PIPE: Final = 10_000


def where_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which cluster and namespace."""
    for option in (
        click.option(
            "--namespace", "-n", default="", help="Namespace; that of the context if not given."
        ),
        click.option("--context", "context_name", default="", help="Context of the kubeconfig."),
        click.option(
            "--kubeconfig",
            default="",
            help="Kubeconfig file; $KUBECONFIG or ~/.kube/config if not given.",
        ),
    ):
        command = option(command)
    return command


def located(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a command the target that its own options, or those before its name, describe."""

    @functools.wraps(function)
    @click.pass_context
    def run(
        context: click.Context,
        /,
        *,
        kubeconfig: str,
        context_name: str,
        namespace: str,
        **rest: Any,
    ) -> Any:
        outer = context.find_object(Choice) or Choice()
        choice = Choice(
            kubeconfig or outer.kubeconfig,
            context_name or outer.context,
            namespace or outer.namespace,
        )
        return function(target=find_target(choice, os.environ, Path.home()), **rest)

    return where_options(run)


output_option = click.option(
    "--output", "-o", type=click.Choice(["text", "json"]), default="text", help="What to print."
)
ensemble_name = click.argument("name", default="")


def open_console() -> Console:
    """Open the terminal, or what standard output is instead."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return Console(highlight=False, emoji=False, width=width)


def print_answer(output: str, value: Any, rendered: RenderableType) -> None:
    """Print the value as JSON, or what a person reads."""
    if output == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    console = open_console()
    if console.is_terminal:
        console.print(rendered)
    else:
        click.echo(as_text(rendered), nl=False)


def as_text(rendered: RenderableType) -> str:
    """Return what a file or a pipe gets of it: no colours, no edge."""
    console = Console(highlight=False, emoji=False, color_system=None, width=_WIDTH_OF_A_PIPE)
    with console.capture() as captured:
        console.print(rendered)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
