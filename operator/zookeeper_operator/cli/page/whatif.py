"""What an edit would do, for the page: the forecast of `kubectl zk plan`. Nothing is changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from zookeeper_operator.cli.kubeconfig import KubeContext
from zookeeper_operator.cli.page.texts import visible
from zookeeper_operator.cli.plan import answer_as_value
from zookeeper_operator.cli.reading import find_ensemble
from zookeeper_operator.cli.rehearsal import rehearse_edit, rehearse_now
from zookeeper_operator.ensemble import names
from zookeeper_operator.kube.api import Kube, Object


class WhatIf:
    """Rehearses edits of ensembles."""

    def __init__(self, target: KubeContext, kube: Kube) -> None:
        self._target = target
        self._kube = kube

    async def rehearse(self, namespace: str, name: str, asked: Mapping[str, str]) -> dict[str, Any]:
        """Rehearse an edit; without one, what the operator is about to do.

        Raises:
            Failure: the ensemble cannot be observed.
            ValueError: the edit cannot be read.
        """
        target = replace(self._target, namespace=namespace)
        body = await find_ensemble(self._kube, namespace, name)
        edited = edit(body, asked, datetime.now(UTC))
        if edited is None:
            answer = await rehearse_now(target, name)
        else:
            answer = await rehearse_edit(target, edited, server_side=False)
        found: dict[str, Any] = _visible(answer_as_value(answer))
        return found


def edit(body: Object, asked: Mapping[str, str], now: datetime) -> Object | None:
    """The manifest that asks for other replicas, another version, a restart; None if for none of them.

    Raises:
        ValueError: the number of replicas is none.
    """
    metadata = body["metadata"]
    spec = dict(body.get("spec") or {})
    annotations = {}
    if asked.get("replicas"):
        spec["replicas"] = int(asked["replicas"])
    if asked.get("version"):
        spec["version"] = asked["version"]
    if asked.get("restart"):
        at = now.isoformat(timespec="seconds")
        annotations[names.ANNOTATION_RESTARTED_AT] = at
    if spec == (body.get("spec") or {}) and not annotations:
        return None
    kept = {key: metadata[key] for key in ("namespace", "name")}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {**kept, **({"annotations": annotations} if annotations else {})},
        "spec": spec,
    }


def _visible(value: Any) -> Any:
    match value:
        case str():
            return visible(value)
        case list() | tuple():
            return [_visible(item) for item in value]
        case dict():
            return {key: _visible(item) for key, item in value.items()}
        case _:
            return value
