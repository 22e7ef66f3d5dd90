"""ready.sh, run for real against a server that answers as an AdminServer does."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.unit.ensemble.build.targets import target

from zookeeper_operator.ensemble.build.config import build_config

NOT_SERVING = "This ZooKeeper instance is not currently serving requests"


class Admin:
    """What the AdminServer is to answer, always with status 200."""

    def __init__(self) -> None:
        self.body = ""
        self.asked: list[str] = []
        admin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                admin.asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(admin.body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def admin() -> Iterator[Admin]:
    found = Admin()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def ready(tmp_path: Path, port: int) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "ready.sh"
    script.write_text(build_config(target())["data"]["ready.sh"])
    return subprocess.run(
        ["bash", str(script), str(port)], capture_output=True, text=True, check=False, timeout=10
    )


@pytest.mark.parametrize(
    "body",
    [
        '{\n  "command" : "ruok",\n  "error" : null\n}',
        '{"command":"ruok","error":null}',
    ],
)
def test_ready_while_serving(tmp_path: Path, admin: Admin, body: str) -> None:
    admin.body = body
    assert ready(tmp_path, admin.port).returncode == 0
    assert admin.asked == ["/commands/ruok"]


@pytest.mark.parametrize(
    "body", [f'{{"command" : "ruok", "error" : "{NOT_SERVING}"}}', "", "<html>"]
)
def test_not_ready_without_a_quorum(tmp_path: Path, admin: Admin, body: str) -> None:
    admin.body = body
    result = ready(tmp_path, admin.port)
    assert result.returncode == 1
    assert "not serving" in result.stdout


def test_not_ready_while_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = ready(tmp_path, unused.getsockname()[1])
    assert result.returncode == 1
    assert result.stdout.strip() == "the AdminServer does not answer"
    assert not result.stderr
