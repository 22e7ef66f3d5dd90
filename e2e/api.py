"""Reads from the API server without a process of kubectl each time, for what tests read repeatedly.

On two cores those processes are a noticeable part of the work of a test run. Only reads are here; what a
user does is done with kubectl.
"""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from kubernetes.client import ApiClient, ApiException
from kubernetes.config import new_client_from_config
from urllib3.exceptions import HTTPError

_JSON: Final = "application/json"
_DISCOVERY: Final = f"{_JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class ApiError(AssertionError):
    """The API server could not be asked, or refused to answer."""

    def __init__(self, path: str, status: int, said: str) -> None:
        super().__init__(f"GET {path}: {status} {said}")
        self.status = status


@dataclass(frozen=True)
class Kind:
    """A kind of objects, and where they are."""

    name: str
    base: str
    plural: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """Group and version, as objects name them."""
        return self.base.split("/", 2)[2]

    def path(self, namespace: str, name: str = "", *, selector: str = "") -> str:
        """The path of one object, or of those that a selector finds.

        Raises:
            ValueError: a namespace is missing, or is given where there are none.
        """
        if self.namespaced != bool(namespace):
            raise ValueError(f"{self.plural} in namespace {namespace!r}")
        parts = (self.base, *(("namespaces", namespace) if namespace else ()), self.plural, name)
        query = urlencode({"labelSelector": selector}) if selector else ""
        return "/".join(filter(None, parts)) + ("?" + query if query else "")


class Api:
    """One API server, by a context of the default kubeconfig."""

    def __init__(self, context: str) -> None:
        self._context = context
        self._kinds: dict[str, Kind] = {}

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """One object; None if there is none.

        Raises:
            ApiError: the API server could not be asked, or refused.
        """
        try:
            found: dict[str, Any] = json.loads(self.read(self.kind(kind).path(namespace, name)))
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found

    def find(self, kind: str, namespace: str = "", *, selector: str = "") -> list[dict[str, Any]]:
        """All objects of a kind that a selector finds, each with its kind as if asked for by itself.

        Raises:
            ApiError: the API server could not be asked, or refused.
        """
        found = self.kind(kind)
        answer = json.loads(self.read(found.path(namespace, selector=selector)))
        told = {"apiVersion": found.api_version, "kind": found.name}
        return [told | item for item in answer["items"]]

    def kind(self, word: str) -> Kind:
        """The kind that a word of kubectl names: `pod`, `pods`, `po`.

        Raises:
            LookupError: there is none.
            ApiError: the API server could not be asked, or refused.
        """
        if word not in self._kinds:  # the first time, or it was installed meanwhile
            for kind, words in self._served():
                for known in words:
                    self._kinds.setdefault(known, kind)
        if word not in self._kinds:
            raise LookupError(f"the API server serves nothing that is called {word}")
        return self._kinds[word]

    def _served(self) -> Iterator[tuple[Kind, list[str]]]:
        """What is served, in the version that is preferred; the core group first, as kubectl has it."""
        for root in ("/api", "/apis"):
            for group in json.loads(self.read(root, accept=_DISCOVERY))["items"]:
                version = group["versions"][0]
                base = "/".join(
                    filter(None, (root, group["metadata"].get("name"), version["version"]))
                )
                for found in version["resources"]:
                    kind = Kind(
                        found["responseKind"]["kind"],
                        base,
                        found["resource"],
                        namespaced=found["scope"] == "Namespaced",
                    )
                    singular = found.get("singularResource", "")
                    yield kind, [found["resource"], singular, *found.get("shortNames", ())]

    @functools.cached_property
    def _client(self) -> ApiClient:
        client: ApiClient = new_client_from_config(context=self._context)  # type: ignore[no-untyped-call]
        return client

    def read(self, path: str, *, accept: str = _JSON, timeout: float = 10) -> str:
        """The answer to a GET.

        Raises:
            ApiError: there was none, or a refusal.
        """
        try:
            answer = self._client.call_api(
                "GET",
                self._client.configuration.host + path,
                header_params={"Accept": accept},
                _request_timeout=timeout,
            )
            said: str = answer.read().decode(errors="replace")  # type: ignore[no-untyped-call]
        except (HTTPError, ApiException) as error:
            raise ApiError(path, 0, str(error)) from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ApiError(path, answer.status, said[:1000])
        return said
