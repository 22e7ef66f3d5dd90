"""Reads what a spec refers to: once in each reconcile, live, and its content only where it is used.

What is missing, or may not be read, is a fact in the result.
"""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.bootstrap import FoundBackup, backup_name
from zookeeper_operator.ensemble.ensemble import Ensemble
from zookeeper_operator.ensemble.observed import Issuance, TlsSource
from zookeeper_operator.ensemble.pods import is_ours
from zookeeper_operator.ensemble.referenced import (
    Found,
    Reference,
    Referenced,
    references_of,
    tls_source_name,
    users_of,
)
from zookeeper_operator.ensemble.security.certificates import read_secret
from zookeeper_operator.kube.api import RESOURCES, Kube, KubeError, Object

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


async def fetch_backup(kube: Kube, ensemble: Ensemble) -> FoundBackup:
    """The backup that a new ensemble is founded from, as its object describes it.

    Raises:
        KubeError: the API server could not be asked.
    """
    name = backup_name(ensemble)
    if name is None or ensemble.status.get("foundedAt") or not _OBJECT_NAME.fullmatch(name):
        return FoundBackup()
    try:
        return FoundBackup(await kube.get(names.BACKUPS, ensemble.namespace, name))
    except KubeError as error:
        if _says_nothing(error):
            raise
        return FoundBackup(why=error.message)


async def fetch_tls_source(kube: Kube, ensemble: Ensemble) -> TlsSource | None:
    """The content of the Secret that the certificate is taken from; None if there is none, or none to read.

    Raises:
        KubeError: the API server could not be asked.
    """
    name = tls_source_name(ensemble)
    body = None if name is None else await _fetch_secret(kube, ensemble.namespace, name)
    if name is None or body is None:
        return None
    metadata = body["metadata"]
    return TlsSource(name, metadata["uid"], metadata["resourceVersion"], read_secret(body))


async def fetch_passwords(kube: Kube, ensemble: Ensemble) -> Mapping[str, bytes]:
    """The password of each user of the spec for whom there is one to read.

    Raises:
        KubeError: the API server could not be asked.
    """
    users = users_of(ensemble)
    named = sorted({user.password_secret.name for user in users})
    bodies = await asyncio.gather(
        *(_fetch_secret(kube, ensemble.namespace, name) for name in named)
    )
    secrets = {name: read_secret(body) for name, body in zip(named, bodies, strict=True)}
    return {
        user.name: secrets[user.password_secret.name][user.password_secret.key]
        for user in users
        if user.password_secret.key in secrets[user.password_secret.name]
    }


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


async def _fetch_secret(kube: Kube, namespace: str, name: str) -> Object | None:
    """A Secret; None if there is none, or it may not be read, of which `dereference` says why."""
    if not _OBJECT_NAME.fullmatch(name):
        return None
    try:
        return await kube.get(RESOURCES["Secret"], namespace, name)
    except KubeError as error:
        if _says_nothing(error):
            raise
        return None


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
