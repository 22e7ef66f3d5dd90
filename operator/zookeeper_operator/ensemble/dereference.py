"""Reads what a spec refers to: once in each reconcile, live, and its content only where it is used.

What is missing, or may not be read, is a fact in the result.
"""

import asyncio
import re
from http import HTTPStatus
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observed import Issuance, TlsSource
from zookeeper_operator.ensemble.pods import is_ours
from zookeeper_operator.ensemble.referenced import (
    Found,
    Reference,
    Referenced,
    references_of,
    tls_source_name,
)
from zookeeper_operator.ensemble.security.certificates import read_secret
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
        *(_follow(kube, ensemble.namespace, reference) for reference in references_of(ensemble))
    )
    return Referenced(tuple(found))


async def fetch_tls_source(kube: Kube, ensemble: Ensemble) -> TlsSource | None:
    """The content of the Secret that the certificate is taken from; None if there is none, or none to read.

    Raises:
        KubeError: the API server could not be asked.
    """
    name = tls_source_name(ensemble)
    if name is None or not _OBJECT_NAME.fullmatch(name):
        return None
    try:
        body = await kube.get(RESOURCES["Secret"], ensemble.namespace, name)
    except KubeError as error:
        if _says_nothing(error):
            raise
        return None  # `dereference` says why
    if body is None:
        return None
    metadata = body["metadata"]
    return TlsSource(name, metadata["uid"], metadata["resourceVersion"], read_secret(body))


async def fetch_issuance(kube: Kube, ensemble: Ensemble) -> Issuance:
    """The Certificate of cert-manager that the certificate of the members comes from, or came from.

    Raises:
        KubeError: the API server could not be asked.
    """
    name = names.certificate_name(ensemble.name)
    try:
        body = await kube.get(RESOURCES["Certificate"], ensemble.namespace, name)
    except KubeError as error:
        if _says_nothing(error):
            raise
        missing = error.status == HTTPStatus.NOT_FOUND
        why = "the API server does not know Certificates: cert-manager is not installed"
        return Issuance(unreadable=why if missing else error.message)
    ours = body is not None and is_ours(body, name=ensemble.name, uid=ensemble.uid, needed=True)
    return Issuance(body, ours)


def _says_nothing(error: KubeError) -> bool:
    """Whether a failure says nothing about the object."""
    refused = HTTPStatus.BAD_REQUEST <= error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return not refused or error.status in _TRANSIENT


async def _follow(kube: Kube, namespace: str, reference: Reference) -> Found:
    if not _OBJECT_NAME.fullmatch(reference.name):
        return Found(
            reference, "missing"
        )  # nothing can be called so, and it may lead elsewhere in a URL
    try:
        body = await kube.get_metadata(RESOURCES["Secret"], namespace, reference.name)
    except KubeError as error:
        if _says_nothing(error):
            raise
        return Found(reference, "unreadable", why=error.message)
    if body is None:
        return Found(reference, "missing")
    return Found(reference, "present", version=body["metadata"]["resourceVersion"])
