"""started.sh, run for real against a server that answers as an AdminServer does."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from tests.unit.ensemble.build.targets import target

from zookeeper_operator.ensemble import names
from zookeeper_operator.ensemble.build.config import build_config
from zookeeper_operator.ensemble.build.pod import build_pod_template

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


def started(
    tmp_path: Path, port: int, *, patience: int, idle: int
) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "started.sh"
    script.write_text(build_config(target())["data"]["started.sh"])
    return subprocess.run(
        ["bash", str(script), str(port), str(patience), str(idle)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


SERVING = ('{\n  "command" : "ruok",\n  "error" : null\n}', '{"command":"ruok","error":null}')


@pytest.mark.parametrize("body", SERVING)
def test_who_serves_has_started(tmp_path: Path, admin: Admin, body: str) -> None:
    admin.body = body
    assert started(tmp_path, admin.port, patience=5, idle=5).returncode == 0
    assert admin.asked == ["/commands/ruok"]


def test_the_probe_waits_until_the_member_serves(tmp_path: Path, admin: Admin) -> None:
    """It would fail otherwise, which is a Warning Event in each healthy start."""
    admin.body = f'{{"command" : "ruok", "error" : "{NOT_SERVING}"}}'

    def serve() -> None:
        admin.body = SERVING[0]

    later = threading.Timer(1, serve)
    later.start()
    assert started(tmp_path, admin.port, patience=15, idle=15).returncode == 0
    later.join()
    assert len(admin.asked) > 1


def test_who_answers_for_a_while_has_started_without_serving(tmp_path: Path, admin: Admin) -> None:
    admin.body = f'{{"command" : "ruok", "error" : "{NOT_SERVING}"}}'
    assert started(tmp_path, admin.port, patience=15, idle=1).returncode == 0


def test_who_does_not_answer_has_not_started(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = started(tmp_path, unused.getsockname()[1], patience=1, idle=1)
    assert result.returncode == 1
    assert result.stdout.strip() == "the AdminServer does not answer"
    assert not result.stderr


def test_the_script_gives_up_before_the_kubelet_does() -> None:
    """A probe that is cut off is a failure without a word."""
    probe = build_pod_template(target(), names.VOTER, config="c", auth_hash="a")["spec"][
        "containers"
    ][0]["startupProbe"]
    patience = re.search(r"patience=\$\{2:-(\d+)\}", build_config(target())["data"]["started.sh"])
    assert patience is not None
    # One question may take two seconds more.
    assert int(patience[1]) + 5 <= probe["timeoutSeconds"]
    assert probe["failureThreshold"] * int(patience[1]) >= 1800, (
        "a large database takes long to load"
    )
