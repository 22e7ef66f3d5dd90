"""The Kubernetes API over `kubernetes.aio`: dicts in, dicts out, every failure a `KubeError`.

From the Kubernetes client come the credentials (service account or kubeconfig, both re-read while
we run), the TLS set-up and the connection pool. The requests are our own: the typed methods drop
fields their models do not know and answer nothing to a server-side apply that creates.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import quote

import aiohttp
import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from zookeeper_operator.kube.api import (
    FIELD_MANAGER,
    KubeError,
    NamespaceEndingError,
    Object,
    Resource,
)
from zookeeper_operator.settings import Settings

OnRequest = Callable[[str, str, int, float], None]
"""Told (verb, kind, HTTP status or 0, seconds) of every request. Must not raise."""

Objects = list[Object]
Sentences = list[str]
WebSocket = aiohttp.ClientWebSocketResponse[Literal[True]]

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=5)
_POOL_SIZE: Final = 100
_PAGE: Final = 500
_RELOAD_SECONDS: Final = 60.0
_LOGIN_VALID: Final = timedelta(minutes=5)
_ERROR_BYTES: Final = 1 << 20
_GONE: Final = 410


@dataclass(frozen=True)
class RawResponse:
    """An answer as it came."""

    status: int
    body: bytes


@dataclass(frozen=True)
class ConnectionFacts:
    """How to reach the API server, for another client. `repr` keeps the token to itself.

    Good until `expiration`; after that ask again, the token may have been replaced.
    """

    server: str
    expiration: datetime
    ca_path: str | None = None
    ca_data: str | None = None
    scheme: str | None = None
    token: str | None = field(default=None, repr=False)
    certificate_path: str | None = None
    certificate_data: str | None = field(default=None, repr=False)
    private_key_path: str | None = None
    private_key_data: str | None = field(default=None, repr=False)
    insecure: bool = False
    proxy_url: str | None = None


class KubeClient:
    """`kube.api.Kube` for a real API server, and what only this program needs besides.

    One per process and event loop. It never retries: the caller looks again. Close it at the end.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        on_request: OnRequest | None = None,
    ) -> None:
        """Use a loaded configuration; `connect` is the usual way."""
        configuration.connection_pool_maxsize = _POOL_SIZE
        # As kubectl: the chain and the name are verified, but a cluster's own CA need not have
        # every extension RFC 5280 asks for (which Python 3.13 insists on).
        configuration.disable_strict_ssl_verification = True
        configuration.client_session_kwargs = {
            "cookie_jar": aiohttp.DummyCookieJar(),
            "headers": {"User-Agent": FIELD_MANAGER},
        }
        self._configuration = configuration
        self._rest = RESTClientObject(configuration)
        self._session = self._rest._create_pool_manager()  # noqa: SLF001 -- its documented factory
        self._server: str = configuration.host.rstrip("/")
        self._on_request = on_request or (lambda *_: None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Requests after this fail."""
        await self._session.close()

    # ----------------------------------------------------------------- kube.api.Kube

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object | None:
        """Read one object live; None if there is none.

        A kind the API server does not know is an error, not an absent object.
        """
        path = _path(resource, namespace, name)
        try:
            return await self._json("GET", path, verb="get", kind=resource.kind)
        except _MissingObjectError:
            return None

    async def list(
        self, resource: Resource, namespace: str | None, *, labels: str = ""
    ) -> list[Object]:
        """Read all objects that match a label selector, live. Items carry apiVersion and kind."""
        try:
            return await self._list_pages(resource, namespace, labels)
        except KubeError as error:
            if error.status != _GONE:
                raise
        return await self._list_pages(resource, namespace, labels)  # pages outlived their snapshot

    async def apply(self, resource: Resource, body: Object) -> Object:
        """Server-side apply as our field manager, conflicts forced; the object as it is now.

        Apply merges: what others have set stays. Where that cannot stand beside ours (a Service's port whose
        number, its key in the list, was changed; the settings of an update strategy that is not ours), the
        API server refuses every apply. Then our lists are put in the place of what is there first, and
        what excludes ours is taken away.
        """
        try:
            return await self._apply(resource, body, subresource="", verb="apply")
        except KubeError as error:
            if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
                raise
            with contextlib.suppress(KubeError):
                await self.merge_patch(resource, _without_rivals(body))
                return await self._apply(resource, body, subresource="", verb="apply")
            raise

    async def apply_status(self, resource: Resource, body: Object) -> Object:
        """Server-side apply of the status subresource."""
        return await self._apply(resource, body, subresource="/status", verb="apply_status")

    async def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str, orphan: bool = False
    ) -> None:
        """Delete an object if it still has this UID. Already gone is success; another UID is not.

        What the object owns is deleted after it, or left alone (`orphan`).
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Orphan" if orphan else "Background",
        }
        path = _path(resource, namespace, name)
        try:
            await self._json("DELETE", path, verb="delete", kind=resource.kind, body=options)
        except _MissingObjectError:
            return
        except KubeError as error:
            # Between its own reads the API server may answer Conflict for what is just going.
            conflict = error.reason == "Conflict"
            if not conflict or await self.get(resource, namespace, name) is not None:
                raise

    async def create(self, resource: Resource, body: Object) -> Object:
        """Create an object; `AlreadyExists` if there is one of that name."""
        path = _path(resource, body["metadata"].get("namespace"))
        return await self._json("POST", path, verb="create", kind=resource.kind, body=body)

    # ------------------------------------------------------------------ beyond the port

    async def merge_patch(self, resource: Resource, body: Object) -> Object:
        """Merge fields into an object there is; `Conflict` if a given resourceVersion is outdated."""
        metadata = body["metadata"]
        return await self._json(
            "PATCH",
            _path(resource, metadata.get("namespace"), metadata["name"]),
            verb="patch",
            kind=resource.kind,
            body=body,
            content_type="application/merge-patch+json",
        )

    async def preflight(
        self, resources: Sequence[Resource], namespaces: Sequence[str] = ()
    ) -> Sentences:
        """What stands in the way of reading these kinds there, as sentences; empty if nothing.

        Namespaces empty: all of them.
        """
        places = [
            (resource, namespace)
            for resource in resources
            for namespace in ((namespaces or (None,)) if resource.namespaced else (None,))
        ]
        found = await asyncio.gather(*(self._obstacle(*place) for place in places))
        return list(dict.fromkeys(filter(None, found)))

    async def raw(
        self,
        method: str,
        path: str,
        *,
        kind: str,
        query: Mapping[str, str] | None = None,
        limit: int = _ERROR_BYTES,
    ) -> RawResponse:
        """Send a request and return at most `limit` bytes of the answer, whatever its status.

        Redirects are not followed: a proxied answer must not lead us elsewhere.

        Raises:
            KubeError: there was no answer.
        """
        started = time.monotonic()
        status = 0
        try:
            async with await self._send(method, path, query=query) as answer:
                status = answer.status
                body = await read_at_most(answer.content, limit)
        except _NO_ANSWER as error:
            raise _unreachable(self._server, error) from error
        finally:
            self._on_request(method.lower(), kind, status, time.monotonic() - started)
        return RawResponse(status, body)

    async def websocket(self, path: str, *, query: Mapping[str, str], protocol: str) -> WebSocket:
        """Open a WebSocket to a subresource (port-forward); the caller closes it.

        Raises:
            KubeError: it could not be opened.
        """
        try:
            socket: WebSocket = await self._session.ws_connect(
                self._server + path,
                params=dict(query),
                # The kubelet answers an upgrade that asks for JSON with 406.
                headers={**await self._headers(), "Accept": "*/*"},
                protocols=(protocol,),
                max_msg_size=0,
                **self._connection_options(),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise KubeError(error.status, "Handshake", error.message) from error
        except _NO_ANSWER as error:
            raise _unreachable(self._server, error) from error
        return socket

    async def credentials(self) -> ConnectionFacts:
        """How to reach the API server, fresh, for a client of another kind (the watcher).

        Raises:
            KubeError: the credentials cannot be read now.
        """
        configuration = self._configuration
        authorization = (await self._headers()).get("Authorization", "")
        scheme, _, token = authorization.partition(" ")
        ca_data = configuration.ca_cert_data
        return ConnectionFacts(
            server=self._server,
            expiration=datetime.now(UTC) + _LOGIN_VALID,
            ca_path=configuration.ssl_ca_cert,
            ca_data=ca_data if isinstance(ca_data, str) else None,
            scheme=scheme or None,
            token=token or None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            insecure=not configuration.verify_ssl,
            proxy_url=configuration.proxy,
        )

    # ------------------------------------------------------------------ how

    async def _list_pages(self, resource: Resource, namespace: str | None, labels: str) -> Objects:
        path = _path(resource, namespace)
        query = {"limit": str(_PAGE)}
        if labels:
            query["labelSelector"] = labels
        items: Objects = []
        while True:
            page = await self._json("GET", path, verb="list", kind=resource.kind, query=query)
            items += page.get("items") or []
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                break
            query["continue"] = following
        for item in items:
            item["apiVersion"] = resource.api_version
            item["kind"] = resource.kind
        return items

    async def _apply(
        self, resource: Resource, body: Object, *, subresource: str, verb: str
    ) -> Object:
        metadata = body["metadata"]
        return await self._json(
            "PATCH",
            _path(resource, metadata.get("namespace"), metadata["name"]) + subresource,
            verb=verb,
            kind=resource.kind,
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=body,
            content_type="application/apply-patch+yaml",
        )

    async def _obstacle(self, resource: Resource, namespace: str | None) -> str | None:
        where = f"in namespace {namespace}" if namespace else "in all namespaces"
        if not resource.namespaced:
            where = "of the cluster"
        try:
            await self._json(
                "GET",
                _path(resource, namespace),
                verb="list",
                kind=resource.kind,
                query={"limit": "1"},
            )
        except KubeError as error:
            match error.status:
                case 404:
                    sentence = (
                        f"The API server does not serve {resource.plural} of "
                        f"{resource.api_version}; install the CustomResourceDefinition first."
                    )
                case 403:
                    sentence = (
                        f"The operator may not list {resource.plural} {where}; grant it get, list "
                        f"and watch on them ({error.message})."
                    )
                case 401:
                    sentence = f"The API server does not accept our credentials ({error.message})."
                case _:
                    sentence = f"{resource.plural} {where} cannot be listed: {error.message}."
            return sentence
        return None

    async def _json(
        self,
        method: str,
        path: str,
        *,
        verb: str,
        kind: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send a request and return the object it answers with.

        Raises:
            KubeError: there was no answer, it was a refusal, or it was no object.
        """
        started = time.monotonic()
        status = 0
        try:
            async with await self._send(
                method, path, query=query, body=body, content_type=content_type
            ) as answer:
                status = answer.status
                content = await answer.read()
        except _NO_ANSWER as error:
            raise _unreachable(self._server, error) from error
        finally:
            self._on_request(verb, kind, status, time.monotonic() - started)
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            found = {"message": content[:200].decode(errors="replace").strip()}
            if status < 300:  # noqa: PLR2004 -- HTTP
                status = 0
        if not 200 <= status < 300:  # noqa: PLR2004 -- HTTP
            raise _refusal(status, found)
        return found

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> aiohttp.ClientResponse:
        headers = await self._headers()
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = json.dumps(body).encode()
        return await self._session.request(
            method,
            self._server + path,
            params=dict(query) if query else None,
            data=data,
            headers=headers,
            timeout=_TIMEOUT,
            allow_redirects=False,
            **self._connection_options(),
        )

    def _connection_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._configuration.tls_server_name:
            options["server_hostname"] = self._configuration.tls_server_name
        if self._configuration.proxy:
            options["proxy"] = self._configuration.proxy
        return options

    async def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        try:
            authorization = await self._configuration.get_api_key_with_prefix("BearerToken")
        except (OSError, ConfigException, ValueError) as error:
            raise KubeError(0, "Unauthenticated", f"no credentials: {error}") from error
        if authorization:
            scheme, _, token = authorization.strip().partition(" ")
            headers["Authorization"] = f"{scheme.capitalize()} {token.strip()}"
        return headers


async def connect(settings: Settings, *, on_request: OnRequest | None = None) -> KubeClient:
    """A client for the cluster the settings name: their kubeconfig, or the pod's service account.

    Nothing is sent yet; `preflight` tells whether it works.

    Raises:
        KubeError: the credentials cannot be loaded; the message says why.
    """
    configuration = Configuration()
    try:
        if settings.kubeconfig:
            await _load_kubeconfig(configuration, settings.kubeconfig, settings.context or None)
        else:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        return KubeClient(configuration, on_request=on_request)
    except _BAD_CONFIGURATION as error:
        source = f"kubeconfig {settings.kubeconfig}" if settings.kubeconfig else "service account"
        raise KubeError(0, "Unauthenticated", f"{source} cannot be used: {error}") from error


async def read_at_most(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """The first `limit` bytes of a stream; the rest stays unread."""
    parts: list[bytes] = []
    while limit > 0:
        part = await stream.read(limit)
        if not part:
            break
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


async def _load_kubeconfig(configuration: Configuration, path: str, context: str | None) -> None:
    if not Path(path).expanduser().is_file():  # noqa: ASYNC240 -- once, at the start
        raise ConfigException(f"no such file: {path}")
    loader = await load_kube_config(  # type: ignore[no-untyped-call]
        config_file=path,
        context=context,
        client_configuration=configuration,
        persist_config=False,
    )
    reload_at = time.monotonic() + _RELOAD_SECONDS

    async def reload(current: Configuration) -> None:
        """Read token files and ask credential plugins anew, once a minute."""
        nonlocal reload_at
        if time.monotonic() >= reload_at:
            reload_at = time.monotonic() + _RELOAD_SECONDS
            await loader.load_and_set(current)

    configuration.refresh_api_key_hook = reload  # type: ignore[assignment] # its type is a guess


class _MissingObjectError(KubeError):
    """404 because there is no object of that name (and not: no such kind)."""


# The loader does not check files: malformed ones surface as whatever it trips over.
_BAD_CONFIGURATION: Final = (
    ConfigException,
    OSError,
    yaml.YAMLError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
)
_NO_ANSWER: Final = (aiohttp.ClientError, OSError, TimeoutError)


def _without_rivals(body: Object) -> Object:
    """A merge patch to a body that also takes away what Kubernetes does not allow beside it."""
    if body["kind"] != "StatefulSet" or body["spec"].get("updateStrategy") != {"type": "OnDelete"}:
        return body
    strategy = {"type": "OnDelete", "rollingUpdate": None}
    return {**body, "spec": {**body["spec"], "updateStrategy": strategy}}


def _path(resource: Resource, namespace: str | None, name: str | None = None) -> str:
    prefix = "/apis" if "/" in resource.api_version else "/api"
    path = f"{prefix}/{resource.api_version}"
    if namespace and resource.namespaced:
        path += f"/namespaces/{quote(namespace, safe='')}"
    path += f"/{resource.plural}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def _refusal(status: int, body: Object) -> KubeError:
    reason = str(body.get("reason") or "")
    message = str(body.get("message") or "no message")
    details = body.get("details")
    if status == 404 and reason == "NotFound" and isinstance(details, dict) and details.get("name"):  # noqa: PLR2004 -- HTTP
        return _MissingObjectError(status, reason, message)
    if "NamespaceTerminating" in _causes(details):
        return NamespaceEndingError(status, reason, message)
    return KubeError(status, reason, message)


def _causes(details: object) -> frozenset[str]:
    """The reasons that the API server gives beside the one of the whole answer."""
    causes = details.get("causes") if isinstance(details, dict) else None
    listed = causes if isinstance(causes, list) else []
    return frozenset(str(cause.get("reason")) for cause in listed if isinstance(cause, dict))


def _unreachable(server: str, error: BaseException) -> KubeError:
    why = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else repr(error))
    return KubeError(0, "Unreachable", f"{server} cannot be reached: {why}")
