"""A real S3 server (moto) behind a proxy that checks signatures as AWS does, and breaks what a test wants."""

import hashlib
import hmac
import http.client
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, quote, urlsplit

from tests.integration.environments import resolve_environment
from tests.integration.processes import Process

LOCK: Final = Path(__file__).parent / "s3" / "requirements.lock"
SECONDS: Final = 60.0
ACCESS_KEY: Final = "AKIATEST"
SECRET_KEY: Final = "secret/of+the=tests"
BUCKET: Final = "backups"
_XML: Final = (
    "<?xml version='1.0'?><Error><Code>{code}</Code><Message>by the test</Message></Error>"
)
_HOP: Final = {"connection", "transfer-encoding", "keep-alive"}


def resolve_moto() -> Path:
    """The Python of an environment with moto."""
    return resolve_environment("s3-server", LOCK)


@dataclass(frozen=True)
class Request:
    """What a client asks for; `number` counts all requests of the test."""

    number: int
    method: str
    path: str
    query: Mapping[str, str]

    @property
    def is_part(self) -> bool:
        """Whether it is one part of an object."""
        return self.method == "PUT" and "partNumber" in self.query


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead.

    Attributes:
        status: An answer with this status, with `code` in it.
        code: The code of S3 in the answer.
        cut_after: The connection is cut after so many bytes of the answer.
        seconds: It waits so long before it answers.
    """

    status: int = 0
    code: str = ""
    cut_after: int | None = None
    seconds: float = 0


Rule = Callable[[Request], Fault | None]


class S3Server:
    """The server. `rule` decides what breaks."""

    def __init__(self, python: Path, directory: Path, *, port: int = 9000) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.rule: Rule = lambda _: None
        self.requests: list[Request] = []
        self.connections = 0
        self._moto_port = port + 1
        moto = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._moto_port)]
        self._moto = Process("moto", [str(python), *moto], directory=directory)
        handler = type("Handler", (_Handler,), {"server_of_tests": self, "moto": self._moto_port})
        self._proxy = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._proxy.daemon_threads = True
        self._thread = threading.Thread(target=self._proxy.serve_forever, daemon=True)

    def start(self) -> None:
        """Start both, with an empty bucket."""
        self._moto.start()
        self._thread.start()
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._moto_port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, self._moto.tail()
                time.sleep(0.1)
        self.reset()

    def stop(self) -> None:
        """End both."""
        self._proxy.shutdown()
        self._proxy.server_close()
        self._thread.join()
        self._moto.kill()

    def reset(self) -> None:
        """Start again with an empty bucket and nothing that breaks."""
        self.rule = lambda _: None
        self.requests = []
        self._ask("POST", "/moto-api/reset")
        self._ask("PUT", f"/{BUCKET}")

    def uploads(self) -> int:
        """How many uploads in parts have been begun and neither completed nor aborted."""
        return self._ask("GET", f"/{BUCKET}?uploads").count(b"<UploadId>")

    def _ask(self, method: str, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._moto_port, timeout=SECONDS)
        try:
            # moto wants to see something like a signature.
            signature = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"
            connection.request(method, path, headers={"Authorization": signature})
            answer = connection.getresponse()
            content = answer.read()
            assert answer.status < 300, content
            return content
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server_of_tests: ClassVar[S3Server]
    moto: ClassVar[int]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        server = self.server_of_tests
        request = Request(len(server.requests), self.command, parts.path, query)
        server.requests.append(request)
        code = _objection(self.command, self.path, dict(self.headers.items()), body)
        fault = server.rule(request) or Fault()
        if code:
            fault = Fault(status=403, code=code)
        time.sleep(fault.seconds)
        if fault.status:
            self._answer(fault.status, {}, _XML.format(code=fault.code).encode(), fault)
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.moto, timeout=SECONDS)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            found = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
            self._answer(answer.status, found, content, fault)
        finally:
            connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _answer(
        self, status: int, headers: Mapping[str, str], content: bytes, fault: Fault
    ) -> None:
        self.send_response_only(status)
        length = {"Content-Length": str(len(content))} if self.command != "HEAD" else {}
        for name, value in {**headers, **length}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.cut_after is not None:
            self.wfile.write(content[: fault.cut_after])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif self.command != "HEAD":
            self.wfile.write(content)


def _objection(method: str, target: str, headers: Mapping[str, str], body: bytes) -> str:
    """Why AWS would refuse a request: the code of S3; empty if it would not."""
    lower = {name.lower(): value for name, value in headers.items()}
    scheme, _, rest = lower.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return "AccessDenied"
    fields = dict(field.strip().split("=", 1) for field in rest.split(","))
    access_key, date, region, service, _ = fields["Credential"].split("/")
    if access_key != ACCESS_KEY:
        return "InvalidAccessKeyId"
    payload = lower["x-amz-content-sha256"]
    if payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch"
    parts = urlsplit(target)
    signed = fields["SignedHeaders"].split(";")
    pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            method,
            parts.path,
            "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs),
            *(f"{name}:{' '.join(lower[name].split())}" for name in signed),
            "",
            fields["SignedHeaders"],
            payload,
        ]
    )
    scope = f"{date}/{region}/{service}/aws4_request"
    text = "\n".join(
        [scheme, lower["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (date, region, service, "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return "" if key.hex() == fields["Signature"] else "SignatureDoesNotMatch"


def storage(**fields: Any) -> dict[str, Any]:
    """The storage of a task."""
    return {"bucket": BUCKET, "prefix": "zk", "credentialsSecret": {"name": "account"}, **fields}
