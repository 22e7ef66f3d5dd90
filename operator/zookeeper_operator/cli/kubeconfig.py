"""Which cluster and which namespace are meant: the same choice that kubectl makes.

kubectl reports nothing of it to a plugin, only the environment is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from zookeeper_operator.cli.failure import Failure

DEFAULT_NAMESPACE: Final = "default"
_POD_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class KubeContext:
    """A cluster and a namespace in it. Without a kubeconfig it is the cluster this pod runs in."""

    kubeconfig: str
    context: str
    namespace: str

    def kubectl(self) -> list[str]:
        """Return the arguments that point kubectl to the same place."""
        found = ["--namespace", self.namespace]
        if self.context:
            found = ["--context", self.context, *found]
        if self.kubeconfig:
            found = ["--kubeconfig", self.kubeconfig, *found]
        return found


@dataclass(frozen=True)
class Choice:
    """What the options ask for; empty where they ask for nothing."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""


def find_target(
    choice: Choice, environment: Mapping[str, str], home: Path, pod_namespace: Path = _POD_NAMESPACE
) -> KubeContext:
    """Find the cluster: `--kubeconfig`, else `$KUBECONFIG`, else `~/.kube/config`, else the pod's.

    Raises:
        Failure: there is none, it cannot be read, or it does not have the context.
    """
    paths = _candidates(choice, environment, home)
    existing = [path for path in paths if path.is_file()]
    if not existing:
        if not choice.kubeconfig and "KUBERNETES_SERVICE_HOST" in environment:
            inside = pod_namespace.read_text().strip() if pod_namespace.is_file() else ""
            return KubeContext("", "", choice.namespace or inside or DEFAULT_NAMESPACE)
        listed = ", ".join(map(str, paths))
        raise Failure(
            f"there is no kubeconfig ({listed} does not exist); name one with --kubeconfig or in "
            "KUBECONFIG"
        )
    return choose_context([(path, _read(path)) for path in existing], choice)


def _candidates(choice: Choice, environment: Mapping[str, str], home: Path) -> list[Path]:
    if choice.kubeconfig:
        return [Path(choice.kubeconfig).expanduser()]
    listed = [part for part in environment.get("KUBECONFIG", "").split(":") if part]
    return [Path(part).expanduser() for part in listed] or [home / ".kube" / "config"]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Failure(f"kubeconfig {path} cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise Failure(f"kubeconfig {path} is empty or not a kubeconfig")
    return content


def choose_context(files: Sequence[tuple[Path, Mapping[str, Any]]], choice: Choice) -> KubeContext:
    """Choose the context as kubectl does: the first file that says it counts.

    Raises:
        Failure: no file has the context, or its cluster and its user stand in different files.
    """
    context = choice.context or next(
        (str(content["current-context"]) for _, content in files if content.get("current-context")),
        "",
    )
    listed = ", ".join(str(path) for path, _ in files)
    if not context:
        raise Failure(f"no context is chosen in {listed}; name one with --context")
    for path, content in files:
        found = _named(content, "contexts", context)
        if found is None:
            continue
        details = found.get("context") or {}
        apart = [
            f"{kind} {details.get(kind)}"
            for kind in ("cluster", "user")
            if _named(content, f"{kind}s", str(details.get(kind))) is None
        ]
        if apart:
            raise Failure(
                f"context {context} of {path} has no {' and no '.join(apart)} in that file; put "
                "them into one file (kubectl config view --flatten) and name it with --kubeconfig"
            )
        namespace = choice.namespace or str(details.get("namespace") or DEFAULT_NAMESPACE)
        return KubeContext(str(path), context, namespace)
    known = sorted(
        str(item.get("name"))
        for _, content in files
        for item in content.get("contexts") or []
        if isinstance(item, Mapping)
    )
    raise Failure(
        f"there is no context {context} in {listed}; there are: {', '.join(known) or 'none'}"
    )


def _named(content: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any] | None:
    items = content.get(kind) or []
    return next((i for i in items if isinstance(i, Mapping) and i.get("name") == name), None)
