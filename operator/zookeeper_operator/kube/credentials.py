"""Who the operator is to the API server: a kubeconfig or the pod's service account, kept fresh.

The official client's loaders are used for all of it: both sources are read again while the operator runs.
Nothing here sends a request of the Kubernetes API.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from zookeeper_operator.kube.api import FIELD_MANAGER, KubeError

_POOL_SIZE: Final = 100
_RELOAD_SECONDS: Final = 60.0
_LOGIN_VALID: Final = timedelta(minutes=5)
# The loaders do not check files: malformed ones surface as whatever they trip over.
_BAD_CONFIGURATION: Final = (
    ConfigException,
    OSError,
    yaml.YAMLError,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
)


@dataclass(frozen=True)
class ConnectionFacts:
    """How to reach the API server, for another client. `repr` hides the token.

    Valid until `expiration`; after that ask again, the token may have been replaced.
    """

    server: str
    expiration: datetime
    ca_path: str | None = None
    ca_data: str | None = None
    scheme: str | None = None
    token: str | None = field(default=None, repr=False)
    certificate_path: str | None = None
    private_key_path: str | None = None
    insecure: bool = False
    proxy_url: str | None = None


class Credentials:
    """Loaded credentials: the server, the `Authorization` header and the TLS set-up that go with it."""

    def __init__(self, configuration: Configuration) -> None:
        """Use a loaded configuration; `load_credentials` is the usual way.

        Reads the files of certificates that the configuration names.
        """
        configuration.connection_pool_maxsize = _POOL_SIZE
        # As kubectl: the chain and the name are verified, but a cluster's own CA need not have
        # every extension RFC 5280 asks for (which Python 3.13 insists on).
        configuration.disable_strict_ssl_verification = True
        configuration.client_session_kwargs = {
            "cookie_jar": aiohttp.DummyCookieJar(),
            "headers": {"User-Agent": FIELD_MANAGER},
            # aiohttp would read the environment and ~/.netrc in a thread, twice for each request.
            "trust_env": False,
        }
        self._configuration = configuration
        self._rest = RESTClientObject(configuration)
        self.server: str = configuration.host.rstrip("/")
        self._proxy = configuration.proxy or _find_proxy(self.server)

    def open_session(self) -> aiohttp.ClientSession:
        """A connection pool with this TLS set-up; the caller closes it."""
        return self._rest._create_pool_manager()  # noqa: SLF001 -- its documented factory

    def request_options(self) -> dict[str, Any]:
        """The arguments that every request of a session needs: the name to verify and the proxy."""
        options: dict[str, Any] = {}
        if self._configuration.tls_server_name:
            options["server_hostname"] = self._configuration.tls_server_name
        if self._proxy:
            options["proxy"] = self._proxy
        return options

    async def authorization(self) -> str:
        """The `Authorization` header, fresh; empty if there is none (a client certificate).

        Raises:
            KubeError: the credentials cannot be read now.
        """
        try:
            found = await self._configuration.get_api_key_with_prefix("BearerToken")
        except (OSError, ConfigException, ValueError) as error:
            raise KubeError(0, "Unauthenticated", f"no credentials: {error}") from error
        scheme, _, token = (found or "").strip().partition(" ")
        return f"{scheme.capitalize()} {token.strip()}" if scheme else ""

    async def facts(self) -> ConnectionFacts:
        """How to reach the API server, fresh.

        Raises:
            KubeError: the credentials cannot be read now.
        """
        configuration = self._configuration
        scheme, _, token = (await self.authorization()).partition(" ")
        ca_data = configuration.ca_cert_data
        return ConnectionFacts(
            server=self.server,
            expiration=datetime.now(UTC) + _LOGIN_VALID,
            ca_path=configuration.ssl_ca_cert,
            ca_data=ca_data if isinstance(ca_data, str) else None,
            scheme=scheme or None,
            token=token or None,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            insecure=not configuration.verify_ssl,
            proxy_url=self._proxy,
        )


def _find_proxy(server: str) -> str | None:
    """The proxy that the environment names for a server, by `HTTPS_PROXY` and `NO_PROXY`."""
    url = urlsplit(server)
    if not url.hostname or proxy_bypass(url.hostname):
        return None
    found = getproxies().get(url.scheme)
    return found if not found or "://" in found else f"http://{found}"


async def load_credentials(kubeconfig: str, context: str) -> Credentials:
    """Load the credentials of a kubeconfig, or of the pod's service account if none is named.

    Raises:
        KubeError: they cannot be loaded; the message says why.
    """
    configuration = Configuration()
    try:
        if kubeconfig:
            await _load_kubeconfig(configuration, kubeconfig, context or None)
        else:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        return Credentials(configuration)
    except _BAD_CONFIGURATION as error:
        source = f"kubeconfig {kubeconfig}" if kubeconfig else "service account"
        raise KubeError(0, "Unauthenticated", f"{source} cannot be used: {error}") from error


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
        """Read token files and ask credential plugins again, once a minute."""
        nonlocal reload_at
        if time.monotonic() >= reload_at:
            reload_at = time.monotonic() + _RELOAD_SECONDS
            await loader.load_and_set(current)

    configuration.refresh_api_key_hook = reload  # type: ignore[assignment] # its type is a guess
