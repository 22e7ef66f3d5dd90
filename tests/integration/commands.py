"""`kubectl zk` as a test calls it."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from zookeeper_operator.cli.commands import zk
from zookeeper_operator.kube.api import Object

Call = Callable[..., Result]


def caller(kubeconfig: Path) -> Call:
    """The command, as the user of a kubeconfig; call it in a thread."""

    def call(*arguments: str, edit: Object | None = None) -> Result:
        given = None if edit is None else json.dumps(edit)
        everything = [*arguments, *(("-f", "-") if edit else ()), "--kubeconfig", str(kubeconfig)]
        return CliRunner().invoke(zk, everything, input=given)

    return call
