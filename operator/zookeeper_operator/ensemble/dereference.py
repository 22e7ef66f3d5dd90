"""Reads what a spec refers to: once in each reconcile, live, and never its content.

What is missing, or may not be read, is a fact in the result.
"""

import asyncio
import re
from http import HTTPStatus
from typing import Final

from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.referenced import Found, Reference, Referenced, references_of
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError

_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_TRANSIENT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})
"""Refusals that say nothing about the object."""


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
    if not _OBJECT_NAME.fullmatch(reference.name):
        return Found(
            reference, "missing"
        )  # nothing can be called so, and it may lead elsewhere in a URL
    try:
        body = await kube.get_metadata(RESOURCES["Secret"], namespace, reference.name)
    except KubeError as error:
        if not HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        if error.status in _TRANSIENT:
            raise
        return Found(reference, "unreadable", why=error.message)
    if body is None:
        return Found(reference, "missing")
    return Found(reference, "present", version=body["metadata"]["resourceVersion"])
