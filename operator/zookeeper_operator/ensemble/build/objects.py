"""What all children have in common: whose they are, and how they are found."""

import base64
from collections.abc import Mapping
from typing import Any

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.target import Target
from zookeeper_operator.kube.api import Object


def child(
    target: Target,
    *,
    api_version: str,
    kind: str,
    name: str,
    component: str = "",
    annotations: Mapping[str, str] | None = None,
    content: Mapping[str, Any],
) -> Object:
    """The body of one child: `content` holds what follows the metadata, such as `spec` or `data`."""
    metadata: Object = {
        "name": name,
        "namespace": target.namespace,
        "labels": {**dict(sorted(target.spec.labels.items())), **labels_of(target, component)},
    }
    if annotations := {**target.spec.annotations, **(annotations or {})}:
        metadata["annotations"] = dict(sorted(annotations.items()))
    metadata["ownerReferences"] = [owner_reference(target)]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def common_labels(ensemble: str) -> dict[str, str]:
    """What every child carries and is found by."""
    return {
        "app.kubernetes.io/name": "zookeeper",
        names.LABEL_INSTANCE: ensemble,
        "app.kubernetes.io/managed-by": names.FIELD_MANAGER,
        names.LABEL_ENSEMBLE: ensemble,
    }


def owner_reference(target: Target) -> Object:
    """The controller reference that ties a child's life to the ensemble's."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": target.name,
        "uid": target.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def labels_of(target: Target, component: str = "") -> dict[str, str]:
    """The labels of a child, with its component where it belongs to one."""
    labels = common_labels(target.name)
    if component:
        labels[names.LABEL_COMPONENT] = component
    return labels


def member_selector(target: Target, component: str = "") -> dict[str, str]:
    """The labels by which the pods of a target, or of one component of it, are selected.

    A selector cannot be changed later: only what never changes is in it, no version and no chart.
    """
    selector = {names.LABEL_ENSEMBLE: target.name}
    if component:
        selector[names.LABEL_COMPONENT] = component
    return selector


def secret_data(values: Mapping[str, str]) -> dict[str, str]:
    """Texts as the `data` of a Secret.

    Not `stringData`: that is never read back, so an edit of the live Secret would go unnoticed.
    """
    return secret_bytes({key: value.encode() for key, value in values.items()})


def secret_bytes(values: Mapping[str, bytes]) -> dict[str, str]:
    """Bytes as the `data` of a Secret."""
    return {key: base64.b64encode(value).decode() for key, value in values.items()}
