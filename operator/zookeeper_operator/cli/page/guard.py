"""Who may read the page, and what the page may do in the browser.

* The server listens on 127.0.0.1 only, and answers only under names of this machine (`Host`), so a name that
  someone points here (DNS rebinding) leads nowhere. Requests that a page of another origin makes are refused.
* Other users of the machine can reach the port, so everything that holds data takes a key. The link that is
  opened holds a token, behind the #, which no server and no log sees. It is exchanged for the key once: it
  is of no use to others who see it on the command line of the browser.
* The key is sent in a header, not in a cookie: cookies of 127.0.0.1 go to every port of it.
* The Content-Security-Policy allows the scripts and styles of this server and nothing else: no inline script,
  no other address, no plug-in, no frame. Trusted Types turn every way from text to markup into an error.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

_LOCAL: Final = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?")
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_BEARER: Final = "Bearer "
_TOKEN_BYTES: Final = 32

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "; ".join(
        (
            *("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"),
            *("img-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
            *("require-trusted-types-for 'script'", "trusted-types 'none'"),
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


class Keys:
    """The token of the link, and the key that it is exchanged for, once."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._unused: str | None = self.token
        self._key = secrets.token_urlsafe(_TOKEN_BYTES)

    def exchange(self, token: str) -> str | None:
        """Return the key for the token; None if it is another one, or was used."""
        if self._unused is None or not hmac.compare_digest(token.encode(), self._unused.encode()):
            return None
        self._unused = None
        return self._key

    def fits(self, authorization: str) -> bool:
        """Whether a header holds the key."""
        given = authorization.removeprefix(_BEARER)
        return authorization.startswith(_BEARER) and hmac.compare_digest(
            given.encode(errors="replace"), self._key.encode()
        )


def refusal_of(headers: Mapping[str, str]) -> str:
    """Why a request is refused whatever it asks for; empty if it is not."""
    host = headers.get("Host", "")
    if not _LOCAL.fullmatch(host):
        return "this server answers only as 127.0.0.1 or localhost"
    if headers.get("Origin", f"http://{host}") != f"http://{host}":
        return "another page may not ask this server"
    if (
        headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES
        and headers.get("Sec-Fetch-Mode") != "navigate"
    ):
        return "another page may not ask this server"
    return ""


def build_guard(keys: Keys) -> Middleware:
    """Build the middleware through which every request goes."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        why = refusal_of(request.headers)
        if why:
            return web.json_response({"error": why}, status=403)
        if request.path.startswith("/api/") and not keys.fits(
            request.headers.get("Authorization", "")
        ):
            why = "the link of this page was opened elsewhere, or the command was started again"
            return web.json_response({"error": why}, status=401)
        return await handler(request)

    return guard


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer carries."""
    response.headers.update(HEADERS)
