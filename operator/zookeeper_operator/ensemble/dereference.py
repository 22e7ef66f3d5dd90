"""Reads what a spec refers to: once in each reconcile, live, and never its content.

What is missing, or may not be read, is a fact in the result.
"""

import asyncio
from http import HTTPStatus

from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.referenced import Found, Reference, Referenced, references_of
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError


async def dereference(kube: Kube, ensemble: Ensemble) -> Referenced:
    """Follow every reference of an ensemble's spec.

    Raises:
        KubeError: the API server could not be asked; nothing is known.
    """
    found = await asyncio.gather(
        *(
            _follow(kube, ensemble.namespace, reference)
            for reference in references_of(ensemble.spec)
        )
    )
    return Referenced(tuple(found))


async def _follow(kube: Kube, namespace: str, reference: Reference) -> Found:
    try:
        body = await kube.get_metadata(RESOURCES["Secret"], namespace, reference.name)
    except KubeError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return Found(reference, "unreadable", why=error.message)
    if body is None:
        return Found(reference, "missing")
    return Found(reference, "present", version=body["metadata"]["resourceVersion"])
