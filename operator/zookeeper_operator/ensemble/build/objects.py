"""What all children have in common: whose they are, and how they are found."""

import base64
from collections.abc import Mapping
from typing import Any

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.kube.api import Object


def child(
    ensemble: Ensemble,
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
        "namespace": ensemble.namespace,
        "labels": labels_of(ensemble, component),
    }
    if annotations:
        metadata["annotations"] = dict(sorted(annotations.items()))
    metadata["ownerReferences"] = [ensemble.owner_reference]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def labels_of(ensemble: Ensemble, component: str = "") -> dict[str, str]:
    """The labels of a child, with its component where it belongs to one."""
    labels = dict(ensemble.labels)
    if component:
        labels[names.LABEL_COMPONENT] = component
    return labels


def member_selector(ensemble: Ensemble, component: str = "") -> dict[str, str]:
    """The labels by which the pods of an ensemble, or of one component of it, are selected.

    A selector cannot be changed later: only what never changes is in it, no version and no chart.
    """
    selector = {names.LABEL_ENSEMBLE: ensemble.name}
    if component:
        selector[names.LABEL_COMPONENT] = component
    return selector


def secret_data(values: Mapping[str, str]) -> dict[str, str]:
    """Texts as the `data` of a Secret.

    Not `stringData`: that is never read back, so an edit of the live Secret would go unnoticed.
    """
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
