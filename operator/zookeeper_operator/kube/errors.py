"""The `KubeError` that an answer of the API server, or the lack of one, amounts to.

Pure: a status and a body become an error; nothing here sends or retries.
"""

import errno
import json
import os
from http import HTTPStatus
from typing import Final

from zookeeper_operator.kube.api import KubeError, NamespaceEndingError, Object

_QUOTED_BYTES: Final = 200
_OF_THE_NETWORK: Final = frozenset(
    {
        *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE),
        *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT),
    }
)
"""Whose name says everything; what aiohttp adds is the address once more. TLS has errors of the same type."""


class MissingObjectError(KubeError):
    """404 because there is no object of that name (and not: no such kind)."""


def refusal(status: int, body: Object) -> KubeError:
    """The error for an answer that is not a success; `body` is the Status object, or what came instead."""
    reason = str(body.get("reason") or "")
    message = str(body.get("message") or "no message")
    details = body.get("details")
    names_object = isinstance(details, dict) and bool(details.get("name"))
    if status == HTTPStatus.NOT_FOUND and reason == "NotFound" and names_object:
        return MissingObjectError(status, reason, message)
    if "NamespaceTerminating" in _causes(details, "reason"):
        return NamespaceEndingError(status, reason, message)
    if "metadata.uid" in _causes(details, "field"):
        # The body is about an object that was deleted; another one has its name.
        return KubeError(HTTPStatus.CONFLICT, "Conflict", message)
    return KubeError(status, reason, message)


def read_refusal(status: int, content: bytes) -> KubeError:
    """The error for an answer that is not a success, from the API server or from a proxy before it."""
    found = read_object(content)
    return refusal(status, {"message": _quote(content)} if found is None else found)


def _quote(content: bytes) -> str:
    """The beginning of what came instead of an object, on one line."""
    return " ".join(content[:_QUOTED_BYTES].decode(errors="replace").split())


def read_object(content: bytes) -> Object | None:
    """The JSON object that an answer is; None if it is something else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def unreachable(server: str, error: BaseException) -> KubeError:
    """The error for a request that got no answer."""
    if isinstance(error, OSError) and error.errno in _OF_THE_NETWORK:
        why = os.strerror(error.errno)
    else:
        why = str(error) or (
            "no answer in time" if isinstance(error, TimeoutError) else repr(error)
        )
    return KubeError(0, "Unreachable", f"{server} cannot be reached: {why}")


def _causes(details: object, key: str) -> frozenset[str]:
    """The reasons, or the fields, that the API server gives in addition to the reason of the whole answer."""
    causes = details.get("causes") if isinstance(details, dict) else None
    listed = causes if isinstance(causes, list) else []
    return frozenset(str(cause.get(key)) for cause in listed if isinstance(cause, dict))
