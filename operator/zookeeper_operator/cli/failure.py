"""What the command prints when it cannot do what it was asked: one sentence, exit code 1."""

import re
from typing import Final

import click

from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import KubeError

_FORBIDDEN: Final = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]+)")?'
)


class Failure(click.ClickException):
    """Ends the command with its message, on one line of standard error, and exit code 1."""

    def format_message(self) -> str:
        """Return the message on one line."""
        return " ".join(self.message.split())


def explain(error: KubeError) -> str:
    """Say in one sentence what a refusal of the API server means for the person at the keyboard."""
    match error.status:
        case 0:
            return error.message
        case 401:
            return "the cluster does not accept these credentials; sign in again"
        case 403:
            return missing_right(error.message) or f"it is forbidden: {error.message}"
        case 404:
            return (
                f"the cluster does not know {names.PLURAL}.{names.GROUP}; install the operator's "
                "CRDs, all of them (kubectl apply --server-side -f crds/), or choose another --context"
            )
        case _:
            return f"the API server says: {error.message}"


def missing_right(message: str) -> str:
    """Name the right that an answer of the API server is about; empty if it is about none."""
    found = _FORBIDDEN.search(message)
    if found is None:
        return ""
    resource = found["resource"]
    if found["group"]:
        resource += f".{found['group']}"
    where = f"in namespace {found['namespace']}" if found["namespace"] else "in the whole cluster"
    return f'a right is missing: "{found["user"]}" may not {found["verb"]} {resource} {where}'
