"""kubectl itself, for the two things it does best: a terminal in a pod, and what `apply` would do."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from zookeeper_operator.cli.failure import Failure, missing_right
from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Object
from zookeeper_operator.zookeeper.servers import CLIENT_PORT

_SECONDS: Final = 60
# The API server quotes what it does not like, which can be the whole object.
_QUOTED_VALUE: Final = re.compile(r'Invalid value: "(?:[^"\\]|\\.)*": ')

_NOT_ASKED: Final = re.compile(
    r"\((?:Unauthorized|ServiceUnavailable|InternalError|Timeout|TooManyRequests)\)"
    r"|Unable to connect|connection to the server|server could not find"
    r"|failed to download openapi"
)


class RefusedError(Exception):
    """The API server would refuse the edit; the message says why."""


class UncheckedError(Exception):
    """The API server could not be asked about the edit; the message says why."""


def shell_command(
    target: KubeContext,
    pod: str,
    arguments: Sequence[str],
    *,
    terminal: bool,
    port: int = CLIENT_PORT,
) -> list[str]:
    """Return the command line of zkCli in a pod; `port` is where the member takes sessions without TLS."""
    streams = ["--stdin", "--tty"] if terminal else ["--stdin"]
    where = ["exec", *streams, "--container", names.CONTAINER, pod]
    server = [] if port == CLIENT_PORT else ["-server", f"localhost:{port}"]
    return ["kubectl", *target.kubectl(), *where, "--", "zkCli.sh", *server, *arguments]


def become(command: Sequence[str]) -> NoReturn:
    """Run a command in place of this process.

    Raises:
        Failure: it is not on the PATH.
    """
    if shutil.which(command[0]) is None:
        raise Failure(f"{command[0]} is not on the PATH")
    os.execvp(command[0], list(command))  # noqa: S606 -- that is the point


def dry_run(target: KubeContext, body: Object, *, server_side: bool = False) -> Object:
    """Ask the API server what `kubectl apply` would make of an object; nothing is changed.

    The answer has the defaults of the schema and what others have set, as the operator would see it.

    Raises:
        RefusedError: it would be refused.
        UncheckedError: there is no kubectl, or no right to apply.
    """
    if shutil.which("kubectl") is None:
        raise UncheckedError("kubectl is not on the PATH")
    command = ["kubectl", *target.kubectl(), "apply", "--dry-run=server", "--filename=-"]
    command += ["--output=json", *(["--server-side"] if server_side else [])]
    try:
        done = subprocess.run(  # noqa: S603 -- a list, no shell
            command, input=json.dumps(body), capture_output=True, text=True, timeout=_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UncheckedError(f"kubectl has not answered within {_SECONDS} s") from error
    if done.returncode != 0:
        raise read_refusal(done.stderr)
    try:
        answer: Any = json.loads(done.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise UncheckedError("kubectl has answered with something that is not an object")
    return answer


def read_refusal(text: str) -> RefusedError | UncheckedError:
    """Find out from what kubectl prints whether the edit was refused or could not be judged."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("Warning:")]
    message = " ".join(said) or "kubectl has failed without a message"
    right = missing_right(message)
    if right or _NOT_ASKED.search(message):
        return UncheckedError(right or message)
    return RefusedError(_QUOTED_VALUE.sub("", message).removeprefix("error: "))
