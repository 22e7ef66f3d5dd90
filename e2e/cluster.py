"""The kind cluster as the tests see it: kubectl, objects as dicts, waiting, and signals from the node.

Nothing here knows what an ensemble is. Every wait has a deadline and says what it saw last.
"""

import io
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import pexpect
from e2e.api import Api, ApiError
from pexpect.popen_spawn import PopenSpawn

Object = dict[str, Any]
Found = TypeVar("Found")

CONTEXT: Final = "kind-zookeeper-operator"
ALLOWED_CONTEXTS: Final = frozenset({CONTEXT, f"{CONTEXT}-nodes"})
"""Tests delete namespaces and stop processes: they run only against a cluster created for them."""

OPERATOR_NAMESPACE: Final = "zookeeper-operator"

PATIENCE: Final = float(os.environ.get("E2E_PATIENCE", "1"))
"""How much longer things may take on a busy machine. It changes no limit of what may be lost: nothing."""


class CommandError(AssertionError):
    """A command failed; the message holds what it printed."""

    def __init__(self, command: Sequence[str], returncode: int, output: str) -> None:
        super().__init__(f"exit {returncode} of {' '.join(command)}\n{output}")
        self.output = output


class WaitError(AssertionError):
    """Something did not happen in time."""


def run(
    *command: str, given: str | None = None, timeout: float = 60, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command and return it with its output as text.

    Raises:
        CommandError: it failed, or took too long.
    """
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(command, -1, f"no end within {timeout} s: {error.stderr!r}") from None
    if check and done.returncode != 0:
        raise CommandError(command, done.returncode, done.stdout + done.stderr)
    return done


def wait_until(
    what: str,
    look: Callable[[], Found],
    *,
    seconds: float,
    every: float = 0.5,
    seen: Callable[[], object] | None = None,
) -> Found:
    """Check again and again until the answer is truthy, and return it.

    `seen` says what to show when that does not happen; without it the last answer is shown. A check that
    raises an error counts as one that found nothing.

    Raises:
        WaitError: the answer was not truthy within the time.
    """
    end = time.monotonic() + seconds * PATIENCE
    while True:
        try:
            last: object = (found := look())
            if found:
                return found
        except (CommandError, ApiError, KeyError, IndexError, json.JSONDecodeError) as error:
            last = error
        if time.monotonic() >= end:
            raise WaitError(
                f"{what}: not within {seconds} s; last seen: {seen() if seen else last}"
            )
        time.sleep(every)


def stays(what: str, look: Callable[[], object], *, seconds: float, every: float = 0.5) -> None:
    """Check again and again, and fail when the answer is ever falsy.

    Raises:
        AssertionError: the answer was falsy at some time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert look(), f"{what}: not any more after {seconds - (end - time.monotonic()):.1f} s"
        time.sleep(every)


class Cluster:
    """One cluster, by kubectl and, for what a pod cannot do to itself, by its nodes' containers."""

    def __init__(self, context: str) -> None:
        if context not in ALLOWED_CONTEXTS:
            allowed = ", ".join(sorted(ALLOWED_CONTEXTS))
            raise ValueError(f"these tests run against {allowed}, never against {context}")
        self.context = context
        self._api = Api(context)

    def kubectl(
        self, *arguments: str, given: str | None = None, timeout: float = 60, check: bool = True
    ) -> str:
        """Run kubectl and return what it printed."""
        command = ("kubectl", "--context", self.context, *arguments)
        return run(*command, given=given, timeout=timeout, check=check).stdout

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """One object; None if there is none."""
        return self._api.get(kind, name, namespace)

    def list(self, kinds: str, namespace: str = "", *, selector: str = "") -> list[Object]:
        """All objects of one or several kinds."""
        return [
            found
            for kind in kinds.split(",")
            for found in self._api.find(kind, namespace, selector=selector)
        ]

    def apply(self, *objects: Object) -> None:
        """Create or change objects, as a user with a file does."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply", "--filename=-", given=text)

    def replace(self, body: Object) -> None:
        """Replace the object of the same name."""
        self.kubectl("replace", "--filename=-", given=json.dumps(body))

    def patch(self, kind: str, name: str, namespace: str, patch: Mapping[str, Any]) -> None:
        """Merge a patch into an object."""
        self.kubectl(
            *_in(namespace), "patch", kind, name, "--type=merge", f"--patch={json.dumps(patch)}"
        )

    def resize(
        self, namespace: str, pod: str, container: str, resources: Mapping[str, Any]
    ) -> None:
        """Give a container of a running pod other resources, and wait until it has them."""
        spec = {"spec": {"containers": [{"name": container, "resources": resources}]}}
        self.kubectl(
            *_in(namespace),
            "patch",
            "pod",
            pod,
            "--subresource=resize",
            f"--patch={json.dumps(spec)}",
        )
        wait_until(
            f"{pod} has {resources}",
            lambda: _has_limits(self.get("pod", pod, namespace), container, resources["limits"]),
            seconds=60,
        )

    def delete(self, kind: str, name: str, namespace: str = "", *options: str) -> None:
        """Delete an object; without waiting unless the options say so."""
        self.kubectl(*_in(namespace), "delete", kind, name, "--wait=false", *options)

    def exec(
        self,
        namespace: str,
        pod: str,
        *command: str,
        given: str | None = None,
        timeout: float = 60,
    ) -> str:
        """Run a command in a pod, with something on its standard input if given."""
        keep_open = () if given is None else ("--stdin",)
        return self.kubectl(
            *_in(namespace), "exec", *keep_open, pod, "--", *command, given=given, timeout=timeout
        )

    def converse(
        self, namespace: str, pod: str, command: str, *lines: str, prompt: str, pause: float = 0.4
    ) -> str:
        """Type each line when a command in a pod asks for it; everything it printed until it ended.

        `command` is one of the shell; what it says in two streams comes in the order in which it said it.
        `prompt` is what it asks with, a regular expression. The pause before a line is a person's: what
        the line before has set off has been printed by then.
        """
        kubectl = ("kubectl", "--context", self.context, *_in(namespace))
        session = PopenSpawn(
            [*kubectl, "exec", "--stdin", pod, "--", "bash", "-c", f"{command} 2>&1"],
            timeout=60 * PATIENCE,
            encoding="utf-8",
        )
        session.logfile_read = said = io.StringIO()
        with session.proc:  # waits for its end and closes its ends of the pipes
            for line in lines:
                session.expect(prompt)
                time.sleep(pause)
                session.sendline(line)
            session.expect(pexpect.EOF)
        return said.getvalue()

    def logs(self, namespace: str, pod: str, *options: str) -> str:
        """The log of a pod."""
        return self.kubectl(*_in(namespace), "logs", pod, *options)

    def raw(self, path: str, *, timeout: float = 10) -> str:
        """The answer of the API server to a GET."""
        return self._api.read(path, timeout=timeout)

    def http(self, namespace: str, pod: str, port: int, path: str) -> str:
        """What a pod answers to a GET, asked through the API server."""
        return self.raw(f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/{path}")

    @contextmanager
    def port_forward(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """A port of this machine that leads to one of a pod or Service, as long as it is needed."""
        command = ("kubectl", "--context", self.context, *_in(namespace), "port-forward")
        with subprocess.Popen(
            [*command, target, f":{port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", line)
                assert found, f"port-forward to {target} said: {line}"
                yield int(found[1])
            finally:
                process.terminate()

    # ---- what only the node can do ----

    def on_node(self, node: str, *command: str, given: str | None = None) -> str:
        """Run a command on a node, which is a container of this machine."""
        keep_open = () if given is None else ("--interactive",)
        return run("docker", "exec", *keep_open, node, *command, given=given).stdout

    def signal(self, pod: Object, signal: str, process: str = "java") -> None:
        """Send a signal to a pod's process from outside: inside, process 1 takes neither KILL nor STOP."""
        uid = pod["metadata"]["uid"]
        script = (
            f'for p in $(grep -lE "pod({uid}|{uid.replace("-", "_")})" /proc/[0-9]*/cgroup'
            " 2>/dev/null); do p=${p#/proc/}; p=${p%/cgroup};"
            f' if [ "$(cat /proc/$p/comm 2>/dev/null)" = {process} ]; then'
            f" kill -{signal} $p && echo $p; fi; done"
        )
        hit = self.on_node(pod["spec"]["nodeName"], "sh", "-c", script)
        assert hit.strip(), f"no process {process} of {pod['metadata']['name']} was found"

    # ---- diagnosis ----

    def diagnose(self, namespace: str) -> str:
        """Everything that a person needs who reads a failure later."""
        parts = [
            self._ensembles(namespace),
            self._told("pods and claims", *_in(namespace), "get", "pods,pvc", "--output=wide"),
            self._told(
                "events",
                *_in(namespace),
                "get",
                "events",
                "--sort-by=.metadata.creationTimestamp",
                "--output=custom-columns=TIME:.metadata.creationTimestamp,OBJECT:.involvedObject.name,"
                "REASON:.reason,MESSAGE:.message",
            ),
        ]
        for pod in self.list("pods", namespace):
            if any(not c["ready"] for c in pod.get("status", {}).get("containerStatuses", ())):
                name = pod["metadata"]["name"]
                parts.append(
                    self._told(f"log of {name}", *_in(namespace), "logs", name, "--tail=30")
                )
        parts.append(self.operator_log(lines=60))
        return "\n".join(parts)

    def _ensembles(self, namespace: str) -> str:
        """A line each for spec and status: what comes after them must not be cut off."""
        try:
            lines = [
                f"{found['metadata']['name']} {part} {json.dumps(found.get(part))}"
                for found in self.list("zke", namespace)
                for part in ("spec", "status")
            ]
        except (ApiError, LookupError) as error:
            lines = [str(error)]
        return "\n".join(["---- ensembles", *lines])

    def operator_log(self, *, lines: int) -> str:
        """The end of the operator's log."""
        return self._told(
            "operator's log",
            *_in(OPERATOR_NAMESPACE),
            "logs",
            "--selector=app.kubernetes.io/name=zookeeper-operator",
            f"--tail={lines}",
            "--prefix",
        )

    def _told(self, title: str, *arguments: str) -> str:
        done = run("kubectl", "--context", self.context, *arguments, check=False)
        return f"---- {title}\n{(done.stdout or done.stderr).rstrip()}"


def _in(namespace: str) -> tuple[str, ...]:
    return ("--namespace", namespace) if namespace else ()


def _has_limits(pod: Object | None, container: str, limits: Mapping[str, str]) -> bool:
    found = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    actual = next((c.get("resources") or {} for c in found if c["name"] == container), {})
    return limits.items() <= (actual.get("limits") or {}).items()


def find_condition(body: Object | None, type_: str) -> Object:
    """A condition of an object's status; an empty one if it is not there yet."""
    found = ((body or {}).get("status") or {}).get("conditions") or []
    return next((c for c in found if c["type"] == type_), {})
